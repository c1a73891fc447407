"""The tables and views of a stack as its Glue catalog has them, with rows of one's own."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from catalog import glue_columns
from catalog.current.view import refreshed_view
from catalog.views import CurrentStateView, current_state_view
from schemas import RECORD_TYPES, table
from tests.athena.tables import (
    DATABASE,
    FIRST_DATE,
    PARQUET_DATABASE,
    avro_table,
    catalog,
    view,
    write_avro,
)

Row = Mapping[str, Any]

_VALUES: Mapping[str, Any] = {
    "string": "a",
    "boolean": False,
    "int": 1,
    "long": 1,
    "double": 1.5,
    "bytes": b"\x01",
    "array": [],
    "map": {},
}


def stack_catalog(
    record_types: Iterable[str] = RECORD_TYPES, *, current: bool = True
) -> dict[str, Any]:
    """Return ``catalog.json`` of a stack with these types."""
    tables: list[dict[str, Any]] = []
    for record_type in record_types:
        columns = [(each.name, each.type, each.comment) for each in glue_columns(record_type)]
        tables.append(avro_table(record_type, table(record_type).avro, columns))
        tables.append(_view(current_state_view(record_type)))
        if current:
            tables.append(_view(refreshed_view(record_type, PARQUET_DATABASE)))
    return catalog(tables)


def _view(made: CurrentStateView) -> dict[str, Any]:
    text = base64.b64decode(made.original_text(DATABASE).split()[3])
    listed = json.loads(text)["columns"]
    columns = [
        (each["name"], each["type"], own.type)
        for each, own in zip(listed, made.glue_columns, strict=True)
    ]
    return view(made.name, made.sql, columns)


def write_stack(folder: Path, rows: Mapping[str, Sequence[Row]], *, current: bool = True) -> Path:
    """Write the tables of these types with these rows, in one partition; return the folder."""
    for record_type, written in rows.items():
        path = folder / "data-pipeline/avro" / record_type / f"partition_date={FIRST_DATE}/a.avro"
        schema = table(record_type).avro
        write_avro(path, schema, [_whole(schema, row) for row in written])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "catalog.json").write_text(json.dumps(stack_catalog(rows, current=current)))
    return folder


def _whole(schema: Mapping[str, Any], row: Row) -> dict[str, Any]:
    """Return a row with some value in each column that must have one."""
    return {
        field["name"]: row.get(field["name"], _some(field["type"])) for field in schema["fields"]
    }


def _some(kind: Any) -> Any:
    if isinstance(kind, list):
        return None if "null" in kind else _some(kind[0])
    if isinstance(kind, str):
        return _VALUES[kind]
    if kind["type"] == "enum":
        return kind["symbols"][0]
    if kind["type"] == "record":
        return _whole(kind, {})
    return Decimal(1) if kind.get("logicalType") == "decimal" else _VALUES[kind["type"]]
