# ruff: noqa: S608  (writing SQL is this module's work; values are quoted by literal)
"""Expressions of Athena SQL as typed DuckDB text.

Each kind of syntax has a method. Syntax without one is refused, so that nothing is passed to
DuckDB whose meaning was not compared with Athena's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from sqlglot import exp

from athena.errors import SqlError
from athena.functions.scalar import literal
from athena.translation.calls import CallTranslator
from athena.translation.literals import has_zone, interval, literal_value
from athena.translation.parse import place
from athena.translation.relation import Relation
from athena.translation.scope import Scope, row_field, row_member
from athena.values.arithmetic import calculate
from athena.values.casts import cast
from athena.values.coercion import Typed, coerce, common_type
from athena.values.comparisons import branches, comparison, not_comparable, unlike
from athena.values.failures import failure
from athena.values.trino_types import (
    BOOLEAN,
    CLOCK_ELSEWHERE,
    DATE,
    DAYS,
    MONTHS,
    UNKNOWN,
    VARBINARY,
    VARCHAR,
    array,
    duckdb_type,
    parse_type,
    timestamp,
    timestamp_with_zone,
)


class Queries(Protocol):
    """What translates a query inside an expression."""

    def query(self, node: exp.Expr, outer: Scope | None) -> Relation:
        """Return the translated query."""


@dataclass(frozen=True)
class ExpressionTranslator:
    """Translates the expressions of one SELECT.

    Parameters
    ----------
    scope
        What column names mean.
    queries
        Translates the subqueries.
    outputs
        Columns of the SELECT list, which names in ORDER BY refer to first.
    parameters
        The parameters of the lambdas around the expression.
    windows
        The windows that the SELECT names.
    """

    scope: Scope
    queries: Queries
    outputs: Mapping[str, Typed] = field(default_factory=dict)
    parameters: Mapping[str, Typed] = field(default_factory=dict)
    windows: Mapping[str, exp.Window] = field(default_factory=dict)

    def translate(self, node: exp.Expr) -> Typed:
        """Return the expression's DuckDB text and type.

        Raises
        ------
        SqlError
            Athena would refuse it, or dmd sql has no exact translation.
        """
        method = _METHODS.get(type(node))
        try:
            if method is None:
                shown = node.sql(dialect="trino")
                raise SqlError(f"dmd sql does not translate `{shown[:60]}` ({type(node).__name__})")
            return method(self, node)
        except SqlError as error:
            where = place(node)
            raise (error.at(*where) if where else error) from None

    def condition(self, node: exp.Expr) -> str:
        """Return the text of an expression that has to be boolean."""
        value = self.translate(node)
        if value.type not in (BOOLEAN, UNKNOWN):
            raise SqlError(f"a condition must be boolean, not {value.type}")
        return coerce(value, BOOLEAN).sql

    def ordered(self, node: exp.Expr) -> str:
        """Return one item of an ORDER BY; by default, NULLs are last."""
        if not isinstance(node, exp.Ordered):
            return f"{self.translate(node).sql} ASC NULLS LAST"
        return self.direction(node, self.translate(node.this).sql)

    @staticmethod
    def direction(node: exp.Ordered, sql: str) -> str:
        """Return ``sql`` with the order that the item asks for."""
        way = "DESC" if node.args.get("desc") else "ASC"
        return f"{sql} {way} NULLS {'FIRST' if node.args.get('nulls_first') else 'LAST'}"

    def _column(self, node: exp.Column) -> Typed:
        parts = [part.name for part in node.parts]
        name = parts[0].lower()
        for known in (self.parameters, self.outputs):
            if name in known:
                return row_field(known[name], parts[1:])
        return self.scope.resolve(parts)

    def _identifier(self, node: exp.Identifier) -> Typed:
        return self._column(exp.column(node.copy()))

    def _dot(self, node: exp.Dot) -> Typed:
        if not isinstance(node.expression, exp.Identifier):
            raise SqlError(f"dmd sql does not translate `{node.sql(dialect='trino')}`")
        return row_field(self.translate(node.this), [node.expression.name])

    def _boolean(self, node: exp.Boolean) -> Typed:
        return Typed("TRUE" if node.this else "FALSE", BOOLEAN)

    def _null(self, node: exp.Null) -> Typed:
        return Typed("NULL", UNKNOWN)

    def _hex(self, node: exp.HexString) -> Typed:
        return Typed(f"unhex({literal(str(node.this))})", VARBINARY)

    def _paren(self, node: exp.Paren) -> Typed:
        inner = self.translate(node.this)
        return replace(inner, sql=f"({inner.sql})")

    def _negative(self, node: exp.Neg) -> Typed:
        value = self.translate(node.this)
        if not (value.type.is_number or value.type in (DAYS, MONTHS)):
            raise SqlError(f"cannot negate {value.type}")
        sql = f"(-{value.sql})"
        if value.type.is_integer:
            # DuckDB takes a larger type where the smaller one overflows.
            sql = f"CAST({sql} AS {duckdb_type(value.type)})"
        return Typed(sql, value.type)

    def _not(self, node: exp.Not) -> Typed:
        return Typed(f"(NOT {self.condition(node.this)})", BOOLEAN)

    def _logic(self, node: exp.Connector) -> Typed:
        operator = "AND" if isinstance(node, exp.And) else "OR"
        parts = [self.condition(part) for part in node.flatten(unnest=False)]
        return Typed("(" + f" {operator} ".join(parts) + ")", BOOLEAN)

    def _compare(self, node: exp.Binary) -> Typed:
        operator = _COMPARISONS[type(node)]
        if isinstance(node.expression, (exp.Any, exp.All)):
            return self._quantified(node, operator)
        left, right = self.translate(node.this), self.translate(node.expression)
        return comparison(operator, left, right)

    def _quantified(self, node: exp.Binary, operator: str) -> Typed:
        left = self.translate(node.this)
        quantifier = "ANY" if isinstance(node.expression, exp.Any) else "ALL"
        inner = self._one_column(node.expression.this)
        if duckdb_type(left.type) != duckdb_type(inner.columns[0][1]):
            raise SqlError(
                f"cast {left.type} to {inner.columns[0][1]} before {operator} {quantifier}"
            )
        return Typed(f"({left.sql} {operator} {quantifier} ({inner.sql}))", BOOLEAN)

    def _one_column(self, node: exp.Expr) -> Relation:
        inner = self.queries.query(node, self.scope)
        if len(inner.columns) != 1:
            raise SqlError(f"a subquery here must have one column, not {len(inner.columns)}")
        return inner

    def _is(self, node: exp.Is) -> Typed:
        if not isinstance(node.expression, exp.Null):
            raise SqlError("Athena has only IS [NOT] NULL and IS [NOT] DISTINCT FROM")
        return Typed(f"({self.translate(node.this).sql} IS NULL)", BOOLEAN)

    def _between(self, node: exp.Between) -> Typed:
        value = self.translate(node.this)
        low = comparison(">=", value, self.translate(node.args["low"]))
        high = comparison("<=", value, self.translate(node.args["high"]))
        return Typed(f"({low.sql} AND {high.sql})", BOOLEAN)

    def _in(self, node: exp.In) -> Typed:
        value = self.translate(node.this)
        query = node.args.get("query")
        if query is not None:
            inner = self._one_column(query)
            wanted = inner.columns[0][1]
            kind = common_type(value.type, wanted)
            if kind is None:
                raise SqlError(unlike("IN", value.type, wanted))
            if kind.members:
                raise not_comparable(kind)
            left = coerce(value, kind).sql
            right = f"SELECT {coerce(Typed('c0', wanted), kind).sql} FROM ({inner.sql})"
            return Typed(f"({left} IN ({right}))", BOOLEAN)
        items = [self.translate(item) for item in node.expressions]
        if not items:
            raise SqlError("IN needs a list in parentheses or a subquery")
        kind = value.type
        for item in items:
            common = common_type(kind, item.type)
            if common is None:
                raise SqlError(unlike("IN", value.type, item.type))
            kind = common
        if kind.members:
            raise not_comparable(kind)
        listed = ", ".join(coerce(item, kind).sql for item in items)
        return Typed(f"({coerce(value, kind).sql} IN ({listed}))", BOOLEAN)

    def _like(self, node: exp.Like, escape: str = "") -> Typed:
        value, pattern = self.translate(node.this), self.translate(node.expression)
        if {value.type, pattern.type} - {VARCHAR, UNKNOWN}:
            raise SqlError(unlike("LIKE", value.type, pattern.type))
        negated = "NOT " if node.args.get("negate") else ""
        return Typed(f"({value.sql} {negated}LIKE {pattern.sql}{escape})", BOOLEAN)

    def _escape(self, node: exp.Escape) -> Typed:
        if not isinstance(node.this, exp.Like):
            raise SqlError("ESCAPE belongs to LIKE")
        escape, pattern = self.translate(node.expression), self.translate(node.this.expression)
        if escape.text is None or pattern.text is None or len(escape.text) != 1:
            raise SqlError("ESCAPE takes one character in quotes, after a pattern in quotes")
        plain = re.sub(re.escape(escape.text) + f"[%_{re.escape(escape.text)}]", "", pattern.text)
        if escape.text in plain:
            raise SqlError(f"in a pattern, {escape.text} stands before %, _ or itself only")
        return self._like(node.this, f" ESCAPE {escape.sql}")

    def _case(self, node: exp.Case) -> Typed:
        subject = self.translate(node.this) if node.this else None
        conditions = []
        for branch in node.args["ifs"]:
            if subject is None:
                conditions.append(self.condition(branch.this))
            else:
                conditions.append(comparison("=", subject, self.translate(branch.this)).sql)
        values = [self.translate(branch.args["true"]) for branch in node.args["ifs"]]
        default = node.args.get("default")
        values.append(self.translate(default) if default else Typed("NULL", UNKNOWN))
        return branches(conditions, values)

    def _if(self, node: exp.If) -> Typed:
        default = node.args.get("false")
        values = [
            self.translate(node.args["true"]),
            self.translate(default) if default else Typed("NULL", UNKNOWN),
        ]
        return branches([self.condition(node.this)], values)

    def _cast(self, node: exp.Cast) -> Typed:
        value = self.translate(node.this)
        target_node = node.args["to"]
        written = target_node.sql(dialect="trino")
        target = parse_type(written, athena=True)
        lenient = isinstance(node, exp.TryCast)
        if target.name == "timestamp" and value.text is not None and has_zone(value.text):
            target = timestamp_with_zone(int(target.numbers[0]))
        if value.type == CLOCK_ELSEWHERE:
            if target == VARCHAR:
                raise SqlError(
                    "dmd sql does not write the zone of a timestamp AT TIME ZONE as text; cast it"
                    " to timestamp first, or use date_format"
                )
            value = replace(value, type=timestamp(3))
        result = cast(value, target, lenient=lenient)
        if target == VARCHAR and target_node.expressions:
            return replace(
                result, sql=f"substr({result.sql}, 1, {int(str(target_node.expressions[0]))})"
            )
        return result

    def _array(self, node: exp.Array) -> Typed:
        items = [self.translate(item) for item in node.expressions]
        kind = UNKNOWN
        for item in items:
            common = common_type(kind, item.type)
            if common is None:
                raise SqlError(unlike("ARRAY", kind, item.type))
            kind = common
        listed = ", ".join(coerce(item, kind).sql for item in items)
        return Typed(f"CAST([{listed}] AS {duckdb_type(array(kind))})", array(kind))

    def _tuple(self, node: exp.Tuple) -> Typed:
        return self.calls.call("row", node.expressions)

    def _subscript(self, node: exp.Bracket) -> Typed:
        value = self.translate(node.this)
        if len(node.expressions) != 1 or isinstance(node.expressions[0], exp.Slice):
            raise SqlError("a subscript must be one value; for a part of an array use slice()")
        if value.type.name == "row":
            return row_member(value, node.expressions[0].name)
        key = self.translate(node.expressions[0])
        if value.type.name == "array" and key.type.is_integer:
            kind = value.type.members[0]
            inside = f"{key.sql} BETWEEN 1 AND len({value.sql})"
            wrong = f"'array subscript out of bounds: ', {key.sql}"
            found = f"list_extract({value.sql}, {key.sql})"
        elif value.type.name == "map":
            kind = value.type.members[1]
            key = coerce(key, value.type.members[0])
            inside = f"map_contains({value.sql}, {key.sql})"
            wrong = f"'key not present in map: ', {key.sql}"
            found = f"({value.sql})[{key.sql}]"
        else:
            raise SqlError(f"{value.type} cannot be subscripted with {key.type}")
        unknown = f"{value.sql} IS NULL OR {key.sql} IS NULL"
        return Typed(
            f"CASE WHEN {unknown} THEN NULL WHEN {inside} THEN {found}"
            f" ELSE {failure(wrong + _ELEMENT_AT, kind)} END",
            kind,
        )

    def _arithmetic(self, node: exp.Binary) -> Typed:
        left, right = self.translate(node.this), self.translate(node.expression)
        return calculate(_ARITHMETIC[type(node)], left, right)

    def _joined(self, node: exp.DPipe) -> Typed:
        return self.calls.call("concat", [node.this, node.expression])

    def _extract(self, node: exp.Extract) -> Typed:
        return self.calls.call(node.this.name.lower(), [node.expression])

    def _trim(self, node: exp.Trim) -> Typed:
        name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(str(node.args.get("position")), "trim")
        characters = node.args.get("expression")
        return self.calls.call(name, [node.this, *([characters] if characters else [])])

    def _substring(self, node: exp.Substring) -> Typed:
        given = (node.this, node.args.get("start"), node.args.get("length"))
        return self.calls.call("substr", [part for part in given if part is not None])

    def _position(self, node: exp.StrPosition) -> Typed:
        return self.calls.call("strpos", [node.this, node.args["substr"]])

    def _at_zone(self, node: exp.AtTimeZone) -> Typed:
        value, zone = self.translate(node.this), self.translate(node.args["zone"])
        if zone.text is None or not value.type.name.startswith("timestamp"):
            raise SqlError(
                "AT TIME ZONE takes a timestamp and a zone's name in quotes, such as"
                f" 'Europe/Berlin'; here it has {value.type} and {zone.type}"
            )
        moment = f"CAST({value.sql} AS TIMESTAMP WITH TIME ZONE)"
        return Typed(f"timezone({zone.sql}, {moment})", CLOCK_ELSEWHERE)

    def _today(self, node: exp.CurrentDate) -> Typed:
        return Typed("current_date", DATE)

    def _now(self, node: exp.CurrentTimestamp) -> Typed:
        return Typed("date_trunc('millisecond', now())", timestamp_with_zone())

    def _local_now(self, node: exp.Localtimestamp) -> Typed:
        return Typed("CAST(date_trunc('millisecond', now()) AS TIMESTAMP)", timestamp())

    def _scalar_subquery(self, node: exp.Expr) -> Typed:
        inner = self._one_column(node)
        return Typed(f"({inner.sql})", inner.columns[0][1])

    def _exists(self, node: exp.Exists) -> Typed:
        return Typed(f"EXISTS ({self.queries.query(node.this, self.scope).sql})", BOOLEAN)

    @property
    def calls(self) -> CallTranslator:
        """What translates this SELECT's function calls."""
        return CallTranslator(self)

    def _call(self, node: exp.Expr) -> Typed:
        return self.calls.node(node)

    def inside(self, parameters: Mapping[str, Typed]) -> ExpressionTranslator:
        """Return the translator for a lambda's body."""
        return replace(self, parameters={**self.parameters, **parameters})


_ELEMENT_AT = ", ' (element_at gives NULL instead)'"


_COMPARISONS: Mapping[type, str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}
_ARITHMETIC: Mapping[type, str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
}
_T = ExpressionTranslator
_METHODS: Mapping[type, Callable[[ExpressionTranslator, Any], Typed]] = {
    exp.Column: _T._column,
    exp.Identifier: _T._identifier,
    exp.Dot: _T._dot,
    exp.Literal: lambda _, node: literal_value(node),
    exp.Boolean: _T._boolean,
    exp.Null: _T._null,
    exp.HexString: _T._hex,
    exp.Paren: _T._paren,
    exp.Neg: _T._negative,
    exp.Not: _T._not,
    exp.And: _T._logic,
    exp.Or: _T._logic,
    **dict.fromkeys(_COMPARISONS, _T._compare),
    **dict.fromkeys(_ARITHMETIC, _T._arithmetic),
    exp.Is: _T._is,
    exp.Between: _T._between,
    exp.In: _T._in,
    exp.Like: _T._like,
    exp.Escape: _T._escape,
    exp.Case: _T._case,
    exp.If: _T._if,
    exp.Cast: _T._cast,
    exp.TryCast: _T._cast,
    exp.Interval: lambda _, node: interval(node),
    exp.Array: _T._array,
    exp.Bracket: _T._subscript,
    exp.Tuple: _T._tuple,
    exp.DPipe: _T._joined,
    exp.Extract: _T._extract,
    exp.Trim: _T._trim,
    exp.Substring: _T._substring,
    exp.StrPosition: _T._position,
    exp.AtTimeZone: _T._at_zone,
    exp.CurrentDate: _T._today,
    exp.CurrentTimestamp: _T._now,
    exp.Localtimestamp: _T._local_now,
    exp.Subquery: _T._scalar_subquery,
    exp.Select: _T._scalar_subquery,
    exp.Exists: _T._exists,
    exp.Anonymous: _T._call,
    exp.Window: _T._call,
    exp.Filter: _T._call,
    exp.WithinGroup: _T._call,
    exp.IgnoreNulls: _T._call,
    exp.RespectNulls: _T._call,
}
