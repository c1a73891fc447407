"""``+ - * / %`` as in Trino: whole-number division, exact decimals, dates and intervals.

Source: https://trino.io/docs/current/functions/math.html and functions/decimal.html
"""

from __future__ import annotations

from athena.errors import SqlError
from athena.values.coercion import Typed, as_decimal, coerce, common_type
from athena.values.trino_types import (
    DAYS,
    MAX_PRECISION,
    MONTHS,
    TrinoType,
    decimal,
    duckdb_type,
)


def calculate(operator: str, left: Typed, right: Typed) -> Typed:
    """Return ``left operator right``.

    Raises
    ------
    SqlError
        Trino does not know the operator between these types.
    """
    kind = common_type(left.type, right.type)
    if kind is not None and kind.is_number:
        return _numbers(operator, left, right, kind)
    temporal = _temporal(operator, left, right)
    if temporal is None:
        raise SqlError(f"cannot apply {operator} to {left.type} and {right.type}; cast one of them")
    return temporal


def _numbers(operator: str, left: Typed, right: Typed, kind: TrinoType) -> Typed:
    if kind.name == "decimal":
        return _decimals(operator, _decimal_operand(left), _decimal_operand(right))
    if operator == "/" and kind.is_integer:
        operator = "//"
    a, b = coerce(left, kind).sql, coerce(right, kind).sql
    return Typed(f"CAST({a} {operator} {b} AS {duckdb_type(kind)})", kind)


def _decimal_operand(value: Typed) -> Typed:
    return coerce(value, decimal(1, 0) if value.type.name == "unknown" else as_decimal(value.type))


def _decimals(operator: str, left: Typed, right: Typed) -> Typed:
    if operator == "/":
        return divide(left, right)
    a, b = left.type, right.type
    scale = max(a.scale, b.scale)
    whole = max(a.precision - a.scale, b.precision - b.scale)
    if operator == "*":
        scale = a.scale + b.scale
        result = decimal(min(MAX_PRECISION, a.precision + b.precision), scale)
    elif operator == "%":
        digits = min(a.precision - a.scale, b.precision - b.scale) + scale
        result = decimal(digits, scale)
    else:
        result = decimal(min(MAX_PRECISION, whole + scale + 1), scale)
    if scale > MAX_PRECISION:
        raise SqlError(
            f"{a} {operator} {b} has more than {MAX_PRECISION} fraction digits; cast one of them"
        )
    # If both operands have up to 18 digits, so has DuckDB's result, and it can overflow.
    wide = (
        f"CAST({left.sql} AS {duckdb_type(decimal(max(result.precision, a.precision), a.scale))})"
    )
    return Typed(f"CAST({wide} {operator} {right.sql} AS {duckdb_type(result)})", result)


def divide(left: Typed, right: Typed) -> Typed:
    """Return a decimal quotient as Trino rounds it: to the larger scale, half away from zero.

    DuckDB divides decimals as floating-point numbers. This divides their digits as whole
    numbers, one digit further than needed, and lets a cast round that digit away.
    """
    a, b = as_decimal(left.type), as_decimal(right.type)
    scale = max(a.scale, b.scale)
    result = decimal(min(MAX_PRECISION, a.precision + b.scale + max(b.scale - a.scale, 0)), scale)
    shift = scale - a.scale + b.scale + 1
    if a.precision + shift <= MAX_PRECISION:
        quotient = f"({_digits(left)} * {10**shift}::HUGEINT // {_digits(right)})"
    else:
        quotient = _long_division(_digits(left), _digits(right), shift)
    small = f"CAST('0.{'0' * scale}1' AS DECIMAL({scale + 1},{scale + 1}))"
    moved = f"CAST(CAST({quotient} AS DECIMAL(38,0)) * {small} AS DECIMAL(38,{scale + 1}))"
    return Typed(f"CAST({moved} AS {duckdb_type(result)})", result)


def _digits(value: Typed) -> str:
    """Return the digits of a decimal or whole number, without the point, as a whole number."""
    return f"CAST(replace(CAST({value.sql} AS VARCHAR), '.', '') AS HUGEINT)"


def _long_division(dividend: str, divisor: str, places: int) -> str:
    """Return ``dividend * 10^places // divisor`` digit by digit, for a product that is too long."""
    first = "struct_pack(q := v.n // v.d, r := v.n % v.d)"
    step = "struct_pack(q := s.q * 10 + s.r * 10 // v.d, r := s.r * 10 % v.d)"
    steps = f"list_transform(range({places}), lambda i : {first})"
    folded = f"struct_extract(list_reduce({steps}, lambda s, i : {step}, {first}), 'q')"
    operands = f"[struct_pack(n := {dividend}, d := {divisor})]"
    return f"list_extract(list_transform({operands}, lambda v : {folded}), 1)"


def _temporal(operator: str, left: Typed, right: Typed) -> Typed | None:
    a, b = left.type, right.type
    if operator == "+" and a in (DAYS, MONTHS) and b.is_time:
        return _temporal(operator, right, left)
    if operator in "+-" and a.is_time and b in (DAYS, MONTHS):
        if a.name == "date":
            if right.text in ("hour", "minute", "second"):
                raise SqlError(f"a date has no {right.text}; cast it to timestamp")
            return Typed(f"CAST({left.sql} {operator} {right.sql} AS DATE)", a)
        return Typed(f"({left.sql} {operator} {right.sql})", a)
    if operator in "+-" and a == b and a in (DAYS, MONTHS):
        return Typed(f"({left.sql} {operator} {right.sql})", a)
    if operator == "*" and {a, b} & {DAYS, MONTHS} and (a.is_integer or b.is_integer):
        return Typed(f"({left.sql} * {right.sql})", a if b.is_integer else b)
    if operator == "-" and a.is_time and b.is_time:
        kind = common_type(a, b)
        if kind is None:
            return None
        name = "TIMESTAMP" if kind.name == "date" else duckdb_type(kind)
        return Typed(f"(CAST({left.sql} AS {name}) - CAST({right.sql} AS {name}))", DAYS)
    return None
