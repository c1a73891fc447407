"""Athena's SQL as a syntax tree: sqlglot's Trino grammar, functions left as they are written."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import SqlglotError
from sqlglot.parsers.trino import TrinoParser
from sqlglot.tokenizer_core import Token, TokenType

from local.sql.errors import SqlError

_SYNTAX = ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "SUBSTRING", "POSITION")


class AthenaDialect(Trino):
    """Trino, with calls kept by name and array subscripts kept as written.

    sqlglot would turn functions into its own common ones, whose meaning is a mixture; what a
    function means here is looked up by the name that Athena knows.
    """

    INDEX_OFFSET = 0

    class Parser(TrinoParser):
        """The Trino grammar without sqlglot's functions."""

        FUNCTIONS: ClassVar = {}
        FUNCTION_PARSERS: ClassVar = {
            name: parser for name, parser in TrinoParser.FUNCTION_PARSERS.items() if name in _SYNTAX
        }


def _check_tokens(tokens: list[Token]) -> None:
    """Refuse what the grammar would take and Athena does not, or means otherwise."""
    for token, following in zip_longest(tokens, tokens[1:]):
        if token.token_type == TokenType.DCOLON:
            raise SqlError("Athena has no ::; write CAST(… AS …)", token.line, token.col)
        if (
            token.token_type == TokenType.DECIMAL
            and following is not None
            and following.token_type == TokenType.STRING
        ):
            raise SqlError(
                f"write the decimal {following.text} without DECIMAL and quotes",
                token.line,
                token.col,
            )
        glued = following is not None and following.start == token.end + 1
        if (
            token.token_type == TokenType.NUMBER
            and glued
            and following is not None
            and following.token_type == TokenType.VAR
        ):
            raise SqlError(
                f"the number {token.text}{following.text} is not one that dmd sql can read;"
                " write its digits only",
                token.line,
                token.col,
            )


def parse(sql: str) -> exp.Expr:
    """Return the one statement in ``sql``.

    Raises
    ------
    SqlError
        It is not one statement of Athena SQL.
    """
    dialect = AthenaDialect()
    try:
        tokens = dialect.tokenize(sql)
        _check_tokens(tokens)
        statements = [s for s in dialect.parse(sql) if s is not None]
    except SqlglotError as error:
        details = getattr(error, "errors", None)
        first = details[0] if details else {}
        message = re.sub(r"\x1b\[\d+m", "", str(first.get("description") or error).rstrip("."))
        raise SqlError(
            f"this is not Athena SQL: {message}", first.get("line"), first.get("col")
        ) from None
    if len(statements) != 1:
        raise SqlError(
            "give one statement" if statements else "there is no statement; give a SELECT"
        )
    return statements[0]


def place(node: exp.Expr) -> tuple[int, int] | None:
    """Return line and column of the first name in ``node`` that has them."""
    for part in node.walk():
        meta = part.meta
        if "line" in meta and "start" in meta:
            # sqlglot counts the column of a word's last character.
            return int(meta["line"]), int(meta["col"]) - (int(meta["end"]) - int(meta["start"]))
    return None
