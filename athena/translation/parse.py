"""Athena's SQL as a syntax tree, by sqlglot's Trino grammar, with functions as written."""

from __future__ import annotations

import difflib
import re
from itertools import pairwise
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import SqlglotError
from sqlglot.parsers.trino import TrinoParser
from sqlglot.tokenizer_core import Token, TokenType

from athena.errors import SqlError
from athena.translation.syntax import FOREIGN, check_tokens, check_tree

_DECIMAL = re.compile(r"[+-]?(?=[0-9.]*[0-9])(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?")
_KEYWORDS = tuple(
    "SELECT FROM WHERE GROUP ORDER HAVING LIMIT OFFSET JOIN LEFT RIGHT INNER OUTER CROSS UNION"
    " DISTINCT BETWEEN UNNEST WINDOW PARTITION OVER CASE WHEN THEN ELSE END LIKE EXISTS".split()
)
_SYNTAX = ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "SUBSTRING", "POSITION")


TrinoTokenizer = Trino.Tokenizer


class AthenaDialect(Trino):
    """Trino, with function names and array subscripts kept as written.

    sqlglot would replace functions with its own, whose meaning differs between dialects. Here a
    function is looked up by its name in Athena.
    """

    INDEX_OFFSET = 0

    class Tokenizer(TrinoTokenizer):
        """Trino's words, without the commands after which sqlglot would read no further words."""

        COMMANDS: ClassVar = set()
        KEYWORDS: ClassVar = {
            word: kind
            for word, kind in TrinoTokenizer.KEYWORDS.items()
            if kind != TokenType.COMMAND and word not in FOREIGN
        }

    class Parser(TrinoParser):
        """The Trino grammar without sqlglot's functions."""

        FUNCTIONS: ClassVar = {}
        FUNCTION_PARSERS: ClassVar = {
            name: parser for name, parser in TrinoParser.FUNCTION_PARSERS.items() if name in _SYNTAX
        }


def tokens_of(sql: str) -> list[Token]:
    """Return the words and signs of a text.

    Raises
    ------
    SqlError
        A string, a name or a comment has no end.
    """
    try:
        return AthenaDialect().tokenize(sql)
    except SqlglotError as error:
        raise _not_athena_sql(sql, error) from None


def _not_athena_sql(sql: str, error: SqlglotError) -> SqlError:
    """Return the error for the author of the query, which names the word that is wrong."""
    details = getattr(error, "errors", None)
    if not details:
        return SqlError(
            "this is not Athena SQL: a string, a name in quotes or a comment has no end"
        )
    first = details[0]
    word, line, column = first.get("highlight"), first.get("line"), first.get("col")
    place = f" at {word}" if word else ""
    message = str(first.get("description") or "").rstrip(".")
    if message.startswith("Required keyword"):
        message = "something is missing here"
    elif not message.startswith("Expecting"):
        message = "it is not expected here"
    hint = _misspelt(sql, line, column)
    column = column and max(1, column - len(word or "") + 1)
    return SqlError(f"this is not Athena SQL{place}: {message}{hint}", line, column)


def _misspelt(sql: str, line: int | None, column: int | None) -> str:
    """Return a hint if a word before the place of an error looks like a keyword."""
    before = [
        token
        for token in AthenaDialect().tokenize(sql)
        if (token.line, token.col) <= (line or 0, column or 0)
    ]
    for token in reversed(before[-3:]):
        word = token.text.upper()
        close = difflib.get_close_matches(word, _KEYWORDS, 1, 0.7)
        if token.token_type == TokenType.VAR and close and word not in _KEYWORDS:
            return f"; did you mean {close[0]} instead of {token.text}?"
    return ""


def _with_decimal_literals(sql: str, tokens: list[Token]) -> str:
    """Return the text with each ``DECIMAL '1.50'`` replaced by a cast.

    The literal's digits decide its type, but sqlglot drops them.
    """
    for token, following in reversed(list(pairwise(tokens))):
        if (token.token_type, following.token_type) != (TokenType.DECIMAL, TokenType.STRING):
            continue
        number = _DECIMAL.fullmatch(following.text)
        if number is None:
            raise SqlError(f"{following.text!r} is not a decimal", token.line, token.col)
        whole, fraction = number["whole"].lstrip("0"), number["fraction"] or ""
        precision = max(len(whole) + len(fraction), 1)
        kind = f"DECIMAL({precision}, {len(fraction)})"
        cast = f"CAST('{following.text}' AS {kind})"
        sql = sql[: token.start] + cast + sql[following.end + 1 :]
    return sql


def parse(sql: str) -> exp.Expr:
    """Return the one statement in ``sql``.

    Raises
    ------
    SqlError
        ``sql`` is not one statement of Athena SQL.
    """
    dialect = AthenaDialect()
    sql = _with_decimal_literals(sql, tokens_of(sql))
    check_tokens(sql, tokens_of(sql))
    try:
        statements = [s for s in dialect.parse(sql) if s is not None]
    except SqlglotError as error:
        raise _not_athena_sql(sql, error) from None
    if len(statements) != 1:
        raise SqlError(
            "give one statement" if statements else "there is no statement; give a SELECT"
        )
    check_tree(statements[0])
    return statements[0]


def place(node: exp.Expr) -> tuple[int, int] | None:
    """Return line and column of the first name in ``node`` that has them."""
    for part in node.walk():
        meta = part.meta
        if "line" in meta and "start" in meta:
            # sqlglot's column is that of a word's last character.
            return int(meta["line"]), int(meta["col"]) - (int(meta["end"]) - int(meta["start"]))
    return None
