"""Trino's ``format``, which writes text as Java does, as DuckDB text.

Source: https://trino.io/docs/current/functions/conversion.html#formatting
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from athena.errors import SqlError
from athena.functions.scalar import literal
from athena.values.coercion import Typed
from athena.values.failures import refusal
from athena.values.trino_types import MAX_PRECISION, VARCHAR

_DIRECTIVE = re.compile(
    r"%(?:(?P<place>\d+)\$)?(?P<flags>[-#+ 0,(]*)(?P<width>\d+)?(?:\.(?P<digits>\d+))?(?P<kind>.)",
    re.DOTALL,
)
# BigDecimal writes a number with more fraction digits as 1E-7.
_PLAIN_SCALE = 6
_DEFAULT_DIGITS = 6


def format_text(arguments: Sequence[Typed]) -> Typed:
    """Return ``format(pattern, value, …)``.

    Raises
    ------
    SqlError
        The pattern is no literal, does not fit the values, or has a directive that dmd sql does
        not translate exactly.
    """
    if len(arguments) < 2 or arguments[0].text is None:
        raise SqlError("format takes a pattern in quotes and at least one value")
    pattern, values = arguments[0].text, arguments[1:]
    parts, end, following = [], 0, 0
    for found in _DIRECTIVE.finditer(pattern):
        parts.append(literal(pattern[end : found.start()]))
        end = found.end()
        if found["kind"] in "%n":
            if found[0] not in ("%%", "%n"):
                raise _unknown(found[0])
            parts.append({"%": "'%'", "n": "chr(10)"}[found["kind"]])
            continue
        index = int(found["place"]) - 1 if found["place"] else following
        following += not found["place"]
        if not 0 <= index < len(values):
            raise SqlError(f"format: there is no value for {found[0]}")
        parts.append(_directive(found, values[index]))
    rest = pattern[end:]
    if "%" in rest:
        raise _unknown(rest)
    return Typed(f"concat({', '.join([*parts, literal(rest)])})", VARCHAR)


def _unknown(directive: str) -> SqlError:
    return SqlError(
        f"format: dmd sql does not translate {directive}; it knows %s, %d, %f, %n and %%"
    )


def _directive(found: re.Match[str], value: Typed) -> str:
    flags, kind = found["flags"], found["kind"]
    width = int(found["width"] or 0)
    digits = None if found["digits"] is None else int(found["digits"])
    if len(set(flags)) != len(flags) or "(" in flags or "#" in flags:
        raise _unknown(found[0])
    if {"-", "0"} <= set(flags) or ({"-", "0"} & set(flags) and not width):
        raise SqlError(f"format: {found[0]} needs a width, and has - or 0")
    if kind == "s" and set(flags) <= {"-"}:
        text = _shown(value)
        if digits is not None:
            text = f"left({text}, {digits})"
        return _padded(f"coalesce({text}, {literal('null'[:digits])})", width, "-" in flags)
    if kind == "d" and digits is None and value.type.is_integer:
        size = f"CAST(abs(CAST({value.sql} AS HUGEINT)) AS VARCHAR)"
        number = _Number(f"{value.sql} < 0", size, "")
        return number.text(flags, width, f"{value.sql} IS NULL", "null")
    if kind == "f" and value.type.name in ("decimal", "double"):
        return _fixed(value, flags, width, _DEFAULT_DIGITS if digits is None else digits)
    if kind in "sdf":
        raise SqlError(f"format: dmd sql does not translate {found[0]} of {value.type}")
    raise _unknown(found[0])


def _shown(value: Typed) -> str:
    kind = value.type
    if kind == VARCHAR or kind.name == "unknown":
        return f"CAST({value.sql} AS VARCHAR)"
    if kind.is_integer or kind.name in ("boolean", "date"):
        return f"CAST({value.sql} AS VARCHAR)"
    if kind.name == "decimal" and kind.scale <= _PLAIN_SCALE:
        return f"CAST({value.sql} AS VARCHAR)"
    raise SqlError(f"format: dmd sql does not write {kind} with %s as Athena does; cast it first")


def _fixed(value: Typed, flags: str, width: int, digits: int) -> str:
    sql, kind = value.sql, value.type
    whole_digits = MAX_PRECISION - digits
    if digits >= MAX_PRECISION or (
        kind.name == "decimal" and kind.precision - kind.scale > whole_digits
    ):
        raise SqlError(f"format: dmd sql does not write {kind} with {digits} fraction digits")
    target = f"DECIMAL({MAX_PRECISION},{digits})"
    if kind.name == "decimal":
        size, negative = f"CAST(CAST(abs({sql}) AS {target}) AS VARCHAR)", f"{sql} < 0"
    else:
        # The decimal of the number's shortest text, which Java rounds half up.
        size = f"CAST(CAST(CAST(abs({sql}) AS VARCHAR) AS {target}) AS VARCHAR)"
        fits = f"{sql} IS NULL OR isfinite({sql}) AND abs({sql}) < 1e{whole_digits - 1}"
        wrong = refusal(f"'format: dmd sql does not write this number: ', {sql}", VARCHAR)
        size, negative = f"CASE WHEN {fits} THEN {size} ELSE {wrong} END", f"signbit({sql})"
    whole, fraction = f"split_part({size}, '.', 1)", f"concat('.', split_part({size}, '.', 2))"
    number = _Number(negative, whole, fraction if digits else "")
    return number.text(flags, width, f"{sql} IS NULL", "null"[:digits])


@dataclass(frozen=True)
class _Number:
    """A number in DuckDB: whether it is negative, its whole digits, its point and fraction."""

    negative: str
    whole: str
    fraction: str

    def text(self, flags: str, width: int, missing: str, null: str) -> str:
        whole = self.whole
        if "," in flags:
            whole = f"format('{{:,}}', CAST({whole} AS HUGEINT))"
        size = f"concat({whole}, {self.fraction})" if self.fraction else whole
        plus = "+" if "+" in flags else " " if " " in flags else ""
        sign = f"CASE WHEN {self.negative} THEN '-' ELSE '{plus}' END"
        if "0" in flags:
            rest = f"{width} - length({sign})"
            shown = f"concat({sign}, lpad({size}, {_length(size, rest)}, '0'))"
        else:
            shown = _padded(f"concat({sign}, {size})", width, "-" in flags)
        absent = _padded(literal(null), width, "-" in flags)
        return f"CASE WHEN {missing} THEN {absent} ELSE {shown} END"


def _padded(text: str, width: int, left: bool) -> str:
    if not width:
        return text
    side = "rpad" if left else "lpad"
    return f"{side}({text}, {_length(text, str(width))}, ' ')"


def _length(text: str, least: str) -> str:
    """Return a length for padding; DuckDB would cut off what is longer."""
    return f"CAST(greatest(length({text}), {least}) AS INTEGER)"
