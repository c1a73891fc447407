"""The schemas and what is derived from them."""

from __future__ import annotations

import copy
import json
from typing import Any

import fastavro
import pytest

import catalog
import schemas
from schemas import SchemaError
from schemas import columns as c

KINDS: list[Any] = [c.String, c.Boolean, c.Double, c.Bytes, c.Decimal, c.Date, c.Enum, c.Array,
                    c.Map, c.Record, c.Nullable]  # fmt: skip


def inner_types(column_type: c.ColumnType) -> list[c.ColumnType]:
    match column_type:
        case c.Nullable(of=inner) | c.Array(items=inner) | c.Map(values=inner):
            return [column_type, *inner_types(inner)]
        case c.Record(columns=columns):
            return [column_type, *(t for each in columns for t in inner_types(each.type))]
        case _:
            return [column_type]


def test_the_four_types_are_there_with_12_to_30_columns_of_every_kind() -> None:
    assert set(schemas.RECORD_TYPES) == {"demand", "sale", "event", "notification"}
    types = []
    for record_type in schemas.RECORD_TYPES:
        columns = schemas.table(record_type).columns
        assert 12 <= len(columns) <= 30
        types += [t for column in columns for t in inner_types(column.type)]
    for kind in KINDS:
        assert any(isinstance(each, kind) for each in types), kind
    assert {t.bits for t in types if isinstance(t, c.Integer)} == {32, 64}
    epochs = {t.epoch for t in types if isinstance(t, c.Timestamp)}
    assert epochs == {None, "seconds", "milliseconds", "microseconds"}


@pytest.mark.parametrize("record_type", schemas.RECORD_TYPES)
def test_the_full_schema_is_avro_and_begins_with_the_envelope(record_type: str) -> None:
    avro = schemas.avro_schema(record_type)
    fastavro.parse_schema(copy.deepcopy(avro))
    assert {field["name"] for field in avro["fields"][:10]} == schemas.ENVELOPE_NAMES
    assert [field["name"] for field in avro["fields"]] == [
        column.name for column in catalog.glue_columns(record_type)
    ]
    assert '"attribute"' not in json.dumps(avro)
    assert '"epoch"' not in json.dumps(avro)
    avro["fields"].clear()
    assert schemas.avro_schema(record_type)["fields"], "a caller's copy is its own"


def test_glue_types_are_those_that_athena_reads() -> None:
    types = {column.name: column.type for column in catalog.glue_columns("sale")}
    assert types["changed_at"] == "timestamp"
    assert types["changed_at_micros"] == "bigint"
    assert types["change_type"] == "string"
    assert types["quantity"] == "int"
    assert types["fees"] == "map<string,decimal(12,2)>"
    assert types["receipt_digest"] == "binary"
    assert types["seats"] == (
        "array<struct<section:string,seat_row:string,seat_number:int,face_value:decimal(12,2)>>"
    )
    types = {column.name: column.type for column in catalog.glue_columns("event")}
    assert types["presale_dates"] == "array<date>"
    assert types["average_rating"] == "double"


@pytest.mark.parametrize("record_type", schemas.RECORD_TYPES)
def test_every_column_is_documented(record_type: str) -> None:
    text = catalog.documentation(record_type)
    for column in catalog.glue_columns(record_type):
        assert f"| `{column.name}` | `{column.type}` |" in text
        assert column.comment


def test_an_unknown_type_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SchemaError, match="demand, event, notification, sale"):
        schemas.table("refund")


def parse(*fields: Any, **record: Any) -> schemas.Table:
    text = json.dumps({"type": "record", "name": "T", "fields": list(fields), **record})
    return schemas.parse_table("t", text, "schemas/t.json")


def logical(base: str, logical_type: str, /, **more: Any) -> dict[str, Any]:
    return {"type": base, "logicalType": logical_type, **more}


ENUM = {"type": "enum", "name": "E", "symbols": ["A"]}
REFUSED: list[tuple[Any, str]] = [
    ("float", "double"),
    ("null", "null"),
    ({"type": "fixed", "name": "F", "size": 4}, "bytes"),
    (["null", "string", "int"], "null"),
    (["string", "null"], "null first"),
    (["null"], "null"),
    (["null", ["null", "int"]], "union"),
    (logical("long", "timestamp-micros"), "timestamp-millis"),
    (logical("long", "time-micros"), "logical type"),
    (logical("int", "time-millis"), "logical type"),
    (logical("string", "uuid"), "string without"),
    (logical("long", "local-timestamp-millis"), "timestamp-millis"),
    (logical("int", "timestamp-millis"), "on long"),
    (logical("long", "date"), "on int"),
    (logical("string", "decimal", precision=4, scale=2), "on bytes"),
    (logical("fixed", "decimal", name="F", size=4, precision=4), "on bytes"),
    (logical("bytes", "decimal"), "precision"),
    (logical("bytes", "decimal", precision=39), "1 to 38"),
    (logical("bytes", "decimal", precision=4, scale=5), "0 to the precision"),
    (logical("bytes", "decimal", precision=4, scale=-1), "0 to the precision"),
    (logical("bytes", "money"), "logical type"),
    ("strng", "strng"),
    (5, "Avro type"),
    (None, "Avro type"),
    ({"type": "array"}, "Avro type"),
    ({"type": "map", "values": "float"}, "double"),
    ({"type": "record", "name": "R", "fields": []}, "fields"),
    ({"type": "record", "name": "T", "fields": [{"name": "x", "type": "int"}]}, "twice"),
    ({"type": "record", "name": "R", "fields": [{"name": "x", "type": ["null", "R"]}]}, "itself"),
    ({"type": "record", "fields": [{"name": "x", "type": "int"}]}, "name"),
    ({**ENUM, "symbols": []}, "symbols"),
    ({**ENUM, "symbols": ["A", "A"]}, "symbols"),
    ({**ENUM, "symbols": ["a-b"]}, "symbols"),
    ({**ENUM, "name": "ChangeType"}, "twice"),
    ({**ENUM, "name": "string"}, "free"),
    ({**ENUM, "default": "B"}, "default has no meaning"),
    ({**ENUM, "namespace": "other"}, "namespace has no meaning"),
    ({**ENUM, "doc": "two\nlines"}, "one line"),
    ({"type": {"type": "string"}}, "inner type"),
    ({"type": ["null", "string"]}, "inner type"),
    ({"type": "string", "avro.java.string": "String"}, "has no meaning"),
    ({"type": "array", "items": "int", "default": []}, "has no meaning"),
    (logical("long", "timestamp-millis", precision=3), "has no meaning"),
    ({"type": "long", "logicalType": ["x"]}, "logical type"),
]  # fmt: skip


@pytest.mark.parametrize(("avro_type", "says"), REFUSED)
def test_what_athena_cannot_read_is_refused_with_file_field_and_remedy(
    avro_type: Any, says: str
) -> None:
    with pytest.raises(SchemaError) as caught:
        parse({"name": "good", "type": "int"}, {"name": "bad_one", "type": avro_type})
    assert "schemas/t.json" in str(caught.value)
    assert caught.value.field.startswith("bad_one") or says == "twice"
    assert says in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "name", ["camelCase", "Upper", "_hidden", "double__under", "trailing_", "1st", "with-dash", "ü",
             "", "a" * 256, "timestamp", "order", "user", "row", "end_", "change_id",
             "partition_date", "record_key"],
)  # fmt: skip
def test_a_reserved_or_unfit_column_name_is_refused(name: str) -> None:
    with pytest.raises(SchemaError, match=r"attribute|name"):
        parse({"name": name, "type": "int"})


def test_names_within_nested_records_are_held_to_the_same_rules() -> None:
    nested = {"type": "record", "name": "R", "fields": [{"name": "row", "type": "int"}]}
    with pytest.raises(SchemaError) as caught:
        parse({"name": "seat", "type": nested})
    assert caught.value.field == "seat.row"


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"type": ["null", "int"]}, '"default": null'),
        ({"type": ["null", "int"], "default": 5}, '"default": null'),
        ({"type": "int", "default": "5"}, "default"),
        ({"type": "int", "default": 1 << 31}, "default"),
        ({"type": "int", "default": True}, "default"),
        ({"type": "boolean", "default": 1}, "default"),
        ({"type": ENUM, "default": "B"}, "default"),
        ({"type": {"type": "array", "items": "int"}, "default": []}, "default"),
        ({"type": "long", "epoch": "seconds"}, "timestamp-millis"),
        ({"type": logical("long", "timestamp-millis"), "epoch": "days"}, "seconds"),
        ({"type": "int", "attribute": ""}, "attribute"),
        ({"type": "int", "attribute": 5}, "attribute"),
        ({"type": "int", "doc": "x" * 256}, "doc"),
        ({"type": "int", "doc": "two\nlines"}, "doc"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4}, "belongs into the type"),
        ({"type": "int", "atribute": "x"}, "atribute"),
        ({"type": "double", "default": 10**400}, "default"),
        ({"type": "string", "default": "\ud800"}, "default"),
        ({}, "type"),
    ],
)
def test_a_field_that_says_something_wrong_is_refused(field: dict[str, Any], says: str) -> None:
    with pytest.raises(SchemaError) as caught:
        parse({"name": "field_name", **field})
    assert caught.value.field == "field_name"
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '"string"', "null", '{"type":"enum"}', '{"type":"record","name":"T"}',
             '{"type":"record","name":"T","fields":[5]}',
             '{"type":"record","name":"T","fields":[{}]}',
             "[" * 100_000,
             '{"type":"record","name":"T","namespace":5,"fields":[{"name":"x","type":"int"}]}',
             '{"type":"record","name":"T","namespace":"a-b","fields":[{"name":"x","type":"int"}]}',
             '{"type":"record","name":"T","doc":5,"fields":[{"name":"x","type":"int"}]}',
             '{"type":"record","name":"T","fields":[{"name":"x","type":"double","default":NaN}]}'],
)  # fmt: skip
def test_what_is_no_record_schema_is_refused(text: str) -> None:
    with pytest.raises(SchemaError, match=r"schemas/t\.json"):
        schemas.parse_table("t", text, "schemas/t.json")


def test_a_column_named_twice_is_refused() -> None:
    with pytest.raises(SchemaError, match="twice"):
        parse({"name": "x", "type": "int"}, {"name": "x", "type": "string"})


def test_a_named_type_may_be_used_again_by_its_name() -> None:
    table = parse(
        {"name": "a", "type": ENUM}, {"name": "b", "type": ["null", "E"], "default": None}
    )
    assert table.columns[1].value_type == table.columns[0].type


def test_epoch_reaches_the_times_within_an_array() -> None:
    items = {"type": "array", "items": logical("long", "timestamp-millis")}
    table = parse({"name": "a", "type": items, "epoch": "seconds"})
    assert table.columns[0].type == c.Array(c.Timestamp("seconds"))


@pytest.mark.parametrize("wrap", [lambda t: {"type": "array", "items": t},
                                  lambda t: {"type": "map", "values": t}])  # fmt: skip
def test_types_within_types_are_bounded_and_the_deepest_that_is_allowed_works(wrap: Any) -> None:
    from avro_writer.encoder import compile_encoder

    avro_type: Any = "int"
    for _ in range(11):
        avro_type = wrap(avro_type)
    compile_encoder(parse({"name": "deep", "type": avro_type}).record)
    with pytest.raises(SchemaError, match="deep"):
        parse({"name": "deep", "type": wrap(avro_type)})


def _table(**change: Any) -> str:
    return json.dumps(
        {"type": "record", "name": "r", "fields": [{"name": "a", "type": "string"}], **change}
    )


def test_removed_columns_are_known_and_no_part_of_the_avro_schema() -> None:
    table = schemas.parse_table("t", _table(removed=["gone"]), "t.json")
    assert table.removed == ("gone",)
    assert "removed" not in table.avro


@pytest.mark.parametrize("removed", [["a"], ["change_id"], "gone", [1], [""]])
def test_a_list_of_removed_columns_that_makes_no_sense_is_refused(removed: Any) -> None:
    with pytest.raises(SchemaError, match="removed"):
        schemas.parse_table("t", _table(removed=removed), "t.json")
