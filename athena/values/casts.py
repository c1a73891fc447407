"""Trino's ``CAST`` in DuckDB: what it accepts, how it rounds, and how it writes text."""

from __future__ import annotations

from athena.errors import SqlError
from athena.values.coercion import Typed, by_member
from athena.values.failures import FAILURE, refusal
from athena.values.json_casts import from_json
from athena.values.json_text import escaped
from athena.values.trino_types import INTEGERS, VARCHAR, TrinoType, duckdb_type

_MICROSECONDS = 6  # fraction digits that DuckDB keeps

_DIGITS = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
_FORMS = {
    **dict.fromkeys(INTEGERS, r"\s*[+-]?[0-9]+\s*"),
    **dict.fromkeys(("real", "double"), rf"\s*([+-]?(NaN|Infinity)|{_DIGITS}[dDfF]?)\s*"),
    "decimal": _DIGITS,
    "date": r"\s*[+-]?[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}\s*",
    "timestamp": (
        r"[+-]?[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}( [0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]+)?)?)?"
    ),
    "boolean": "(?i)t|f|1|0|true|false",
}


def cast(value: Typed, target: TrinoType, *, lenient: bool = False) -> Typed:
    """Return ``CAST(value AS target)``, or ``TRY_CAST`` if ``lenient``.

    Raises
    ------
    SqlError
        Trino has no such cast, or dmd sql has no exact one.
    """
    kind = value.type
    if lenient and (kind.members or kind.name == "json"):
        # One member that cannot be cast makes the whole NULL. The operand is outside of TRY,
        # because its own errors stay errors.
        strict = _conversion(Typed("whole", kind), target, False)
        sql = strict and f"list_transform([{value.sql}], lambda whole : TRY({strict}))[1]"
    else:
        sql = _conversion(value, target, lenient)
    if sql is None:
        raise SqlError(f"cannot cast {kind} to {target}")
    return Typed(sql, target)


def _plain(sql: str, target: TrinoType, lenient: bool) -> str:
    return f"{'TRY_CAST' if lenient else 'CAST'}({sql} AS {duckdb_type(target)})"


def _conversion(value: Typed, target: TrinoType, lenient: bool) -> str | None:
    kind, sql = value.type, value.sql
    if kind == target:
        return sql
    if kind.name == "unknown":
        return f"CAST(NULL AS {duckdb_type(target)})"
    if kind.name == "json":
        return from_json(sql, target, lambda text, to: _from_text(text, to, False))
    if target.name == "json":
        return _to_json(value)
    if target == VARCHAR:
        return _to_text(value)
    if kind == VARCHAR:
        return _from_text(sql, target, lenient)
    if kind.members or target.members:
        return by_member(value, target, lambda member, to: _conversion(member, to, False))
    if target.is_integer and kind.name in ("real", "double"):
        return _plain(f"round({sql})", target, lenient)
    if target.name == "decimal" and kind.name in ("real", "double"):
        # The decimal of the number's shortest text, as in Java's BigDecimal.valueOf.
        return _plain(f"CAST({sql} AS VARCHAR)", target, lenient)
    if target.is_number and (kind.is_number or kind.name == "boolean"):
        return _plain(sql, target, lenient)
    if target.name == "boolean" and kind.is_number:
        return f"({sql} <> 0)"
    if target.is_time and kind.is_time:
        return _time(value, target)
    return None


def _time(value: Typed, target: TrinoType) -> str:
    sql = value.sql
    if target.name == "date" or value.type.name == "date":
        return _plain(sql, target, False)
    digits = int(target.numbers[0])
    if digits < int(value.type.numbers[0]):
        sql = _nearest(sql, digits)
    return _plain(sql, target, False)


def _nearest(sql: str, digits: int) -> str:
    """Return a timestamp rounded to this many fraction digits, half up, also before 1970."""
    if digits >= _MICROSECONDS:
        return sql
    unit, half = 10 ** (_MICROSECONDS - digits), 5 * 10 ** (_MICROSECONDS - 1 - digits)
    return f"time_bucket(INTERVAL {unit} MICROSECONDS, {sql} + INTERVAL {half} MICROSECONDS)"


def _from_text(sql: str, target: TrinoType, lenient: bool) -> str | None:
    if target.members or target.name.startswith("interval"):
        return None
    if target.name == "varbinary":
        return f"encode({sql})"
    form = _FORMS.get(target.name)
    if form is not None:
        wrong = f"concat('{FAILURE}cannot cast ''', {sql}, ''' to {target}')"
        if target.name == "timestamp" and int(target.numbers[0]) >= _MICROSECONDS:
            # DuckDB cuts off the digits that Trino keeps or rounds.
            text = f"'dmd sql keeps only microseconds: cannot cast ''', {sql}, ''' to {target}'"
            finer = f"regexp_full_match({sql}, '{form}')"
            wrong = f"CASE WHEN {finer} THEN {refusal(text, VARCHAR)} ELSE {wrong} END"
            form = form.replace(r"\.[0-9]+", r"\.[0-9]{1,6}0*")
        fits = f"{sql} IS NULL OR regexp_full_match({sql}, '{form}')"
        sql = f"CASE WHEN {fits} THEN {sql} ELSE {wrong} END"
    if target.name in ("real", "double"):
        sql = f"regexp_replace({sql}, '([0-9.])[dDfF]\\s*$', '\\1')"
    if target.name == "timestamp":
        return _nearest(_plain(sql, target, lenient), int(target.numbers[0]))
    return _plain(sql, target, lenient)


def _to_text(value: Typed) -> str | None:
    kind, sql = value.type, value.sql
    if kind.name == "timestamp with time zone":
        return f"concat({clock_text(sql, int(kind.numbers[0]))}, ' UTC')"
    if kind.name == "timestamp":
        return clock_text(sql, int(kind.numbers[0]))
    if kind.name in ("real", "double"):
        raise SqlError(
            f"dmd sql does not write a {kind} as text (Athena would write 1.5E0);"
            " cast it to a decimal first"
        )
    if kind.is_number or kind.name in ("boolean", "date"):
        return f"CAST({sql} AS VARCHAR)"
    return None


def clock_text(sql: str, digits: int) -> str:
    """Return the expression of a timestamp's text, with this many fraction digits (0 to 6)."""
    whole = f"strftime({sql}, '%Y-%m-%d %H:%M:%S')"
    if digits == 0:
        return whole
    return f"substr(strftime({sql}, '%Y-%m-%d %H:%M:%S.%f'), 1, {20 + digits})"


def _to_json(value: Typed) -> str | None:
    kind = value.type
    if kind.is_integer or kind.name in ("boolean", "varchar"):
        return escaped(f"to_json({value.sql})")
    if kind.name in ("array", "map") and {m.name for m in kind.members} <= {
        "varchar",
        "bigint",
        "integer",
        "boolean",
    }:
        return escaped(f"to_json({value.sql})")
    return None
