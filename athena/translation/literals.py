"""Constants of a query (numbers, strings, intervals) and their types."""

from __future__ import annotations

from sqlglot import exp

from athena.errors import SqlError
from athena.functions.scalar import literal
from athena.values.coercion import Typed
from athena.values.trino_types import (
    BIGINT,
    DAYS,
    DOUBLE,
    INTEGER,
    MONTHS,
    VARCHAR,
    decimal,
    duckdb_type,
)


def literal_value(node: exp.Literal) -> Typed:
    """Return a number or a string; a number's digits decide its type."""
    text = str(node.this)
    if node.is_string:
        return Typed(literal(text), VARCHAR, text)
    if "e" in text.lower():
        return Typed(f"CAST('{text}' AS DOUBLE)", DOUBLE)
    if "." in text:
        whole, _, fraction = text.partition(".")
        digits = whole.lstrip("0") + fraction
        kind = decimal(max(len(digits), 1), len(fraction))
    else:
        kind = INTEGER if int(text) < 2**31 else BIGINT
    return Typed(f"CAST('{text}' AS {duckdb_type(kind)})", kind)


def interval(node: exp.Interval) -> Typed:
    """Return ``INTERVAL '3' DAY``."""
    unit = node.args.get("unit")
    text = str(node.this.this) if isinstance(node.this, exp.Literal) else None
    name = unit.name.lower() if isinstance(unit, exp.Var) else ""
    if text is None or not text.lstrip("+-").replace(".", "", 1).isdigit():
        raise SqlError("write an interval as INTERVAL '3' DAY, with one unit")
    if name in ("year", "month"):
        return Typed(f"(INTERVAL '{text}' {name})", MONTHS, name)
    if name in ("day", "hour", "minute", "second"):
        return Typed(f"(INTERVAL '{text}' {name})", DAYS, name)
    raise SqlError("an interval's unit is YEAR, MONTH, DAY, HOUR, MINUTE or SECOND")


def has_zone(text: str) -> bool:
    """Return whether a timestamp's text has a zone after the time."""
    words = text.split()
    return len(words) > 2 or (len(words) == 2 and any(sign in words[1] for sign in "+-Z"))
