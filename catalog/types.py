"""The names of column types in Hive and in Trino.

Glue has the Hive types of a table's columns. A view's definition has the Trino types of its
columns (docs/aws-contracts.md#athena-views).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from schemas.columns import (
    Array,
    Boolean,
    Bytes,
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


@dataclass(frozen=True)
class _Dialect:
    """How an engine writes types. A record has its members, joined with ``between_members``."""

    string: str
    integers: Mapping[int, str]
    binary: str
    timestamp: str
    array: str
    map: str
    record: str
    member: str
    between_members: str


_HIVE: Final = _Dialect(
    string="string",
    integers={32: "int", 64: "bigint"},
    binary="binary",
    timestamp="timestamp",
    array="array<{}>",
    map="map<string,{}>",
    record="struct<{}>",
    member="{}:{}",
    between_members=",",
)
_TRINO: Final = _Dialect(
    string="varchar",
    integers={32: "integer", 64: "bigint"},
    binary="varbinary",
    timestamp="timestamp(3)",
    array="array({})",
    map="map(varchar, {})",
    record="row({})",
    member='"{}" {}',
    between_members=", ",
)
# Iceberg keeps microseconds, and so do Athena's tables of it.
# https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg-supported-data-types.html
_TRINO_ICEBERG: Final = replace(_TRINO, timestamp="timestamp(6)")


def hive_type(column_type: ColumnType) -> str:
    """Return the Hive type that Athena reads a column type as."""
    return _type(column_type, _HIVE)


def trino_type(column_type: ColumnType) -> str:
    """Return the Trino type that a column of a table has in a query."""
    return _type(column_type, _TRINO)


def trino_iceberg_type(column_type: ColumnType) -> str:
    """Return the Trino type that a column of an Iceberg table has in a query."""
    return _type(column_type, _TRINO_ICEBERG)


def _type(column_type: ColumnType, words: _Dialect) -> str:
    match column_type:
        case String() | Enum():
            return words.string
        case Boolean():
            return "boolean"
        case Integer(bits=bits):
            return words.integers[bits]
        case Double():
            return "double"
        case Bytes():
            return words.binary
        case Decimal(precision=precision, scale=scale):
            return f"decimal({precision},{scale})"
        case Timestamp():
            return words.timestamp
        case Date():
            return "date"
        case Nullable(of=inner):
            return _type(inner, words)
        case Array(items=items):
            return words.array.format(_type(items, words))
        case Map(values=values):
            return words.map.format(_type(values, words))
        case Record(columns=columns):
            members = (words.member.format(each.name, _type(each.type, words)) for each in columns)
            return words.record.format(words.between_members.join(members))
