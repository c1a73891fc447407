"""Athena's aggregates and window functions, written for DuckDB.

Source: https://trino.io/docs/current/functions/aggregate.html and window.html
"""

from __future__ import annotations

from athena.errors import SqlError
from athena.functions.signatures import Call, Form, Line, Text, forms
from athena.values.arithmetic import divide
from athena.values.coercion import Typed
from athena.values.failures import failure
from athena.values.trino_types import BIGINT, decimal, duckdb_type


def _decimal_average(call: Call) -> str:
    value = call.args[0]
    total = Typed(call.aggregate("sum", value.sql), decimal(38, value.type.scale))
    count = Typed(call.aggregate("count", value.sql), BIGINT)
    return f"CAST({divide(total, count).sql} AS {duckdb_type(value.type)})"


def _of_pairs(name: str) -> Text:
    """Return an aggregate of pairs of numbers; where it is undefined, DuckDB's is NaN."""

    def text(call: Call) -> str:
        y, x = (arg.sql for arg in call.args)
        value = call.aggregate(name, y, x)
        flat = [f"{call.aggregate('regr_sxx', y, x)} = 0"] * (not name.startswith("covar"))
        flat += [f"{call.aggregate('regr_syy', y, x)} = 0"] * (name == "corr")
        if flat:
            value = f"CASE WHEN {' OR '.join(flat)} THEN NULL ELSE {value} END"
        return f"CAST({value} AS {duckdb_type(call.result)})"

    return text


def _several_by(direction: str) -> Text:
    """Return the values with the smallest or largest keys, in the order of the keys."""

    def text(call: Call) -> str:
        value, key, count = (arg.sql for arg in call.args)
        if call.order or call.over or call.distinct:
            raise SqlError("dmd sql translates min_by and max_by of several values without clauses")
        values = f"array_agg({value} ORDER BY {key} {direction})"
        conditions = [f"({call.filters})"] * bool(call.filters) + [f"{key} IS NOT NULL"]
        found = f"{values} FILTER (WHERE {' AND '.join(conditions)})"
        few = failure("'the third argument of min_by and max_by must be positive'", call.result)
        many = f"any_value({count})"
        return f"CASE WHEN {many} <= 0 THEN {few} ELSE list_slice({found}, 1, {many}) END"

    return text


def _percentile(call: Call) -> str:
    """Return the exact value, which Athena approximates."""
    value, share = call.args[0].sql, call.args[1].sql
    values = call.aggregate("array_agg", value, where=f"{value} IS NOT NULL")
    place = f"least(len({values}), CAST(floor({share} * len({values})) AS BIGINT) + 1)"
    return f"list_extract(list_sort({values}), {place})"


def _percentiles(call: Call) -> str:
    value, shares = call.args[0].sql, call.args[1].sql
    values = call.aggregate("array_agg", value, where=f"{value} IS NOT NULL")
    place = f"least(len({values}), CAST(floor(share * len({values})) AS BIGINT) + 1)"
    return f"list_transform({shares}, lambda share : list_extract(list_sort({values}), {place}))"


def _map_of(call: Call) -> str:
    key, value = call.args[0].sql, call.args[1].sql
    pairs = call.aggregate(
        "array_agg", f"struct_pack(key := {key}, value := {value})", where=f"{key} IS NOT NULL"
    )
    return f"map_from_entries({pairs})"


AGGREGATES: tuple[Line, ...] = (
    ("count() bigint", "count(*){over}"),
    ("count(T) bigint", "count({args}){over}"),
    ("count_if(boolean) bigint", "CAST(count_if({args}){over} AS BIGINT)"),
    ("sum(bigint) bigint", "CAST(sum({args}){over} AS BIGINT)"),
    ("sum(decimal(p,s)) decimal(38,s)", "CAST(sum({args}){over} AS {R})"),
    ("sum(double) double", "sum({args}){over}"),
    ("sum(real) real", "CAST(sum({args}){over} AS FLOAT)"),
    ("avg(bigint) double", "avg({args}){over}"),
    ("avg(decimal(p,s)) decimal(p,s)", _decimal_average),
    ("avg(double) double", "avg({args}){over}"),
    ("avg(real) real", "CAST(avg({args}){over} AS FLOAT)"),
    ("min(T) T", "min({args}){over}"),
    ("max(T) T", "max({args}){over}"),
    ("min_by(T, U) T", "arg_min_null({args}){over}"),
    ("max_by(T, U) T", "arg_max_null({args}){over}"),
    ("min_by(T, U, bigint) array(T)", _several_by("ASC")),
    ("max_by(T, U, bigint) array(T)", _several_by("DESC")),
    ("arbitrary(T) T", "any_value({args}){over}"),
    ("any_value(T) T", "any_value({args}){over}"),
    ("bool_and(boolean) boolean", "bool_and({args}){over}"),
    ("every(boolean) boolean", "bool_and({args}){over}"),
    ("bool_or(boolean) boolean", "bool_or({args}){over}"),
    ("array_agg(T) array(T)", "array_agg({args}){over}"),
    ("listagg(varchar, varchar) varchar", "string_agg({args}){over}"),
    ("histogram(T) map(T,bigint)", "CAST(histogram({args}){over} AS {R})"),
    ("map_agg(K, V) map(K,V)", _map_of),
    (
        "approx_distinct(T) bigint",
        lambda call: call.aggregate("count", f"DISTINCT {call.args[0].sql}"),
    ),
    ("approx_percentile(bigint, double) bigint", _percentile),
    ("approx_percentile(real, double) real", _percentile),
    ("approx_percentile(double, double) double", _percentile),
    ("approx_percentile(bigint, array(double)) array(bigint)", _percentiles),
    ("approx_percentile(double, array(double)) array(double)", _percentiles),
    ("stddev(double) double", "stddev_samp({args}){over}"),
    ("stddev_samp(double) double", "stddev_samp({args}){over}"),
    ("stddev_pop(double) double", "stddev_pop({args}){over}"),
    ("variance(double) double", "var_samp({args}){over}"),
    ("var_samp(double) double", "var_samp({args}){over}"),
    ("var_pop(double) double", "var_pop({args}){over}"),
    # As in Trino, numbers that are not double become real.
    *(
        (f"{name}({kind}, {kind}) {kind}", _of_pairs(name))
        for name in ("corr", "covar_pop", "covar_samp", "regr_slope", "regr_intercept")
        for kind in ("real", "double")
    ),
)

WINDOW_ONLY = (
    ("row_number() bigint", "row_number(){over}"),
    ("rank() bigint", "rank(){over}"),
    ("dense_rank() bigint", "dense_rank(){over}"),
    ("percent_rank() double", "percent_rank(){over}"),
    ("cume_dist() double", "cume_dist(){over}"),
    ("ntile(bigint) bigint", "ntile({args}){over}"),
    ("lag(T) T", "lag({args}){over}"),
    ("lag(T, bigint) T", "lag({args}){over}"),
    ("lag(T, bigint, T) T", "lag({args}){over}"),
    ("lead(T) T", "lead({args}){over}"),
    ("lead(T, bigint) T", "lead({args}){over}"),
    ("lead(T, bigint, T) T", "lead({args}){over}"),
    ("first_value(T) T", "first_value({args}){over}"),
    ("last_value(T) T", "last_value({args}){over}"),
    ("nth_value(T, bigint) T", "nth_value({args}){over}"),
)


def aggregate_forms() -> dict[str, list[Form]]:
    """Return the forms of all aggregates, by name."""
    return forms(AGGREGATES, aggregate=True)


def window_forms() -> dict[str, list[Form]]:
    """Return the forms of the functions that need an OVER, by name."""
    return forms(WINDOW_ONLY, aggregate=True)
