"""The marked items of a smoke test: the smallest that each type's schema takes, and their keys."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.errors import SmokeError
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
    Epoch,
    Integer,
    Map,
    Nullable,
    Record,
    String,
    Timestamp,
)
from schemas.table import Table
from transform.record_key import record_key as key_column

MARK = "dmd-smoke"
"""The partition key of every item that a smoke test puts into the table."""

Item = dict[str, Any]
_UNITS: Mapping[Epoch, int] = {"seconds": 1, "milliseconds": 1_000, "microseconds": 1_000_000}


@dataclass(frozen=True)
class TableKeys:
    """The primary key of the demand table, which its owners chose.

    Parameters
    ----------
    partition, sort
        Names of the attributes.
    sort_type
        DynamoDB's type of the sort key: ``S``, ``N`` or ``B``.
    """

    partition: str
    sort: str
    sort_type: str

    def key(self, record_type: str, run: int, number: int) -> Item:
        """Return the primary key of a run's item.

        Parameters
        ----------
        record_type
            The item's type.
        run
            What tells runs apart: when it began, in milliseconds since 1970.
        number
            The type's position among the types of the run, below 100.
        """
        text = f"{run}/{record_type}"
        sorts: dict[str, Item] = {
            "S": {"S": text},
            "B": {"B": text.encode()},
            "N": {"N": str(run * 100 + number)},
        }
        return {self.partition: {"S": MARK}, self.sort: sorts[self.sort_type]}


def table_keys(described: Mapping[str, Any]) -> TableKeys:
    """Return the primary key from DescribeTable's answer.

    Raises
    ------
    SmokeError
        An item with this key cannot be marked, or cannot be found again.
    """
    names = {each["KeyType"]: each["AttributeName"] for each in described["KeySchema"]}
    types = {
        each["AttributeName"]: each["AttributeType"] for each in described["AttributeDefinitions"]
    }
    if "RANGE" not in names or types[names["HASH"]] != "S":
        raise SmokeError(
            f"the table {described['TableName']} has no key that a smoke test can mark: it needs a "
            "text as partition key, and a sort key, so that items of a test are found again"
        )
    return TableKeys(names["HASH"], names["RANGE"], types[names["RANGE"]])


def minimal_item(table: Table, type_attribute: str, key: Item, now: datetime) -> Item:
    """Return the smallest item that becomes a row of a table.

    Parameters
    ----------
    table
        The record type's table.
    type_attribute
        Name of the attribute that names the record type.
    key
        The item's primary key. It counts if a column has the same attribute.
    now
        The value of required times. Aware.
    """
    return {**_fields(table.columns, now), type_attribute: {"S": table.record_type}, **key}


def record_key(key: Item) -> str:
    """Return the column ``record_key`` of the rows of the item with this primary key."""
    written = {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in key.items()
    }
    return str(key_column(written))


def _fields(columns: Sequence[Column], now: datetime) -> Item:
    return {each.attribute: _value(each.type, now) for each in columns if not each.has_default}


def _value(kind: ColumnType, now: datetime) -> Item:
    match kind:
        case String():
            return {"S": MARK}
        case Boolean():
            return {"BOOL": False}
        case Integer() | Double() | Decimal():
            return {"N": "0"}
        case Bytes():
            return {"B": MARK.encode()}
        case Timestamp(epoch=None):
            return {"S": now.astimezone(UTC).isoformat(timespec="milliseconds")}
        case Timestamp(epoch=epoch):
            assert epoch is not None  # noqa: S101 - the case above has it
            return {"N": str(int(now.timestamp()) * _UNITS[epoch])}
        case Date():
            return {"S": now.astimezone(UTC).date().isoformat()}
        case Enum(symbols=symbols):
            return {"S": symbols[0]}
        case Nullable():
            return {"NULL": True}
        case Array():
            return {"L": []}
        case Map():
            return {"M": {}}
        case Record(columns=columns):
            return {"M": _fields(columns, now)}
