"""What the product is measured against: the same work, done the usual way in Python."""

from __future__ import annotations

import base64
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import fastavro
import msgspec
from boto3.dynamodb.types import TypeDeserializer

from schemas.columns import Bytes, Column, Date, Record, Timestamp
from schemas.columns import Decimal as DecimalColumn

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_deserialize = TypeDeserializer().deserialize
_full_parse = msgspec.json.Decoder().decode


def usual_transform(record: dict[str, Any]) -> bytes:
    """Return a Firehose record's item as a line of JSON, unmarshalled by boto3.

    It keeps less than the product does: no envelope, no types checked, no attribute rescued.
    """
    change = json.loads(base64.b64decode(record["data"]))
    image = change["dynamodb"].get("NewImage") or change["dynamodb"]["OldImage"]
    item = {name: _deserialize(value) for name, value in image.items()}
    return base64.b64encode(json.dumps(item, default=_as_json).encode() + b"\n")


def _as_json(value: Any) -> Any:
    if isinstance(value, set):
        return sorted(value)
    return str(value)


def full_parse(record: dict[str, Any]) -> Any:
    """Parse a Firehose record whole, with the fastest JSON parser here: the floor of a drop."""
    return _full_parse(base64.b64decode(record["data"]))


class UsualWriter:
    """Landed lines to Avro with json and fastavro."""

    def __init__(self, record: Record, avro: dict[str, Any]) -> None:
        self._columns = [(c.name, c) for c in record.columns]
        self._schema = fastavro.parse_schema(avro)

    def encode(self, line: bytes) -> bytes:
        """Return one row as Avro binary."""
        row = json.loads(line)
        for name, column in self._columns:
            if row.get(name) is not None:
                row[name] = _typed(column, row[name])
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self._schema, row)
        return out.getvalue()


def _typed(column: Column, value: Any) -> Any:
    return _converted(column.value_type, value)


def _converted(kind: Any, value: Any) -> Any:
    match kind:
        case DecimalColumn():
            return Decimal(value)
        case Timestamp():
            return _EPOCH + timedelta(milliseconds=value)
        case Date():
            return _EPOCH.date() + timedelta(days=value)
        case Bytes():
            return base64.b64decode(value)
        case Record(columns=columns):
            return {
                c.name: _converted(c.value_type, value[c.name])
                if value.get(c.name) is not None
                else c.default
                for c in columns
            }
        case _:
            inner = getattr(kind, "items", None) or getattr(kind, "values", None)
            if inner is None:
                return value
            inner = getattr(inner, "of", inner)
            if isinstance(value, list):
                return [_converted(inner, each) for each in value]
            return {key: _converted(inner, each) for key, each in value.items()}
