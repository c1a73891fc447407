"""What the prompt offers to complete: keywords, functions, tables and columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from athena.functions.registry import AGGREGATES, SCALARS, WINDOWS
from sql.tables import TableShape

KEYWORDS = tuple(
    """ALL AND ANY AS ASC BETWEEN BY CASE CAST CROSS CURRENT_DATE CURRENT_TIMESTAMP DATE DESC
    DESCRIBE DISTINCT ELSE END ESCAPE EXCEPT EXISTS EXTRACT FALSE FETCH FILTER FIRST
    FOLLOWING FROM FULL GROUP HAVING IN INNER INTERSECT INTERVAL IS JOIN LAST LEFT LIKE
    LIMIT NOT NULL NULLS OFFSET ON OR ORDER OUTER OVER PARTITION PRECEDING RANGE RIGHT ROWS
    SELECT SHOW TABLES THEN TIMESTAMP TRUE TRY_CAST UNBOUNDED UNION UNNEST USING VALUES
    VIEWS WHEN WHERE WITH""".split()
)

# A name may be qualified: the words before the last dot say whose column it is.
_WORD = re.compile(r'[\w$".]*$')
_AFTER_TABLE_WORD = re.compile(r"(?:\b(?:from|join|describe)|\\d)\s+$", re.IGNORECASE)


class SqlCompleter(Completer):
    r"""Completes the word before the cursor.

    After FROM, JOIN or ``\d`` it offers tables. Elsewhere it offers keywords, functions, tables,
    and the columns of the tables that the text names, or of all tables if it names none.

    Parameters
    ----------
    tables
        Returns the tables, empty if they are not known. It is called for each completion.
    commands
        The commands of the prompt, such as ``\d``.
    """

    def __init__(self, tables: Callable[[], Sequence[TableShape]], commands: Iterable[str]) -> None:
        self._tables = tables
        self._commands = tuple(commands)
        self._functions = sorted({*SCALARS, *AGGREGATES, *WINDOWS})

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterator[Completion]:
        """Yield what may stand in place of the word before the cursor, in alphabetical order."""
        before = document.text_before_cursor
        if before.startswith("\\") and " " not in before:
            yield from _matching(before, self._commands, "command")
            return
        word = _WORD.search(before)
        assert word is not None  # noqa: S101 - the pattern matches an empty text
        whole, start = word[0], before[: word.start()]
        tables = self._tables()
        owner, dot, last = whole.rpartition(".")
        named = _named(document.text, tables)
        if dot:
            yield from _matching(last, _qualified(owner, document.text, tables), "")
        elif _AFTER_TABLE_WORD.search(start):
            yield from _matching(last, _table_names(tables), "table")
        elif last:
            yield from _matching(last, _column_names(named or tables), "column")
            yield from _matching(last, _table_names(tables), "table")
            yield from _matching(last, self._functions, "function")
            yield from _matching(last, KEYWORDS, "keyword")


def _matching(word: str, names: Iterable[str], kind: str) -> Iterator[Completion]:
    begin = word.lower().lstrip('"')
    for name in sorted(set(names)):
        if name.lower().lstrip('"').startswith(begin):
            yield Completion(name, start_position=-len(word), display_meta=kind)


def _table_names(tables: Iterable[TableShape]) -> Iterator[str]:
    return (_written(each.name) for each in tables)


def _column_names(tables: Iterable[TableShape]) -> Iterator[str]:
    return (_written(column.name) for each in tables for column in each.columns)


def _named(text: str, tables: Iterable[TableShape]) -> list[TableShape]:
    """Return the tables whose names are words of the text."""
    words = {each.lower() for each in re.findall(r"[\w$-]+", text)}
    return [each for each in tables if each.name.lower() in words]


def _qualified(owner: str, text: str, tables: Sequence[TableShape]) -> Iterator[str]:
    """Yield what may follow a database's name, a table's name or a table's alias, and a dot."""
    name = owner.replace('"', "").rpartition(".")[2].lower()
    for table in tables:
        if table.database.lower() == name:
            yield _written(table.name)
        alias = rf'\b{re.escape(table.name)}"?\s+(?:as\s+)?"?{re.escape(name)}\b'
        if table.name.lower() == name or re.search(alias, text, re.IGNORECASE):
            yield from _column_names([table])


def _written(name: str) -> str:
    """Return a name as SQL needs it written."""
    return name if re.fullmatch(r"[a-z_]\w*", name) else f'"{name}"'
