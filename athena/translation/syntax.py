"""Syntax that sqlglot's grammar takes from other dialects, and that Athena refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from athena.errors import SqlError
from athena.translation.relation import only

# Words and signs of other dialects: without them in sqlglot's tables they are plain names, or two
# signs. https://trino.io/docs/current/language/types.html has the names of the types.
FOREIGN = frozenset(
    (
        *"== <=> ~~ ~~* ~~~ ~~~~ GLOB XOR DIV DEC NUMBER NUMERIC FIXED FLOAT FLOAT4 FLOAT8".split(),
        *"STR STRING TEXT CLOB LONGVARCHAR BLOB BYTEA VARCHAR2 INT4 INT32 INT64 LONG".split(),
        *"TIMESTAMPTZ TIMESTAMPLTZ TIMESTAMP_LTZ DATETIME STRUCT".split(),
        *("SIMILAR TO", "CHAR VARYING", "CHARACTER VARYING"),
    )
)

_OPERANDS = frozenset({"this", "expression"})
# What the translation reads of each node. All else that a query says has to be refused.
_READ: Mapping[type, frozenset[str]] = {
    **dict.fromkeys(
        (
            *(exp.Add, exp.Sub, exp.Mul, exp.Mod, exp.And, exp.Or, exp.DPipe, exp.EQ, exp.NEQ),
            *(exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.Escape, exp.Filter, exp.WithinGroup),
            *(exp.NullSafeEQ, exp.NullSafeNEQ, exp.Dot, exp.Extract, exp.Offset),
        ),
        _OPERANDS,
    ),
    exp.Div: _OPERANDS | {"typed", "safe"},
    exp.Like: _OPERANDS | {"negate"},
    **dict.fromkeys(
        (exp.Not, exp.Neg, exp.Paren, exp.Exists, exp.IgnoreNulls, exp.RespectNulls),
        frozenset({"this"}),
    ),
    **dict.fromkeys(
        (exp.Array, exp.Tuple, exp.Rollup, exp.Cube, exp.GroupingSets), frozenset({"expressions"})
    ),
    exp.Distinct: frozenset({"expressions", "on"}),
    exp.Anonymous: frozenset({"this", "expressions"}),
    exp.Bracket: frozenset({"this", "expressions"}),
    exp.Lambda: frozenset({"this", "expressions"}),
    exp.Order: frozenset({"this", "expressions"}),
    exp.Ordered: frozenset({"this", "desc", "nulls_first"}),
    exp.AtTimeZone: frozenset({"this", "zone"}),
    exp.Between: frozenset({"this", "low", "high"}),
    exp.In: frozenset({"this", "expressions", "query"}),
    exp.Case: frozenset({"this", "ifs", "default"}),
    exp.If: frozenset({"this", "true", "false"}),
    exp.Cast: frozenset({"this", "to"}),
    exp.TryCast: frozenset({"this", "to", "safe"}),
    exp.Column: frozenset({"this", "table", "db", "catalog"}),
    exp.Star: frozenset(),
    exp.Interval: frozenset({"this", "unit"}),
    exp.StrPosition: frozenset({"this", "substr"}),
    exp.Substring: frozenset({"this", "start", "length"}),
    exp.Trim: frozenset({"this", "expression", "position"}),
    exp.Window: frozenset({"this", "alias", "order", "over", "partition_by", "spec"}),
    exp.Limit: frozenset({"expression"}),
    exp.CTE: frozenset({"this", "alias"}),
    exp.Unnest: frozenset({"expressions", "alias", "offset"}),
    exp.CurrentDate: frozenset(),
    exp.CurrentTimestamp: frozenset(),
    exp.Localtimestamp: frozenset(),
}


def check_tree(tree: exp.Expr) -> None:
    """Refuse whatever a query says that the translation does not read.

    Raises
    ------
    SqlError
        For example for ``* EXCLUDE (a)``.
    """
    for node in tree.walk():
        allowed = _READ.get(type(node))
        if allowed is not None:
            only(node, allowed)
        if isinstance(node, exp.Join) and (node.args.get("kind") or "").upper() not in _JOINS:
            raise SqlError(f"Athena has no {node.args['kind']} JOIN")


_JOINS = ("", "INNER", "CROSS", "OUTER")


def at(token: Token, message: str) -> SqlError:
    """Return an error at the first character of a token."""
    return SqlError(message, token.line, token.col - (token.end - token.start))


def check_tokens(sql: str, tokens: Sequence[Token]) -> None:
    """Refuse words of a query that the grammar would take for something else.

    Raises
    ------
    SqlError
        With the place of the word.
    """
    for token, following, third, fourth in zip_longest(tokens, tokens[1:], tokens[2:], tokens[3:]):
        _check_one(sql, token)
        if following is not None:
            _check_two(token, following)
        if following is not None and third is not None:
            _check_three(token, following, third, fourth)
    if tokens and tokens[-1].token_type == TokenType.COMMA:
        raise at(tokens[-1], "this is not Athena SQL: nothing follows the comma")
    _check_joins(tokens)


def _check_one(sql: str, token: Token) -> None:
    kind, text = token.token_type, sql[token.start : token.end + 1]
    if kind == TokenType.DCOLON:
        raise at(token, "Athena has no ::; write CAST(… AS …)")
    if kind == TokenType.ILIKE:
        raise at(token, "Athena has no ILIKE; write lower(a) LIKE lower(b)")
    if kind == TokenType.RLIKE:
        raise at(token, f"Athena has no {text.upper()}; write regexp_like(a, b)")
    if text[:2].lower() in ("0x", "0b", "0o") and text[0] == "0":
        raise at(token, f"dmd sql cannot read the number {text}; write it in decimal digits")


def _check_two(token: Token, following: Token) -> None:
    pair = (token.token_type, following.token_type)
    glued = following.start == token.end + 1
    if glued and pair == (TokenType.NUMBER, TokenType.VAR):
        number = token.text + following.text
        raise at(token, f"dmd sql cannot read the number {number}; write only its digits")
    if token.token_type == TokenType.COMMA and following.token_type in (
        TokenType.FROM,
        TokenType.R_PAREN,
    ):
        raise at(token, "this is not Athena SQL: nothing follows the comma")
    if pair == (TokenType.ALIAS, TokenType.STRING):
        raise at(following, f'a name stands in double quotes: AS "{following.text}"')
    if pair == (TokenType.INTERVAL, TokenType.NUMBER):
        raise at(following, f"write the number in quotes: INTERVAL '{following.text}' DAY")


def _check_three(token: Token, following: Token, third: Token, fourth: Token | None) -> None:
    if token.token_type == TokenType.LIMIT and third.token_type in (
        TokenType.OFFSET,
        TokenType.COMMA,
    ):
        raise at(third, "in Athena, OFFSET comes before LIMIT: OFFSET 20 LIMIT 10")
    wanted = (TokenType.R_PAREN, TokenType.FILTER, TokenType.L_PAREN)
    kinds = (token.token_type, following.token_type, third.token_type)
    if kinds == wanted and (fourth is None or fourth.token_type != TokenType.WHERE):
        raise at(following, "write FILTER (WHERE condition)")


_ENDS = frozenset(
    {
        *(TokenType.WHERE, TokenType.GROUP_BY, TokenType.ORDER_BY, TokenType.HAVING),
        *(TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT, TokenType.LIMIT),
        *(TokenType.OFFSET, TokenType.FETCH, TokenType.SELECT, TokenType.SEMICOLON),
    }
)


def _check_joins(tokens: Sequence[Token]) -> None:
    """Refuse a JOIN without ON or USING, for which sqlglot's tree is that of a CROSS JOIN."""
    # For each parenthesis around the place, the JOINs that have no condition yet.
    open_joins: list[list[Token]] = [[]]
    before = None
    for token in tokens:
        kind = token.token_type
        if kind == TokenType.JOIN and before not in (TokenType.CROSS, TokenType.NATURAL):
            open_joins[-1].append(token)
        elif kind in (TokenType.ON, TokenType.USING) and open_joins[-1]:
            open_joins[-1].pop()
        elif kind == TokenType.L_PAREN:
            open_joins.append([])
        if kind == TokenType.R_PAREN and len(open_joins) > 1:
            _refuse_open(open_joins.pop())
        elif kind in _ENDS:
            _refuse_open(open_joins[-1])
        before = kind
    for each in open_joins:
        _refuse_open(each)


def _refuse_open(joins: Sequence[Token]) -> None:
    if joins:
        raise at(joins[0], "a JOIN needs ON or USING; for all pairs of rows write CROSS JOIN")
