"""Where a text of SQL has the ends of its statements, and its ``?``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from athena.errors import SqlError

# A text or a comment that is not closed goes on to the end.
_TOKEN = re.compile(
    r"""
    '(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z) | `[^`]*(?:`|\Z)
    | --[^\n]* | /\*.*?(?:\*/|\Z) | [;?]
    """,
    re.DOTALL | re.VERBOSE,
)
_BLANK = r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
_PREPARE = re.compile(rf"{_BLANK}prepare\b", re.IGNORECASE | re.DOTALL)
_EXECUTE = re.compile(rf"{_BLANK}execute\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Statements:
    """The statements of a text.

    Parameters
    ----------
    complete
        Those that a semicolon ends, without it.
    rest
        What follows the last of them; empty if there are only spaces and comments.
    """

    complete: tuple[str, ...]
    rest: str

    @property
    def every(self) -> tuple[str, ...]:
        """All of them: the last one needs no semicolon."""
        return (*self.complete, *filter(None, (self.rest,)))


def split(text: str) -> Statements:
    """Return the statements of a text; empty ones are left out."""
    begin = 0
    found: list[str] = []
    for end in _marks(text, ";"):
        found.append(text[begin:end].strip())
        begin = end + 1
    rest = text[begin:].strip()
    complete = tuple(each for each in found if not _is_blank(each))
    return Statements(complete, "" if _is_blank(rest) else rest)


def placeholders(sql: str) -> int:
    """Return the number of ``?`` for which a statement needs a value.

    Those of a PREPARE get their values later, from EXECUTE.
    """
    if _PREPARE.match(sql):
        return 0
    return sum(1 for _ in _marks(sql, "?"))


def check_count(sql: str, parameters: Sequence[str]) -> None:
    """Raise `SqlError` unless there is one literal for each ``?`` of a statement.

    How many an EXECUTE needs, only the engine knows.
    """
    if _EXECUTE.match(sql):
        return
    wanted = placeholders(sql)
    if wanted != len(parameters):
        raise SqlError(
            f"the statement has {wanted} ? and {len(parameters)} values were given:"
            " give --param once for each ?"
        )


def _marks(text: str, mark: str) -> Iterator[int]:
    """Yield the places of a character that is neither in a text, a name nor a comment."""
    return (found.start() for found in _TOKEN.finditer(text) if found[0] == mark)


def _is_blank(text: str) -> bool:
    return not _TOKEN.sub(lambda found: "" if found[0][:2] in ("--", "/*") else "x", text).strip()
