"""Athena's functions on arrays and maps, written for DuckDB.

Source: https://trino.io/docs/current/functions/array.html and map.html
"""

from __future__ import annotations

from athena.errors import SqlError
from athena.functions.signatures import Call, Form, forms
from athena.values.failures import failure
from athena.values.trino_types import TrinoType, duckdb_type


def _has_null(array: str) -> str:
    return f"len({array}) > list_count({array})"


def _contains(call: Call) -> str:
    array, value = call.args[0].sql, call.args[1].sql
    return (
        f"CASE WHEN {array} IS NULL OR {value} IS NULL THEN NULL"
        f" WHEN list_contains({array}, {value}) THEN TRUE"
        f" WHEN {_has_null(array)} THEN NULL ELSE FALSE END"
    )


def _element(call: Call) -> str:
    place = call.args[1].sql
    wrong = failure("'array positions begin at 1'", call.result)
    found = f"list_extract({call.args[0].sql}, {place})"
    return f"CASE WHEN {place} = 0 THEN {wrong} ELSE {found} END"


def _no_nulls(name: str) -> str:
    return f"CASE WHEN {_has_null('{0}')} THEN NULL ELSE {name}({{0}}) END"


def _reduce(call: Call) -> str:
    """Fold pairs of state and element, because in DuckDB the state has the element's type."""
    element, state = call.bound["T"], call.bound["S"]
    if not isinstance(element, TrinoType) or not isinstance(state, TrinoType):
        raise SqlError("reduce takes an array, a first value and two lambdas")
    pair, following = f"pair{call.lambdas[2].depth}", f"next{call.lambdas[2].depth}"
    next_value = f"struct_extract({following}, 'value')"
    _, body = call.lambdas[2].translate(
        (state, element), (f"struct_extract({pair}, 'state')", next_value)
    )
    start = f"CAST({call.args[1].sql} AS {duckdb_type(state)})"
    pairs = (
        f"list_transform({call.args[0].sql},"
        f" lambda {pair} : struct_pack(state := {start}, value := {pair}))"
    )
    after = f"CAST({body.sql} AS {duckdb_type(state)})"
    step = f"struct_pack(state := {after}, value := {next_value})"
    first = f"struct_pack(state := {start}, value := CAST(NULL AS {duckdb_type(element)}))"
    folded = f"list_reduce({pairs}, lambda {pair}, {following} : {step}, {first})"
    _, last = call.lambdas[3].translate((state,), (f"struct_extract({folded}, 'state')",))
    return last.sql


def _zip_with(call: Call) -> str:
    """Join two arrays member by member; the shorter one gets NULLs."""
    kinds = call.args[0].type.members[0], call.args[1].type.members[0]
    pair = f"pair{call.lambdas[2].depth}"
    _, body = call.lambdas[2].translate(kinds, (f"{pair}[1]", f"{pair}[2]"))
    zipped = f"list_zip({call.args[0].sql}, {call.args[1].sql})"
    element = call.result.members[0]
    made = f"list_transform({zipped}, lambda {pair} : CAST({body.sql} AS {duckdb_type(element)}))"
    missing = f"{call.args[0].sql} IS NULL OR {call.args[1].sql} IS NULL"
    return f"CASE WHEN {missing} THEN NULL ELSE {made} END"


def _logic(operator: str, start: str) -> str:
    """Fold with three-valued logic: NULL if neither result is certain."""
    return (
        "list_reduce(list_transform({0}, {1}),"
        f" lambda a, b : (a {operator} b), CAST({start} AS BOOLEAN))"
    )


def _map_filter(call: Call) -> str:
    return _over_entries(call, keep=True)


def _map_values(call: Call) -> str:
    return _over_entries(call, keep=False)


def _over_entries(call: Call, *, keep: bool) -> str:
    key, value = call.args[0].type.members
    entry = f"entry{call.lambdas[1].depth}"
    own_key = f"struct_extract({entry}, 'key')"
    _, body = call.lambdas[1].translate(
        (key, value), (own_key, f"struct_extract({entry}, 'value')")
    )
    entries = f"map_entries({call.args[0].sql})"
    if keep:
        changed = f"list_filter({entries}, lambda {entry} : {body.sql})"
    else:
        pair = f"struct_pack(key := {own_key}, value := {body.sql})"
        changed = f"list_transform({entries}, lambda {entry} : {pair})"
    return f"CAST(map_from_entries({changed}) AS {duckdb_type(call.result)})"


def _sequence(call: Call) -> str:
    """Return the numbers or days from one to another, as Trino limits them."""
    first, last, *steps = (arg.sql for arg in call.args)
    days = call.result.members[0].name == "date"
    one, nothing = ("INTERVAL 1 DAY", "INTERVAL 0 DAY") if days else ("1", "0")
    step = steps[0] if steps else f"CASE WHEN {first} > {last} THEN -{one} ELSE {one} END"
    begin, end = (f"CAST({edge} AS TIMESTAMP)" for edge in (first, last))
    made = (
        f"generate_series({begin}, {end}, {step})"
        if days
        else (f"generate_series({first}, {last}, {step})")
    )
    if days:
        made = f"list_transform({made}, lambda day : CAST(day AS DATE))"
    still = failure("'sequence: the step must not be zero'", call.result)
    away = failure("'sequence: the step leads away from the last value'", call.result)
    many = failure(f"'sequence: more than {_MOST} entries'", call.result)
    wrong = (
        f"({step} > {nothing} AND {first} > {last}) OR ({step} < {nothing} AND {first} < {last})"
    )
    return (
        f"CASE WHEN {step} = {nothing} THEN {still} WHEN {wrong} THEN {away}"
        f" WHEN len({made}) > {_MOST} THEN {many} ELSE {made} END"
    )


_MOST = 10_000  # entries of a sequence in Trino
_DISTINCT = "list_filter({0}, lambda item, place : list_position({0}, item) = place)"

ARRAYS = (
    ("cardinality(array(E)) bigint", "len({0})"),
    ("element_at(array(E), bigint) E", _element),
    ("contains(array(E), E) boolean", _contains),
    ("transform(array(T), function(T,U)) array(U)", "list_transform({0}, {1})"),
    ("filter(array(T), function(T,boolean)) array(T)", "list_filter({0}, {1})"),
    ("reduce(array(T), S, function(S,T,S), function(S,R)) R", _reduce),
    ("any_match(array(T), function(T,boolean)) boolean", _logic("OR", "FALSE")),
    ("all_match(array(T), function(T,boolean)) boolean", _logic("AND", "TRUE")),
    (
        "none_match(array(T), function(T,boolean)) boolean",
        f"(NOT {_logic('OR', 'FALSE')})",
    ),
    ("array_sort(array(E)) array(E)", "list_sort({0}, 'ASC', 'NULLS LAST')"),
    ("array_distinct(array(E)) array(E)", _DISTINCT),
    ("array_max(array(E)) E", _no_nulls("list_max")),
    ("array_min(array(E)) E", _no_nulls("list_min")),
    ("array_join(array(varchar), varchar) varchar", "array_to_string({0}, {1})"),
    (
        "array_join(array(varchar), varchar, varchar) varchar",
        "array_to_string(list_transform({0}, lambda item : coalesce(item, {2})), {1})",
    ),
    (
        "array_join(array(bigint), varchar) varchar",
        "array_to_string(list_transform({0}, lambda item : CAST(item AS VARCHAR)), {1})",
    ),
    (
        "array_join(array(decimal(p,s)), varchar) varchar",
        "array_to_string(list_transform({0}, lambda item : CAST(item AS VARCHAR)), {1})",
    ),
    (
        "array_position(array(E), E) bigint",
        "CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL"
        " THEN CAST(coalesce(list_position({0}, {1}), 0) AS BIGINT) END",
    ),
    (
        "array_remove(array(E), E) array(E)",
        "list_filter({0}, lambda item : item IS DISTINCT FROM {1})",
    ),
    ("arrays_overlap(array(E), array(E)) boolean", "list_has_any({0}, {1})"),
    ("flatten(array(array(E))) array(E)", "flatten({0})"),
    ("reverse(array(E)) array(E)", "list_reverse({0})"),
    (
        "slice(array(E), bigint, bigint) array(E)",
        "CASE WHEN {1} > 0 THEN list_slice({0}, {1}, {1} + {2} - 1)"
        " ELSE list_slice({0}, len({0}) + {1} + 1, len({0}) + {1} + {2}) END",
    ),
    ("sequence(bigint, bigint) array(bigint)", _sequence),
    ("sequence(bigint, bigint, bigint) array(bigint)", _sequence),
    ("sequence(date, date) array(date)", _sequence),
    ("sequence(date, date, interval day to second) array(date)", _sequence),
    ("repeat(E, bigint) array(E)", "list_transform(range({1}), lambda place : {0})"),
    ("zip_with(array(T), array(U), function(T,U,R)) array(R)", _zip_with),
    (
        "zip(array(T), array(U)) array(row(T, U))",
        "list_transform(list_zip({0}, {1}),"
        " lambda pair : struct_pack(field0 := pair[1], field1 := pair[2]))",
    ),
)

MAPS = (
    ("cardinality(map(K,V)) bigint", "CAST(cardinality({0}) AS BIGINT)"),
    ("element_at(map(K,V), K) V", "({0})[{1}]"),
    ("map_keys(map(K,V)) array(K)", "map_keys({0})"),
    ("map_values(map(K,V)) array(V)", "map_values({0})"),
    (
        "map_entries(map(K,V)) array(row(K, V))",
        "list_transform(map_entries({0}), lambda entry :"
        " struct_pack(field0 := entry.key, field1 := entry.value))",
    ),
    ("map(array(K), array(V)) map(K,V)", "map({0}, {1})"),
    ("map_concat(map(K,V), map(K,V)...) map(K,V)", "map_concat({args})"),
    ("map_filter(map(K,V), function(K,V,boolean)) map(K,V)", _map_filter),
    ("transform_values(map(K,V), function(K,V,U)) map(K,U)", _map_values),
    (
        "map_from_entries(array(row(K, V))) map(K,V)",
        "map_from_entries({0})",
    ),
)


def collection_forms() -> dict[str, list[Form]]:
    """Return the forms of all functions of this module, by name."""
    return forms((*ARRAYS, *MAPS))
