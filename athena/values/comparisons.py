"""Comparisons and CASE: which types Athena compares or combines, and as which type."""

from __future__ import annotations

from collections.abc import Sequence

from athena.errors import SqlError
from athena.values.coercion import Typed, coerce, common_type
from athena.values.trino_types import BOOLEAN, CLOCK_ELSEWHERE, DATE, UNKNOWN, VARCHAR, TrinoType


def comparison(operator: str, left: Typed, right: Typed) -> Typed:
    """Return ``left operator right``; raises `SqlError` where Athena refuses it."""
    left, right = _alike(operator, left, right)
    if left.type.members and not operator.startswith("IS "):
        raise not_comparable(left.type)
    return Typed(f"({left.sql} {operator} {right.sql})", BOOLEAN)


def unlike(operator: str, left: TrinoType, right: TrinoType) -> str:
    """Return the message for two types that have no common type."""
    remedy = "cast one of them"
    if {left, right} & {DATE} and VARCHAR in (left, right):
        remedy = "compare text with text, such as '2026-11-01', or cast the text to date"
    return f"cannot apply {operator} to {left} and {right}; {remedy}"


def not_comparable(kind: TrinoType) -> SqlError:
    """Return the error of a comparison of arrays, maps or rows."""
    return SqlError(
        f"dmd sql does not compare {kind.name}s, because Athena's answer is NULL if they contain"
        " NULL; compare their members, or use IS [NOT] DISTINCT FROM"
    )


def _alike(operator: str, left: Typed, right: Typed) -> tuple[Typed, Typed]:
    kind = common_type(left.type, right.type)
    if CLOCK_ELSEWHERE in (left.type, right.type):
        raise SqlError(
            f"dmd sql cannot apply {operator} to a timestamp AT TIME ZONE; compare the timestamps"
            " without AT TIME ZONE, which only changes how they are shown, or cast it to timestamp"
        )
    if kind is None:
        raise SqlError(unlike(operator, left.type, right.type))
    return coerce(left, kind), coerce(right, kind)


def branches(conditions: Sequence[str], values: Sequence[Typed]) -> Typed:
    """Return a CASE; ``values`` has one more member than ``conditions``, for ELSE."""
    kind = UNKNOWN
    for value in values:
        common = common_type(kind, value.type)
        if common is None:
            raise SqlError(unlike("CASE", kind, value.type))
        kind = common
    coerced = [coerce(value, kind).sql for value in values]
    whens = " ".join(
        f"WHEN {condition} THEN {value}"
        for condition, value in zip(conditions, coerced[:-1], strict=True)
    )
    return Typed(f"CASE {whens} ELSE {coerced[-1]} END", kind)
