"""What the tables and views have to hold, worked out from the change records with plain Python."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from testing import reference
from tests.trino.kinds import Schema

Row = dict[str, Any]

ENVELOPE: dict[str, Any] = {
    **dict.fromkeys(("change_id", "change_type", "record_key", "table_name"), "string"),
    "changed_at": {"type": "long", "logicalType": "timestamp-millis"},
    "changed_at_micros": "long",
    **dict.fromkeys(("is_deleted", "is_expired"), "boolean"),
}


def rows(lines: Iterable[bytes], record_type: str, schemas: Path) -> list[Row]:
    """The rows that change records become under the schemas of a folder, one each, in order."""
    with mock.patch.object(reference, "SCHEMAS", schemas):
        outcomes = [reference.outcome(line, record_type) for line in lines]
    return [row for row in outcomes if isinstance(row, dict)]


def read_as(row: Row, schema: Schema) -> Row:
    """A row of an older schema as the Avro specification has a newer one read it."""
    return {**row, **_resolved(schema, row)}


def _resolved(kind: Any, value: Any) -> Any:
    if isinstance(kind, list):
        return None if value is None else _resolved(kind[1], value)
    base = kind["type"] if isinstance(kind, dict) else kind
    if base == "double":
        return float(value)
    if base == "array":
        return [_resolved(kind["items"], each) for each in value]
    if base == "map":
        return {name: _resolved(kind["values"], each) for name, each in value.items()}
    if base == "record":
        return {
            field["name"]: _resolved(field["type"], value[field["name"]])
            if field["name"] in value
            else field["default"]
            for field in kind["fields"]
        }
    return value


def current(changes: Sequence[Row]) -> list[Row]:
    """The current state after changes in the order in which the stream took them."""
    newest: dict[str, Row] = {}
    for row in changes:
        known = newest.get(row["record_key"])
        if known is None or row["changed_at_micros"] >= known["changed_at_micros"]:
            newest[row["record_key"]] = row
    return [row for row in newest.values() if not row["is_deleted"]]


def column_types(schema: Schema) -> dict[str, Any]:
    """The Avro types of a table's columns by name, but for those that have none of the item."""
    return ENVELOPE | {field["name"]: field["type"] for field in schema["fields"]}


def comparable(row: Row, schema: Schema) -> str:
    """A row as text that is the same for the same values of the same types, to the last digit.

    The sequence number is the stream's own and left out; rescued attributes are compared as JSON.
    """
    plain = {name: _plain(kind, row[name]) for name, kind in column_types(schema).items()}
    rescued = row["rescued_attributes"]
    plain["rescued_attributes"] = json.loads(rescued) if isinstance(rescued, str) else rescued
    plain["partition_date"] = row.get("partition_date") or row["changed_at"].date().isoformat()
    return json.dumps(plain, default=repr, sort_keys=True, ensure_ascii=False)


def _plain(kind: Any, value: Any) -> Any:
    if isinstance(kind, list):
        kind = kind[1]
    if value is None:
        return None
    base = kind["type"] if isinstance(kind, dict) else kind
    if base == "array":
        return [_plain(kind["items"], each) for each in value]
    if base == "map":
        return {name: _plain(kind["values"], each) for name, each in value.items()}
    if base == "record":
        # Trino's client gives a row's values in the order of its fields.
        values = value.values() if isinstance(value, dict) else value
        pairs = zip(kind["fields"], values, strict=True)
        return [_plain(field["type"], each) for field, each in pairs]
    return value.replace(tzinfo=None) if isinstance(value, dt.datetime) else value
