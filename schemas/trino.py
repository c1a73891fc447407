"""Columns as Trino names their types, which Athena keeps in a view's definition."""

from __future__ import annotations

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


def trino_type(column_type: ColumnType) -> str:
    """Return the Trino type that a column of a table has in a query."""
    match column_type:
        case String() | Enum():
            return "varchar"
        case Boolean():
            return "boolean"
        case Integer(bits=bits):
            return "integer" if bits == 32 else "bigint"
        case Double():
            return "double"
        case Bytes():
            return "varbinary"
        case Decimal(precision=precision, scale=scale):
            return f"decimal({precision},{scale})"
        case Timestamp():
            return "timestamp(3)"
        case Date():
            return "date"
        case Nullable(of=inner):
            return trino_type(inner)
        case Array(items=items):
            return f"array({trino_type(items)})"
        case Map(values=values):
            return f"map(varchar, {trino_type(values)})"
        case Record(columns=columns):
            fields = ", ".join(f'"{each.name}" {trino_type(each.type)}' for each in columns)
            return f"row({fields})"
