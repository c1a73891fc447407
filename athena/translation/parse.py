"""Athena's SQL as a syntax tree, by sqlglot's Trino grammar, with functions as written."""

from __future__ import annotations

import re
from itertools import pairwise, zip_longest
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import SqlglotError
from sqlglot.parsers.trino import TrinoParser
from sqlglot.tokenizer_core import Token, TokenType

from athena.errors import SqlError

_DECIMAL = re.compile(r"[+-]?(?=[0-9.]*[0-9])(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?")
_SYNTAX = ("CAST", "TRY_CAST", "EXTRACT", "TRIM", "SUBSTRING", "POSITION")


class AthenaDialect(Trino):
    """Trino, with function names and array subscripts kept as written.

    sqlglot would replace functions with its own, whose meaning differs between dialects. Here a
    function is looked up by its name in Athena.
    """

    INDEX_OFFSET = 0

    class Parser(TrinoParser):
        """The Trino grammar without sqlglot's functions."""

        FUNCTIONS: ClassVar = {}
        FUNCTION_PARSERS: ClassVar = {
            name: parser for name, parser in TrinoParser.FUNCTION_PARSERS.items() if name in _SYNTAX
        }


def _check_tokens(tokens: list[Token]) -> None:
    """Refuse what the grammar accepts, but Athena refuses or understands differently."""
    for token, following in zip_longest(tokens, tokens[1:]):
        if token.token_type == TokenType.DCOLON:
            raise SqlError("Athena has no ::; write CAST(… AS …)", token.line, token.col)
        glued = following is not None and following.start == token.end + 1
        if (
            token.token_type == TokenType.NUMBER
            and glued
            and following is not None
            and following.token_type == TokenType.VAR
        ):
            raise SqlError(
                f"dmd sql cannot read the number {token.text}{following.text};"
                " write only its digits",
                token.line,
                token.col,
            )


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
    try:
        sql = _with_decimal_literals(sql, dialect.tokenize(sql))
        _check_tokens(dialect.tokenize(sql))
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
            # sqlglot's column is that of a word's last character.
            return int(meta["line"]), int(meta["col"]) - (int(meta["end"]) - int(meta["start"]))
    return None
