"""The ``?`` of a statement, and the literals that take their place."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from athena.errors import SqlError
from athena.translation.parse import parse, tokens_of


def with_parameters(sql: str, parameters: Sequence[str]) -> str:
    """Return a query with its ``?`` replaced by SQL literals, in their order.

    Raises
    ------
    SqlError
        There are not as many literals as ``?``, or one is not a literal.

    Notes
    -----
    https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html
    """
    places = [token for token in tokens_of(sql) if token.token_type == TokenType.PLACEHOLDER]
    if len(places) != len(parameters):
        raise SqlError(
            f"the query has {len(places)} parameters (?), but {len(parameters)} values are given"
        )
    for token, parameter in reversed(list(zip(places, parameters, strict=True))):
        # Blanks, because -? with -1 would begin a comment.
        sql = f"{sql[: token.start]} {_literal(parameter)} {sql[token.end + 1 :]}"
    return sql


def _literal(text: str) -> str:
    """Return a literal that can stand wherever a ``?`` can."""
    wrong = SqlError(
        f"the parameter {text} is not a literal of SQL; write text in single quotes, such as"
        " '2026-11-01', and a number as it is"
    )
    try:
        select = parse(f"SELECT ({text}\n)")
    except SqlError:
        raise wrong from None
    item = select.expressions[0]
    other = (exp.Column, exp.Query, exp.Placeholder, exp.Star, exp.Connector)
    alone = isinstance(item, exp.Paren) and select.sql() == f"SELECT {item.sql()}"
    if not alone or item.find(*other) is not None:
        raise wrong
    tokens = tokens_of(text)
    # Without parentheses, because LIMIT (5) is not SQL; a comment at its end is left out.
    return text[tokens[0].start : tokens[0].end + 1] if len(tokens) == 1 else f"({text}\n)"
