"""Landed rows for tests, made from a table's columns without the transform."""

from __future__ import annotations

import base64
import datetime
import decimal
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

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def landed(column_type: ColumnType) -> st.SearchStrategy[Any]:
    """Any value of a type, in its landed form."""
    match column_type:
        case String():
            return TEXT
        case Boolean():
            return st.booleans()
        case Integer(bits=bits):
            return st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        case Double():
            return st.floats(allow_nan=False, allow_infinity=False)
        case Bytes():
            return st.binary(max_size=40).map(lambda data: base64.b64encode(data).decode())
        case Decimal(precision=precision, scale=scale):
            return st.integers(-(10**precision) + 1, 10**precision - 1).map(
                lambda number: scaled(number, scale)
            )
        case Timestamp():
            return st.integers(-62_135_596_800_000, 253_402_300_799_999)
        case Date():
            return st.integers(-719_162, 2_932_896)
        case Enum(symbols=symbols):
            return st.sampled_from(symbols)
        case Nullable(of=inner):
            return st.none() | landed(inner)
        case Array(items=items):
            return st.lists(landed(items), max_size=4)
        case Map(values=values):
            return st.dictionaries(TEXT, landed(values), max_size=4)
        case Record():
            return landed_record(column_type)


def landed_record(record: Record) -> st.SearchStrategy[dict[str, Any]]:
    """Any row of a record. A null column is sometimes ``null`` and sometimes left out."""
    return st.fixed_dictionaries(
        {c.name: landed(c.type) for c in record.columns if not c.nullable},
        optional={c.name: landed(c.type) for c in record.columns if c.nullable},
    )


def scaled(number: int, scale: int) -> str:
    """An unscaled integer as landed decimal text."""
    with decimal.localcontext(prec=80):
        return f"{decimal.Decimal(number).scaleb(-scale):.{scale}f}"


def as_read(value: Any, column_type: ColumnType) -> Any:
    """A landed value as fastavro reads it back."""
    match column_type:
        case Nullable(of=inner):
            return None if value is None else as_read(value, inner)
        case Bytes():
            return base64.b64decode(value)
        case Decimal():
            return decimal.Decimal(value)
        case Timestamp():
            return EPOCH + datetime.timedelta(milliseconds=value)
        case Date():
            return EPOCH.date() + datetime.timedelta(days=value)
        case Double():
            return float(value)
        case Array(items=items):
            return [as_read(item, items) for item in value]
        case Map(values=values):
            return {key: as_read(entry, values) for key, entry in value.items()}
        case Record(columns=columns):
            return {c.name: as_read(_or_default(value, c), c.type) for c in columns}
        case _:
            return value


def _or_default(value: dict[str, Any], column: Column) -> Any:
    return value.get(column.name, column.default)


def demand_row(**change: Any) -> dict[str, Any]:
    """A small row of the demand table, with changes."""
    return {
        "change_id": "c-1",
        "change_type": "INSERT",
        "changed_at": 1_795_377_695_718,
        "changed_at_micros": 1_795_377_695_718_001,
        "is_deleted": False,
        "is_expired": False,
        "record_key": '{"pk":"a"}',
        "table_name": "t",
        "demand_id": "d-1",
        "customer_id": "u-1",
        "event_id": "e-1",
        "channel": "WEB",
        "status": "ACTIVE",
        "requested_seats": 2,
        "adjacent_seats": True,
        "requested_at": 1_795_377_695_000,
        **change,
    }
