"""Which kind of statement a text is, before its query is parsed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sqlglot.tokenizer_core import Token, TokenType

from athena.errors import SqlError
from athena.translation.parse import tokens_of
from athena.translation.syntax import at

_QUERIES = ("SELECT", "WITH", "VALUES", "TABLE", "(")
_SHOWN = ("SHOW", "DESCRIBE", "DESC")
_PREPARED = ("PREPARE", "EXECUTE", "DEALLOCATE")
_OWNED = "the tables belong to the pipeline, and only the pipeline changes them"
_REFUSED = {
    **dict.fromkeys(
        "ALTER COMMENT CREATE DELETE DROP INSERT MERGE TRUNCATE UPDATE".split(), _OWNED
    ),
    "UNLOAD": "it writes files to S3, and dmd sql only reads; run the SELECT inside it",
    "MSCK": "partitions are projected, not registered, so that there is nothing to repair",
    "OPTIMIZE": "it rewrites Iceberg tables, and a local run has none",
    "VACUUM": "it cleans up Iceberg tables, and a local run has none",
    "USE": "write the database before the table's name instead, as in database.table",
    **dict.fromkeys(
        "ANALYZE CALL COMMIT DENY GRANT REFRESH RESET REVOKE ROLLBACK SET START".split(),
        "Athena has no such statement",
    ),
}
_KNOWN = (*_QUERIES[:-1], *_SHOWN, *_PREPARED, "EXPLAIN", *_REFUSED)


@dataclass(frozen=True)
class Query:
    """A SELECT, WITH, VALUES or TABLE, or one of them in parentheses."""

    sql: str


@dataclass(frozen=True)
class Show:
    """A SHOW or DESCRIBE, in one line and without comments."""

    sql: str


@dataclass(frozen=True)
class Explain:
    """EXPLAIN of a query."""

    query: str


@dataclass(frozen=True)
class Prepare:
    """``PREPARE name FROM query``."""

    name: str
    query: str


@dataclass(frozen=True)
class Execute:
    """``EXECUTE name USING literal, …``."""

    name: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Deallocate:
    """``DEALLOCATE PREPARE name``."""

    name: str


Statement = Query | Show | Explain | Prepare | Execute | Deallocate


def read_statement(sql: str) -> Statement:
    """Return the one statement in ``sql``; its query is not parsed yet.

    Raises
    ------
    SqlError
        There is not one statement, or dmd sql does not answer such a statement.
    """
    tokens = tokens_of(sql)
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise SqlError("there is no statement; give a SELECT")
    if any(token.token_type == TokenType.SEMICOLON for token in tokens):
        raise SqlError("give one statement")
    text = sql[: tokens[-1].end + 1]
    first = _word(tokens[0])
    if first in _QUERIES:
        return Query(text)
    if first in _SHOWN:
        words = [sql[token.start : token.end + 1] for token in tokens]
        spaces = [" " * (b.start > a.end + 1) for a, b in pairwise(tokens)]
        return Show("".join(word + space for word, space in zip(words, [*spaces, ""], strict=True)))
    if first == "EXPLAIN":
        return _explain(text, tokens)
    if first in _PREPARED:
        return _prepared(first, text, tokens)
    if first in _REFUSED:
        raise SqlError(f"dmd sql does not run {first}: {_REFUSED[first]}")
    close = difflib.get_close_matches(first, _KNOWN, 1)
    hint = f"; did you mean {close[0]}?" if close else "; give a SELECT"
    raise at(tokens[0], f"{tokens[0].text} begins no statement of Athena SQL{hint}")


def _word(token: Token) -> str:
    return (
        "" if token.token_type in (TokenType.STRING, TokenType.IDENTIFIER) else token.text.upper()
    )


def _explain(text: str, tokens: Sequence[Token]) -> Explain:
    following = _word(tokens[1]) if len(tokens) > 1 else ""
    if following not in _QUERIES or (following == "(" and _word(tokens[2]) in ("FORMAT", "TYPE")):
        raise SqlError(
            "dmd sql explains a query: EXPLAIN SELECT …. It has no options and no ANALYZE, because"
            " the plan is not Athena's"
        )
    return Explain(text[tokens[1].start :])


def _prepared(first: str, text: str, tokens: Sequence[Token]) -> Statement:
    words = [_word(token) for token in tokens]
    if first == "PREPARE" and len(tokens) > 3 and words[2] == "FROM":
        return Prepare(_name(tokens[1]), text[tokens[3].start :])
    if first == "DEALLOCATE" and len(tokens) == 3 and words[1] == "PREPARE":
        return Deallocate(_name(tokens[2]))
    if first == "EXECUTE" and len(tokens) == 2:
        return Execute(_name(tokens[1]), ())
    if first == "EXECUTE" and len(tokens) > 3 and words[2] == "USING":
        return Execute(_name(tokens[1]), _parameters(text, tokens[3:]))
    raise SqlError(
        "write PREPARE name FROM SELECT …, EXECUTE name USING 1, 'text' and DEALLOCATE PREPARE name"
    )


def _name(token: Token) -> str:
    if not re.fullmatch(r"\w+", token.text):
        raise at(token, "a prepared statement's name has letters, digits and _")
    return token.text.lower()


def _parameters(text: str, tokens: Sequence[Token]) -> tuple[str, ...]:
    """Return the texts between the commas that are in no parentheses."""
    parameters, depth, begin = [], 0, tokens[0].start
    for token in tokens:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(_word(token), 0)
        if token.token_type == TokenType.COMMA and depth == 0:
            parameters.append(text[begin : token.start].strip())
            begin = token.end + 1
    return (*parameters, text[begin : tokens[-1].end + 1].strip())
