"""The column types that Glue must have so that Athena's Avro SerDe reads an Avro schema."""

from __future__ import annotations

from typing import Any

from athena.values.trino_types import TrinoType, array, decimal, parse_type, row, timestamp

_PRIMITIVES = {
    "boolean": "boolean",
    "int": "integer",
    "long": "bigint",
    "float": "real",
    "double": "double",
    "string": "varchar",
    "bytes": "varbinary",
}


def column_type(schema: Any) -> TrinoType | None:
    """Return the column type for a field of this Avro schema.

    None means that there is no single answer: for a union of several types, or for a name that
    is defined elsewhere in the schema.

    Notes
    -----
    https://docs.aws.amazon.com/athena/latest/ug/avro-serde.html
    """
    if isinstance(schema, str):
        return parse_type(_PRIMITIVES[schema]) if schema in _PRIMITIVES else None
    if isinstance(schema, list):
        branches = [branch for branch in schema if branch != "null"]
        return column_type(branches[0]) if len(branches) == 1 else None
    logical, kind = schema.get("logicalType"), schema["type"]
    if logical == "decimal":
        return decimal(schema["precision"], schema.get("scale", 0))
    if logical == "timestamp-millis":
        return timestamp()
    if logical == "date":
        return parse_type("date")
    if kind == "enum":
        return parse_type("varchar")
    if kind == "fixed":
        return parse_type("varbinary")
    if kind == "array":
        element = column_type(schema["items"])
        return element and array(element)
    if kind == "map":
        value = column_type(schema["values"])
        return value and TrinoType("map", members=(parse_type("varchar"), value))
    if kind == "record":
        members = [column_type(field["type"]) for field in schema["fields"]]
        known = tuple(member for member in members if member is not None)
        names = tuple(field["name"].lower() for field in schema["fields"])
        return row(names, known) if len(known) == len(members) else None
    return column_type(kind)
