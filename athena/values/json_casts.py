"""Trino's ``CAST`` of JSON, member by member, because DuckDB's own converts other values."""

from __future__ import annotations

from collections.abc import Callable

from athena.values.failures import failure, refusal
from athena.values.trino_types import VARCHAR, TrinoType, duckdb_type, member_name, quoted

_WHOLE = "'UBIGINT', 'BIGINT'"
_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
_REFUSED = "dmd sql does not read the JSON text "

FromText = Callable[[str, TrinoType], str | None]


def from_json(sql: str, target: TrinoType, from_text: FromText, depth: int = 0) -> str | None:
    """Return the conversion of a JSON value, or None if Trino has no such cast.

    Parameters
    ----------
    sql
        The JSON value in DuckDB.
    target
        The type to convert it to.
    from_text
        Returns the cast of a varchar, as Trino has it.
    depth
        How many arrays, maps and rows are around the value.
    """
    if target.name == "json":
        return sql
    own = f"json{depth}"
    if target.members:
        inside = _members(own, target, from_text, depth)
    else:
        inside = _scalar(own, target, from_text)
    if inside is None:
        return None
    # The value has a name of its own, so that its text is in the query only once.
    named = f"CASE WHEN coalesce(json_type({own}), 'NULL') = 'NULL' THEN NULL ELSE {inside} END"
    return f"list_extract(list_transform([{sql}], lambda {own} : {named}), 1)"


def _wrong(own: str, target: TrinoType) -> str:
    name = str(target).replace("'", "''")
    return failure(f"'cannot cast the JSON value ', {own}, ' to {name}'", target)


def _scalar(own: str, target: TrinoType, from_text: FromText) -> str | None:
    wrong, text, kind = _wrong(own, target), f"({own} ->> '$')", duckdb_type(target)
    if target == VARCHAR:
        number = f"'dmd sql does not write the JSON number ', {own}, ' as text (Athena writes"
        other = refusal(f"{number} 1.5E0); cast it to a decimal'", VARCHAR)
        fraction = f"json_type({own}) = 'DOUBLE' AND NOT regexp_full_match({text}, '-?[0-9]+')"
        return (
            f"CASE WHEN json_type({own}) IN ('OBJECT', 'ARRAY') THEN {wrong}"
            f" WHEN {fraction} THEN {other} ELSE {text} END"
        )
    if target.name == "boolean":
        whole = double = f"(CAST({text} AS DOUBLE) <> 0)"
        truth = text
    elif target.is_integer:
        whole, double = text, f"round(CAST({text} AS DOUBLE))"
        truth = f"CAST({text} AS BOOLEAN)"
    elif target.is_number:
        whole, double, truth = text, text, f"CAST(CAST({text} AS BOOLEAN) AS INTEGER)"
    else:
        return None
    return (
        f"CASE WHEN json_type({own}) IN ({_WHOLE}) THEN CAST({whole} AS {kind})"
        f" WHEN json_type({own}) = 'DOUBLE' THEN CAST({double} AS {kind})"
        f" WHEN json_type({own}) = 'BOOLEAN' THEN CAST({truth} AS {kind})"
        f" WHEN json_type({own}) = 'VARCHAR' THEN {_string(own, text, target, from_text)}"
        f" ELSE {wrong} END"
    )


def _string(own: str, text: str, target: TrinoType, from_text: FromText) -> str:
    """Return the cast of a JSON string; refuse what Java reads as a number and DuckDB does not."""
    converted = from_text(text, target)
    if target.name == "boolean" or converted is None:
        return converted or _wrong(own, target)
    form = r"\s*[+-]?[0-9]+\s*" if target.is_integer else _NUMBER
    unsure = r"\s*[+-]?[0-9]+\s*" if target.is_integer else r"(?i)\s*[+-]?([0-9.]|nan|inf).*"
    other = refusal(f"'{_REFUSED}', {own}, ' as {target}'", target)
    return (
        f"CASE WHEN regexp_full_match({text}, '{form}') THEN {converted}"
        f" WHEN regexp_full_match({text}, '{unsure}') THEN {other}"
        f" ELSE {_wrong(own, target)} END"
    )


def _members(own: str, target: TrinoType, from_text: FromText, depth: int) -> str | None:
    if target.name == "array":
        item = f"item{depth}"
        member = from_json(item, target.members[0], from_text, depth + 1)
        if member is None:
            return None
        made = f"list_transform(CAST({own} AS JSON[]), lambda {item} : {member})"
        return _of_type(own, "ARRAY", made, target)
    # DuckDB's cast to a map would refuse a name that is there twice.
    entries = f"list_zip(json_keys({own}), json_extract({own}, '$.*'))"
    if target.name == "map":
        entry = f"entry{depth}"
        key = f"{entry}[1]"
        if target.members[0] != VARCHAR:
            key = from_text(key, target.members[0]) or ""
        value = from_json(f"{entry}[2]", target.members[1], from_text, depth + 1)
        if not key or value is None:
            return None
        pair = f"struct_pack(key := {key}, value := {value})"
        made = f"map_from_entries(list_transform({entries}, lambda {entry} : {pair}))"
        return _of_type(own, "OBJECT", f"CAST({made} AS {duckdb_type(target)})", target)
    return _row(own, entries, target, from_text, depth)


def _row(own: str, entries: str, target: TrinoType, from_text: FromText, depth: int) -> str | None:
    """Return a row: from an object by its names in any case, from an array by position."""
    by_name, by_place = [], []
    for index, (name, kind) in enumerate(zip(target.names, target.members, strict=True)):
        entry = f"entry{depth}"
        wanted = (name or "").lower().replace("'", "''")
        same = f"list_filter({entries}, lambda {entry} : lower({entry}[1]) = '{wanted}')"
        found = from_json(f"list_extract({same}, -1)[2]", kind, from_text, depth + 1)
        placed = from_json(f"json_extract({own}, '$[{index}]')", kind, from_text, depth + 1)
        if found is None or placed is None:
            return None
        field = quoted(member_name(target, index))
        by_name.append(f"{field} := {found}")
        by_place.append(f"{field} := {placed}")
    fits = f"json_type({own}) = 'ARRAY' AND json_array_length({own}) = {len(by_place)}"
    return (
        f"CASE WHEN {fits} THEN struct_pack({', '.join(by_place)})"
        f" WHEN json_type({own}) = 'OBJECT' THEN struct_pack({', '.join(by_name)})"
        f" ELSE {_wrong(own, target)} END"
    )


def _of_type(own: str, json_type: str, made: str, target: TrinoType) -> str:
    return f"CASE WHEN json_type({own}) = '{json_type}' THEN {made} ELSE {_wrong(own, target)} END"
