"""Items for tests, made from a table's columns, with values that fit, nearly fit, or do not fit."""

from __future__ import annotations

import base64
import datetime
from decimal import Decimal as Number
from typing import Any

from hypothesis import strategies as st

from schemas.columns import (
    Array,
    Boolean,
    Bytes,
    Column,
    ColumnType,
    Date,
    Decimal,
    Double,
    Enum,
    Integer,
    Map,
    Nullable,
    Record,
    String,
    Timestamp,
)

Attribute = dict[str, Any]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBER_TEXTS = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(-(10**6), 10**6, places=2).map(str),
    st.decimals(0, 2, places=20).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(0, 4 * 10**15).map(str),
    st.from_regex(r"-?0{0,3}[0-9]{1,24}(\.[0-9]{1,6})?(E[+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(
        ["", "-0", "-0.00", "0.00", "1_0", " 1", "+1", "١", "NaN", "Infinity", "1.", ".5", "1e5"]
    ),
)
TIMES = st.one_of(
    st.datetimes(timezones=st.just(datetime.UTC)).map(
        lambda when: when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    ),
    st.datetimes().map(datetime.datetime.isoformat),
    st.dates().map(datetime.date.isoformat),
    st.from_regex(
        r"[0-9]{4}-(0[1-9]|1[0-2]|W[0-9])-?[0-3][0-9]"
        r"[T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9][.,][0-9]{3}Z",
        fullmatch=True,
    ),
    st.sampled_from(["2026-W01-1T10:00:00.000Z", "2026-11-22T24:00:00.000Z", "0000-01-01", ""]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["S", "N", "BOOL", "NULL", "L", "M", "SS", "NS", "B", "x"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=4,
)


def marked(column_type: ColumnType) -> st.SearchStrategy[Attribute]:
    """An attribute value with the marker that a column of the type reads."""
    match column_type:
        case String():
            return _under("S", TEXT)
        case Enum(symbols=symbols):
            return _under("S", st.sampled_from([*symbols, "no symbol"]))
        case Boolean():
            return _under("BOOL", st.booleans())
        case Bytes():
            good = st.binary(max_size=9).map(lambda data: base64.b64encode(data).decode())
            return _under("B", good | st.sampled_from(["YQ", "YQ=", "Y===", "YQ==\n", "é"]))
        case Integer(bits=bits):
            fits = st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1).map(str)
            return _under("N", fits | NUMBER_TEXTS)
        case Decimal(precision=precision, scale=scale):
            fits = st.integers(0, 10**precision - 1).map(
                lambda number: format(Number(number).scaleb(-scale), "f")
            )
            return _under("N", fits | NUMBER_TEXTS)
        case Double():
            return _under("N", NUMBER_TEXTS)
        case Timestamp(epoch=None):
            return _under("S", TIMES)
        case Timestamp():
            return _under("N", st.integers(0, 4 * 10**15).map(str) | NUMBER_TEXTS)
        case Date():
            return _under("S", st.dates().map(datetime.date.isoformat) | TIMES)
        case Nullable(of=inner):
            return marked(inner) | st.just({"NULL": True})
        case Array(items=items):
            sets = st.sampled_from(["SS", "NS", "BS"]).flatmap(
                lambda marker: _under(marker, st.lists(TEXT | NUMBER_TEXTS, max_size=2))
            )
            return _under("L", st.lists(marked(items), max_size=3)) | sets
        case Map(values=values):
            return _under("M", st.dictionaries(TEXT, marked(values), max_size=3))
        case Record(columns=columns):
            return _under("M", item(columns))


def _under(marker: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[Attribute]:
    return value.map(lambda each: {marker: each})


def item(columns: tuple[Column, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Attributes for columns. An optional one is sometimes missing."""
    return st.fixed_dictionaries(
        {c.attribute: marked(c.type) for c in columns if not c.has_default},
        optional={c.attribute: marked(c.type) for c in columns if c.has_default},
    )
