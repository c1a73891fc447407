"""Calls of functions: plain, aggregate and window, with the clauses that go with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sqlglot import exp

from athena.errors import SqlError
from athena.functions.registry import AGGREGATES, SCALARS, WINDOWS
from athena.functions.scalar import check_pattern, literal
from athena.functions.signatures import Argument, Lambda, choose
from athena.functions.text_format import format_text
from athena.functions.time import ZONE_READERS
from athena.values.arithmetic import calculate
from athena.values.casts import cast
from athena.values.coercion import Typed
from athena.values.trino_types import (
    CLOCK_ELSEWHERE,
    DATE,
    INTEGER,
    UNKNOWN,
    VARCHAR,
    TrinoType,
    duckdb_type,
    member_name,
    quoted,
    row,
    timestamp,
)


class Expressions(Protocol):
    """What a call needs of the expressions around it."""

    @property
    def parameters(self) -> Mapping[str, Typed]:
        """The parameters of the lambdas around the call."""

    @property
    def windows(self) -> Mapping[str, exp.Window]:
        """The windows that the SELECT names."""

    def translate(self, node: exp.Expr) -> Typed:
        """Return an expression's DuckDB text and type."""

    def condition(self, node: exp.Expr) -> str:
        """Return the text of a boolean expression."""

    def ordered(self, node: exp.Expr) -> str:
        """Return one item of an ORDER BY."""

    def inside(self, parameters: Mapping[str, Typed]) -> Expressions:
        """Return the translator for a lambda's body."""


@dataclass(frozen=True)
class _Clauses:
    """The clauses after, or inside, an aggregate's parentheses."""

    filters: str = ""
    over: str = ""
    nulls: str = ""
    order: str = ""


@dataclass(frozen=True)
class CallTranslator:
    """Translates the calls among the expressions of one SELECT."""

    expressions: Expressions

    def node(self, node: exp.Expr) -> Typed:
        """Return a call with its OVER, FILTER, WITHIN GROUP and IGNORE NULLS."""
        clauses = _Clauses()
        while not isinstance(node, exp.Anonymous):
            if isinstance(node, exp.Window):
                clauses = replace(clauses, over=f" OVER ({self._window(node)})")
            elif isinstance(node, exp.Filter):
                condition = self.expressions.condition(node.expression.this)
                clauses = replace(clauses, filters=condition)
            elif isinstance(node, exp.WithinGroup):
                clauses = replace(clauses, order=self._order(node.expression))
            elif isinstance(node, exp.IgnoreNulls):
                clauses = replace(clauses, nulls=" IGNORE NULLS")
            elif not isinstance(node, exp.RespectNulls):
                raise SqlError(f"dmd sql does not translate `{node.sql(dialect='trino')}`")
            node = node.this
        return self.call(str(node.this).lower(), node.expressions, clauses)

    def call(
        self, name: str, arguments: Sequence[exp.Expr], clauses: _Clauses | None = None
    ) -> Typed:
        """Return a call of the function ``name`` (lower case).

        Raises
        ------
        SqlError
            dmd sql does not know the function, or not with these arguments.
        """
        clauses = clauses or _Clauses()
        special = _SPECIAL.get(name)
        if special is not None and clauses == _Clauses():
            return special(self, arguments)
        if name in AGGREGATES or (name in WINDOWS and clauses.over):
            return self._aggregate(name, arguments, clauses)
        if name in WINDOWS:
            raise SqlError(f"{name} needs an OVER clause")
        if name not in SCALARS:
            raise _unknown(name)
        if clauses != _Clauses():
            raise SqlError(f"{name} is neither an aggregate nor a window function")
        translated = self._arguments(arguments)
        if name in ZONE_READERS or name == "date_trunc":
            translated = [_clock(argument) for argument in translated]
        if name.startswith("regexp_") and len(translated) > 1:
            pattern = translated[1]
            if isinstance(pattern, Typed) and pattern.text is not None:
                check_pattern(pattern.text)
        form, call = choose(name, SCALARS[name], tuple(translated))
        result = Typed(form.render(call), call.result)
        if name == "date_trunc" and any(_is_elsewhere(a) for a in self._arguments(arguments)):
            return replace(result, type=CLOCK_ELSEWHERE)
        return result

    def _arguments(self, nodes: Sequence[exp.Expr]) -> list[Argument]:
        return [
            self._lambda(node) if isinstance(node, exp.Lambda) else self.expressions.translate(node)
            for node in nodes
        ]

    def _lambda(self, node: exp.Lambda) -> Lambda:
        names = [parameter.name.lower() for parameter in node.expressions]

        def translate(
            kinds: tuple[TrinoType, ...], texts: tuple[str, ...] | None
        ) -> tuple[str, Typed]:
            own = texts or tuple(quoted(f"{name}_") for name in names)
            given = {
                name: Typed(text, kind) for name, text, kind in zip(names, own, kinds, strict=True)
            }
            return ", ".join(own), self.expressions.inside(given).translate(node.this)

        return Lambda(len(names), translate, len(self.expressions.parameters))

    def _aggregate(self, name: str, nodes: Sequence[exp.Expr], clauses: _Clauses) -> Typed:
        if not clauses.over and any(map(has_aggregate, nodes)):
            raise SqlError(f"{name} cannot have an aggregate inside; use a subquery in FROM")
        arguments, order, distinct = list(nodes), clauses.order, ""
        if arguments and isinstance(arguments[-1], exp.Order):
            order = self._order(arguments[-1])
            arguments[-1] = arguments[-1].this
        if arguments and isinstance(arguments[0], exp.Distinct):
            distinct = "DISTINCT "
            arguments = list(arguments[0].expressions)
        if name == "count" and len(arguments) == 1 and isinstance(arguments[0], exp.Star):
            arguments = []
        if clauses.filters and clauses.over:
            raise SqlError("Athena has no FILTER for a window function; use CASE inside it")
        translated = self._arguments(arguments)
        if any(isinstance(a, Typed) and _is_elsewhere(a) for a in translated):
            raise SqlError("cast a timestamp AT TIME ZONE to timestamp or date, then aggregate it")
        table = AGGREGATES if name in AGGREGATES else WINDOWS
        form, call = choose(name, table[name], tuple(translated))
        call = replace(
            call,
            distinct=distinct,
            order=order + clauses.nulls,
            filters=clauses.filters,
            over=clauses.over,
        )
        return Typed(form.render(call), call.result)

    def _order(self, node: exp.Expr) -> str:
        return " ORDER BY " + ", ".join(map(self.expressions.ordered, node.expressions))

    def _window(self, node: exp.Window) -> str:
        alias = node.args.get("alias")
        if alias is not None:
            known = self.expressions.windows.get(alias.name.lower())
            if known is None:
                raise SqlError(f"there is no window {alias.name!r} in the WINDOW clause")
            return self._window(known)
        parts = []
        if node.args.get("partition_by"):
            keys = (self.expressions.translate(key).sql for key in node.args["partition_by"])
            parts.append("PARTITION BY " + ", ".join(keys))
        if node.args.get("order"):
            parts.append(self._order(node.args["order"]).strip())
        spec = node.args.get("spec")
        if spec is not None:
            if spec.args.get("exclude"):
                raise SqlError("Athena has no EXCLUDE in a window")
            start, end = self._bound(spec, "start"), self._bound(spec, "end")
            frame = f"BETWEEN {start} AND {end}" if end else start
            parts.append(f"{spec.args['kind'].upper()} {frame}")
        return " ".join(parts)

    def _bound(self, spec: exp.Expr, edge: str) -> str:
        value = spec.args.get(edge)
        if value is None:
            return ""
        text = value if isinstance(value, str) else self.expressions.translate(value).sql
        return f"{text} {spec.args.get(f'{edge}_side') or ''}".strip()

    def _try(self, arguments: Sequence[exp.Expr]) -> Typed:
        value = self._only("try", arguments)
        node = arguments[0].unnest()
        if not any(str(call.this).lower() in AGGREGATES for call in node.find_all(exp.Anonymous)):
            return Typed(f"TRY({value.sql})", value.type)
        # DuckDB's TRY does not accept aggregates. Only a division is translated without TRY.
        if not isinstance(node, (exp.Div, exp.Mod)) or value.type.name in ("real", "double"):
            raise SqlError("dmd sql supports try() around aggregates only for a division")
        left, right = map(self.expressions.translate, (node.this, node.expression))
        divisor = replace(right, sql=f"nullif({right.sql}, 0)")
        return calculate("/" if isinstance(node, exp.Div) else "%", left, divisor)

    def _typeof(self, arguments: Sequence[exp.Expr]) -> Typed:
        kind = str(self._only("typeof", arguments).type)
        return Typed(literal(kind), VARCHAR, kind)

    def _date(self, arguments: Sequence[exp.Expr]) -> Typed:
        value = self._only("date", arguments)
        return cast(replace(value, type=timestamp()) if _is_elsewhere(value) else value, DATE)

    def _mod(self, arguments: Sequence[exp.Expr]) -> Typed:
        if len(arguments) != 2:
            raise SqlError("mod takes two numbers")
        left, right = (self.expressions.translate(argument) for argument in arguments)
        return calculate("%", left, right)

    def _row(self, arguments: Sequence[exp.Expr]) -> Typed:
        values = [self.expressions.translate(argument) for argument in arguments]
        kind = row((None,) * len(values), tuple(value.type for value in values))
        packed = ", ".join(
            f"{quoted(member_name(kind, i))} := {value.sql}" for i, value in enumerate(values)
        )
        return Typed(f"struct_pack({packed})", kind)

    def _map(self, arguments: Sequence[exp.Expr]) -> Typed:
        if not arguments:
            return Typed("MAP {}", TrinoType("map", members=(UNKNOWN, UNKNOWN)))
        translated = self._arguments(arguments)
        form, call = choose("map", SCALARS["map"], tuple(translated))
        sql = f"CAST({form.render(call)} AS {duckdb_type(call.result)})"
        return Typed(sql, call.result)

    def _format(self, arguments: Sequence[exp.Expr]) -> Typed:
        return format_text([self.expressions.translate(argument) for argument in arguments])

    def _grouping(self, arguments: Sequence[exp.Expr]) -> Typed:
        listed = ", ".join(self.expressions.translate(argument).sql for argument in arguments)
        return Typed(f"CAST(grouping({listed}) AS INTEGER)", INTEGER)

    def _only(self, name: str, arguments: Sequence[exp.Expr]) -> Typed:
        if len(arguments) != 1:
            raise SqlError(f"{name} takes one argument")
        return self.expressions.translate(arguments[0])


_WRAPPERS = (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)


def has_aggregate(node: exp.Expr) -> bool:
    """Return whether an expression has an aggregate that is no window function."""
    if isinstance(node, exp.Query):
        return False
    if isinstance(node, exp.Window):
        return any(map(has_aggregate, window_parts(node)))
    if isinstance(node, exp.Anonymous) and str(node.this).lower() in AGGREGATES:
        return True
    return any(map(has_aggregate, node.iter_expressions()))


def window_parts(node: exp.Window) -> list[exp.Expr]:
    """Return the arguments of a window function, and what is in its OVER."""
    function = node.this
    while isinstance(function, _WRAPPERS):
        function = function.this
    others = [part for part in node.iter_expressions() if part is not node.this]
    return [*function.iter_expressions(), *others]


# What Athena calls the functions of other dialects.
_ELSEWHERE = {
    **dict.fromkeys(("nvl", "ifnull", "isnull"), "coalesce(a, b)"),
    **dict.fromkeys(("dateadd", "date_sub", "adddate"), "date_add('day', 1, a)"),
    "datediff": "date_diff('day', a, b)",
    **dict.fromkeys(("getdate", "sysdate", "localtime"), "now()"),
    **dict.fromkeys(("to_date", "str_to_date"), "date(date_parse(a, '%Y-%m-%d'))"),
    **dict.fromkeys(("to_timestamp", "strptime"), "date_parse(a, '%Y-%m-%d')"),
    **dict.fromkeys(("to_char", "strftime"), "date_format(a, '%Y-%m-%d')"),
    **dict.fromkeys(("string_agg", "group_concat"), "listagg(a, ',') WITHIN GROUP (ORDER BY a)"),
    **dict.fromkeys(("collect_list", "list"), "array_agg(a)"),
    "collect_set": "array_agg(DISTINCT a)",
    **dict.fromkeys(("len", "char_length"), "length(a)"),
    **dict.fromkeys(("charindex", "instr", "locate"), "strpos(a, b)"),
    "mid": "substr(a, 1, 2)",
    "get_json_object": "json_extract_scalar(a, '$.name')",
    "explode": "CROSS JOIN UNNEST(a) AS t (name)",
    "median": "approx_percentile(a, 0.5)",
    "decode": "CASE a WHEN 1 THEN 'x' END",
    "iif": "IF(a, b, c)",
}


def _unknown(name: str) -> SqlError:
    if name in _ELSEWHERE:
        return SqlError(f"Athena has no function {name}; use {_ELSEWHERE[name]}")
    return SqlError(
        f"dmd sql does not know the function {name}; write the query without it, or run it in"
        " Athena"
    )


def _is_elsewhere(argument: Argument) -> bool:
    return isinstance(argument, Typed) and argument.type == CLOCK_ELSEWHERE


def _clock(argument: Argument) -> Argument:
    if isinstance(argument, Typed) and _is_elsewhere(argument):
        return replace(argument, type=timestamp(3))
    return argument


_SPECIAL = {
    "try": CallTranslator._try,
    "typeof": CallTranslator._typeof,
    "format": CallTranslator._format,
    "date": CallTranslator._date,
    "mod": CallTranslator._mod,
    "row": CallTranslator._row,
    "map": CallTranslator._map,
    "grouping": CallTranslator._grouping,
}
