"""Typed expressions, and the implicit casts of Trino.

Source: https://trino.io/docs/current/language/types.html and recorded answers of Trino
(``tests/athena/trino_answers.json``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from athena.values.trino_types import (
    DOUBLE,
    INTEGERS,
    MAX_PRECISION,
    REAL,
    UNKNOWN,
    TrinoType,
    decimal,
    duckdb_type,
    member_name,
    quoted,
)

_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}


@dataclass(frozen=True)
class Typed:
    """A translated expression.

    Parameters
    ----------
    sql
        DuckDB's text, with parentheses where it needs them as an operand.
    type
        The type in Athena. The type in DuckDB is ``duckdb_type`` of it.
    text
        The value of a string literal.
    """

    sql: str
    type: TrinoType
    text: str | None = None


def as_decimal(kind: TrinoType) -> TrinoType:
    """Return the decimal type that holds every value of a whole-number or decimal type."""
    return kind if kind.name == "decimal" else decimal(_DIGITS[kind.name], 0)


def common_type(left: TrinoType, right: TrinoType) -> TrinoType | None:
    """Return the type in which two values can be compared or be in one column, if any."""
    if left == right or right == UNKNOWN:
        return left
    if left == UNKNOWN:
        return right
    if left.is_number and right.is_number:
        return _common_number(left, right)
    if left.is_time and right.is_time:
        return _common_time(left, right)
    if left.name == right.name and left.members and len(left.members) == len(right.members):
        members = [common_type(a, b) for a, b in zip(left.members, right.members, strict=True)]
        known = tuple(member for member in members if member is not None)
        if len(known) == len(members):
            names = tuple(
                a if a == b else None for a, b in zip(left.names, right.names, strict=True)
            )
            return replace(left, members=known, names=names)
    return None


def _common_number(left: TrinoType, right: TrinoType) -> TrinoType:
    names = {left.name, right.name}
    if "double" in names:
        return DOUBLE
    if "real" in names:
        return REAL
    if "decimal" in names:
        a, b = as_decimal(left), as_decimal(right)
        scale = max(a.scale, b.scale)
        whole = max(a.precision - a.scale, b.precision - b.scale)
        return decimal(min(MAX_PRECISION, whole + scale), scale)
    return max(left, right, key=lambda kind: INTEGERS.index(kind.name))


def _common_time(left: TrinoType, right: TrinoType) -> TrinoType:
    digits = [int(kind.numbers[0]) for kind in (left, right) if kind.numbers]
    zoned = "timestamp with time zone" in (left.name, right.name)
    name = "timestamp with time zone" if zoned else "timestamp"
    return TrinoType(name, (max(digits),))


def coerces(kind: TrinoType, target: TrinoType) -> bool:
    """Return whether Trino casts a value of ``kind`` to ``target`` implicitly."""
    return common_type(kind, target) == target


def coerce(value: Typed, target: TrinoType) -> Typed:
    """Return the expression as ``target``, to which Trino casts it implicitly."""
    if duckdb_type(value.type) == duckdb_type(target):
        return replace(value, type=target)
    sql = by_member(value, target, lambda member, to: coerce(member, to).sql)
    return Typed(sql or f"CAST({value.sql} AS {duckdb_type(target)})", target)


def by_member(
    value: Typed, target: TrinoType, convert: Callable[[Typed, TrinoType], str | None]
) -> str | None:
    """Return an array, map or row with each member converted, or None if that is impossible.

    Trino casts the fields of a row by position. DuckDB's own cast matches their names.
    """
    kind, sql = value.type, value.sql
    if kind.name != target.name or len(kind.members) != len(target.members):
        return None
    names = {"array": ["element"], "map": ["entry.key", "entry.value"]}.get(kind.name)
    if names is None:
        fields = (member_name(kind, i).replace("'", "''") for i in range(len(kind.members)))
        names = [f"struct_extract({sql}, '{field}')" for field in fields]
    members = [
        convert(Typed(name, own), to)
        for name, own, to in zip(names, kind.members, target.members, strict=True)
    ]
    if not members or None in members:
        return None
    if kind.name == "array":
        return f"list_transform({sql}, lambda element : {members[0]})"
    if kind.name == "map":
        entry = f"struct_pack(key := {members[0]}, value := {members[1]})"
        return f"map_from_entries(list_transform(map_entries({sql}), lambda entry : {entry}))"
    packed = ", ".join(
        f"{quoted(member_name(target, i))} := {member}" for i, member in enumerate(members)
    )
    return f"CASE WHEN {sql} IS NULL THEN NULL ELSE struct_pack({packed}) END"
