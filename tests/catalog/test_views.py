"""The views of the current state follow from the schema, in the form that Athena writes."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from athena.values.trino_types import parse_type
from catalog import glue_columns
from catalog.types import trino_type
from catalog.views import current_state_sql, current_state_view
from schemas import RECORD_TYPES, table
from schemas.errors import UnknownRecordType
from schemas.parse import parse_record


def definition(record_type: str) -> dict[str, Any]:
    text = current_state_view(record_type).original_text("some_database")
    found = re.fullmatch(r"/\* Presto View: ([A-Za-z0-9+/=]+) \*/", text)
    assert found
    parsed: dict[str, Any] = json.loads(base64.b64decode(found[1]))
    return parsed


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_view_is_written_as_athena_writes_views(record_type: str) -> None:
    written = definition(record_type)
    assert written["catalog"] == "awsdatacatalog"
    assert written["schema"] == "some_database"
    assert written["originalSql"] == current_state_view(record_type).sql
    assert not written["originalSql"].rstrip().endswith(";")
    assert set(written) == {"originalSql", "catalog", "schema", "columns"}


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_view_has_the_columns_of_its_table_in_order_with_the_partition_last(
    record_type: str,
) -> None:
    names = [column["name"] for column in definition(record_type)["columns"]]
    of_table = [column.name for column in table(record_type).record.columns]
    assert names == [*of_table, "partition_date"]
    listed = current_state_view(record_type).sql.split("FROM")[0]
    assert re.findall(r"\w+", listed)[1:] == names


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_views_columns_have_trinos_types_for_the_tables_types(record_type: str) -> None:
    written = {column["name"]: column["type"] for column in definition(record_type)["columns"]}
    for column in glue_columns(record_type):
        assert parse_type(written[column.name]) == parse_type(column.type), column.name
    assert written["partition_date"] == "varchar"


@pytest.mark.parametrize(
    ("avro", "trino"),
    [
        ("string", "varchar"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, "varchar"),
        ("boolean", "boolean"),
        ("int", "integer"),
        ("long", "bigint"),
        ("double", "double"),
        ("bytes", "varbinary"),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 20},
            "decimal(38,20)",
        ),
        ({"type": "long", "logicalType": "timestamp-millis"}, "timestamp(3)"),
        ({"type": "int", "logicalType": "date"}, "date"),
        ({"type": "array", "items": ["null", "int"]}, "array(integer)"),
        ({"type": "map", "values": "bytes"}, "map(varchar, varbinary)"),
        (
            {
                "type": "record",
                "name": "R",
                "fields": [
                    {"name": "a_b", "type": "long"},
                    {"name": "c", "type": {"type": "array", "items": "string"}},
                ],
            },
            'row("a_b" bigint, "c" array(varchar))',
        ),
    ],
)
def test_every_kind_of_column_has_a_trino_type(avro: Any, trino: str) -> None:
    fields = [{"name": "x", "type": avro}]
    (column,) = parse_record({"type": "record", "name": "T", "fields": fields}, "test").columns
    assert trino_type(column.type) == trino


def test_comments_of_a_views_columns_are_the_tables() -> None:
    comments = {column.name: column.comment for column in current_state_view("sale").glue_columns}
    for column in glue_columns("sale"):
        assert comments[column.name] == column.comment
    assert all(0 < len(comment) <= 255 for comment in comments.values())


def test_the_variant_since_a_date_filters_what_is_read_and_nothing_else() -> None:
    variant = current_state_sql("sale", since="?")
    assert variant.count("?") == 1
    assert variant.replace("\n  WHERE partition_date >= ?", "") == current_state_sql("sale")


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(UnknownRecordType, match="venue"):
        current_state_view("venue")
