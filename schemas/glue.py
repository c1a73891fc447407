"""Columns as Glue and Athena name their types (aws-contracts §6)."""

from __future__ import annotations

from dataclasses import dataclass

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
from schemas.table import table


@dataclass(frozen=True)
class GlueColumn:
    """A column of a Glue table: its name, Hive type and comment."""

    name: str
    type: str
    comment: str


def glue_columns(record_type: str) -> tuple[GlueColumn, ...]:
    """Return the Glue columns of a record type's table, without the partition key.

    Raises
    ------
    SchemaError
        The type is unknown or its schema cannot be used.
    """
    columns = table(record_type).record.columns
    return tuple(GlueColumn(c.name, hive_type(c.type), c.doc) for c in columns)


def hive_type(column_type: ColumnType) -> str:
    """Return the Hive type that Athena reads a column type as."""
    match column_type:
        case String() | Enum():
            return "string"
        case Boolean():
            return "boolean"
        case Integer(bits=bits):
            return "int" if bits == 32 else "bigint"
        case Double():
            return "double"
        case Bytes():
            return "binary"
        case Decimal(precision=precision, scale=scale):
            return f"decimal({precision},{scale})"
        case Timestamp():
            return "timestamp"
        case Date():
            return "date"
        case Nullable(of=inner):
            return hive_type(inner)
        case Array(items=items):
            return f"array<{hive_type(items)}>"
        case Map(values=values):
            return f"map<string,{hive_type(values)}>"
        case Record(columns=columns):
            fields = ",".join(f"{each.name}:{hive_type(each.type)}" for each in columns)
            return f"struct<{fields}>"
