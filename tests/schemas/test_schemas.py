"""The schemas and what is derived from them."""

from __future__ import annotations

import copy
import json
import sys
from datetime import datetime, timedelta
from typing import Any

import boto3
import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

import catalog
import schemas
from schemas import SchemaError
from schemas import columns as c
from schemas.parse import parse_stored_record
from tests.infra.service_models import compiled

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
    assert {
        field["name"] for field in avro["fields"][: len(schemas.ENVELOPE_NAMES)]
    } == schemas.ENVELOPE_NAMES
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
    (["null", "string", "int"], "null first"),
    (["int", "string"], "null first"),
    (["string", "null"], "null first"),
    (["string", "int"], "null first"),
    (["null", "null"], "null first"),
    (["null"], "null first"),
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
    ({**ENUM, "name": "string"}, "the type cannot be called 'string'"),
    ({**ENUM, "default": "B"}, "default has no meaning"),
    ({**ENUM, "namespace": "other"}, "namespace has no meaning"),
    ({**ENUM, "doc": "two\nlines"}, "one line"),
    ({"type": {"type": "string"}}, "inner type"),
    ({"type": ["null", "string"]}, "inner type"),
    ({"type": "string", "avro.java.string": "String"}, "has no meaning"),
    ({"type": "array", "items": "int", "default": []}, "has no meaning"),
    (logical("long", "timestamp-millis", precision=3), "has no meaning"),
    (logical("int", "date", precision=3), "has no meaning"),
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


def test_a_column_name_may_have_as_many_characters_as_glue_takes() -> None:
    assert parse({"name": "a" * 255, "type": "int"}).columns[0].name == "a" * 255


@pytest.mark.parametrize(
    ("record_type", "says"),
    [
        ("Refund", "Athena folds case"),
        ("REFUND", "Athena folds case"),
        ("seatHold", "Athena folds case"),
        ("seat-hold", "snake_case"),
        ("seat hold", "snake_case"),
        ("seat.hold", "snake_case"),
        ("seat__hold", "snake_case"),
        ("_seat", "snake_case"),
        ("seat_", "snake_case"),
        ("2nd", "snake_case"),
        ("été", "snake_case"),
        ("seat\n", "snake_case"),
        ("", "snake_case"),
        ("order", "reserved word"),
        ("user", "reserved word"),
        ("demand_latest", "the views of the current state"),
        ("anything_latest", "the views of the current state"),
        ("demand_current", "the views of the current state"),
        ("x" * 41, "it has 41 characters"),
        ("x" * 60, "it has 60 characters"),
    ],
)
def test_a_type_that_cannot_name_a_table_and_its_resources_is_refused(
    record_type: str, says: str
) -> None:
    text = json.dumps({"type": "record", "name": "T", "fields": [{"name": "a", "type": "int"}]})
    file = f"schemas/{record_type}.json"
    with pytest.raises(SchemaError) as caught:
        schemas.parse_table(record_type, text, file)
    assert str(caught.value).startswith(f"{file}: the record type cannot be called {record_type!r}")
    assert says in caught.value.problem
    assert caught.value.remedy.startswith("Rename the file")
    # What was a table once is read all the same, to be compared with what it is to be.
    assert schemas.parse_table(record_type, text, file, stored=True).record_type == record_type


@pytest.mark.parametrize("record_type", ["refund", "seat_hold", "latest", "v2", "x" * 40])
def test_other_names_of_types_are_taken(record_type: str) -> None:
    text = json.dumps({"type": "record", "name": "T", "fields": [{"name": "a", "type": "int"}]})
    assert schemas.parse_table(record_type, text, "f").record_type == record_type


def test_names_within_nested_records_are_held_to_the_same_rules() -> None:
    nested = {"type": "record", "name": "R", "fields": [{"name": "row", "type": "int"}]}
    with pytest.raises(SchemaError) as caught:
        parse({"name": "seat", "type": nested})
    assert caught.value.field == "seat.row"


def test_what_stands_beside_a_type_makes_it_no_less_deep() -> None:
    def nested(depth: int, name: str) -> Any:
        inner: Any = "int"
        for number in range(depth):
            inner = {"type": "record", "name": f"{name}{number}", "fields": [
                {"name": "x", "type": inner}
            ]}  # fmt: skip
        return inner

    flat = [{"name": f"f{number}", "type": nested(2, f"F{number}_")} for number in range(5)]
    with pytest.raises(SchemaError, match="more than 12 deep"):
        parse(*flat, {"name": "deep", "type": nested(13, "D")})


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
        ({"type": "int", "attribute": "\ud800x"}, "attribute"),
        ({"type": "int", "doc": "x" * 256}, "256 bytes"),
        ({"type": "int", "doc": "é" * 128}, "256 bytes"),
        ({"type": "int", "doc": "é" * 200}, "400 bytes"),
        ({"type": "int", "doc": "\ufffe"}, "one line"),
        ({"type": "int", "doc": "\uffff"}, "one line"),
        ({"type": "int", "doc": "\ud800"}, "one line"),
        ({"type": "int", "doc": "\udfff"}, "one line"),
        ({"type": "int", "doc": "\x7f"}, "one line"),
        ({"type": "int", "doc": "two\nlines"}, "doc"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4}, "belongs in the type"),
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
    ("more", "expected"),
    [
        ({"precision": 1}, (1, 0)),
        ({"precision": 1, "scale": 1}, (1, 1)),
        ({"precision": 4, "scale": 4}, (4, 4)),
        ({"precision": 38}, (38, 0)),
        ({"precision": 38, "scale": 0}, (38, 0)),
        ({"precision": 38, "scale": 38}, (38, 38)),
    ],
)
def test_a_decimal_may_have_1_to_38_digits_all_of_them_decimals(
    more: dict[str, int], expected: tuple[int, int]
) -> None:
    table = parse({"name": "a", "type": logical("bytes", "decimal", **more)})
    assert table.columns[0].type == c.Decimal(*expected)


@pytest.mark.parametrize("precision", [0, -1, 39, True, 4.0, "4", None])
def test_a_decimal_of_another_precision_is_refused(precision: Any) -> None:
    with pytest.raises(SchemaError, match="precision is"):
        parse({"name": "a", "type": logical("bytes", "decimal", precision=precision)})


@pytest.mark.parametrize("scale", [-1, 5, True, 2.0, "2", None])
def test_a_decimal_of_another_scale_is_refused(scale: Any) -> None:
    with pytest.raises(SchemaError, match="scale is"):
        parse({"name": "a", "type": logical("bytes", "decimal", precision=4, scale=scale)})


@pytest.mark.parametrize(
    ("avro_type", "default"),
    [
        ("int", (1 << 31) - 1),
        ("int", -(1 << 31)),
        ("long", (1 << 63) - 1),
        ("long", -(1 << 63)),
        ("double", sys.float_info.max),
        ("double", -sys.float_info.max),
        ("double", 5),
        ("string", ""),
        ("string", "\ufffe"),
        ("boolean", False),
        (ENUM, "A"),
    ],
)
def test_a_default_may_be_any_value_of_the_type(avro_type: Any, default: Any) -> None:
    (column,) = parse({"name": "a", "type": avro_type, "default": default}).columns
    assert (column.has_default, column.default) == (True, default)


@pytest.mark.parametrize(
    ("avro_type", "default"),
    [
        ("int", 1 << 31),
        ("int", (1 << 31) + 1),
        ("int", -(1 << 31) - 1),
        ("long", 1 << 63),
        ("long", -(1 << 63) - 1),
        ("int", 1.0),
        ("int", False),
        ("int", None),
        ("double", 2 * int(sys.float_info.max)),
        ("double", -2 * int(sys.float_info.max)),
        ("double", True),
        ("double", "1"),
        ("string", 5),
        ("string", None),
        ("boolean", "false"),
        ("boolean", 0),
        (ENUM, "B"),
        (ENUM, 0),
        ("bytes", "A"),
        (logical("bytes", "decimal", precision=4), "A"),
        (logical("long", "timestamp-millis"), 0),
        (logical("int", "date"), 0),
        ({"type": "map", "values": "int"}, {}),
        (["null", "int"], 0),
        (["null", "boolean"], False),
        (["null", "string"], "null"),
    ],
)
def test_a_default_that_is_no_value_of_the_type_is_refused(avro_type: Any, default: Any) -> None:
    with pytest.raises(SchemaError, match="default"):
        parse({"name": "a", "type": avro_type, "default": default})


@pytest.mark.parametrize("doc", ["x" * 255, "é" * 127, "\U0001f39f" * 63, "\ufffd", "\U0001fffe"])
def test_a_doc_may_have_as_many_bytes_as_a_comment(doc: str) -> None:
    assert parse({"name": "a", "type": "int", "doc": doc}).columns[0].doc == doc


def test_a_tables_doc_may_be_as_long_as_a_description() -> None:
    field = {"name": "a", "type": "int"}
    assert parse(field, doc="é" * 1024).doc == "é" * 1024
    with pytest.raises(SchemaError, match="2049 bytes"):
        parse(field, doc="é" * 1024 + "x")


COMMENT, DESCRIPTION = (
    boto3.client("glue", region_name="us-east-1").meta.service_model.shape_for(name)
    for name in ("CommentString", "DescriptionString")
)


@given(
    st.characters() | st.sampled_from("\ufffd\ufffe\uffff\ud7ff\ud800\udfff\ue000"), st.booleans()
)
def test_what_a_doc_may_hold_is_taken_by_glue(character: str, of_table: bool) -> None:
    doc = f"a{character}"
    rules = compiled((DESCRIPTION if of_table else COMMENT).metadata["pattern"])
    field = {"name": "a", "type": "int"}
    try:
        parse(field, doc=doc) if of_table else parse({**field, "doc": doc})
    except SchemaError:
        # One line: DEL and the tab would be taken, and are refused here.
        assert not rules.fullmatch(doc) or character in "\x7f\t\r\n"
    else:
        assert rules.fullmatch(doc)


def test_a_schema_that_no_parameter_of_glue_holds_is_refused() -> None:
    fields = [{"name": f"c{n}", "type": "int", "doc": "x" * 200} for n in range(2088)]

    def with_doc(doc: str) -> schemas.Table:
        return parse(*fields, {"name": "rest", "type": "int", "doc": doc})

    room = 512_000 - len(with_doc("").literal)
    assert 6 < room < 255
    # What is not ASCII is written with its escape, of six characters.
    assert len(with_doc("é" + "x" * (room - 6)).literal) == 512_000
    with pytest.raises(SchemaError, match="512001 characters"):
        with_doc("é" + "x" * (room - 5))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        # A record's type names all of its fields.
        ([("wide", [f"{'f' * 240}{n}" for n in range(600)])], "wide"),
        # A view names each column twice.
        ([(f"{'c' * 240}{n}", []) for n in range(700)], ""),
    ],
)
def test_a_table_that_does_not_fit_into_glue_is_refused(
    fields: list[tuple[str, list[str]]], field: str
) -> None:
    def table(share: float) -> schemas.Table:
        return parse(
            *(
                {
                    "name": name,
                    "type": {
                        "type": "record",
                        "name": name,
                        "fields": [
                            {"name": each, "type": "int"}
                            for each in inner[: int(len(inner) * share)]
                        ],
                    }
                    if inner
                    else "int",
                }
                for name, inner in fields[: max(1, int(len(fields) * share))]
            )
        )

    catalog.check_limits(table(0.7), "schemas/t.json")
    with pytest.raises(SchemaError, match=r"schemas/t\.json.*Glue allows") as caught:
        catalog.check_limits(table(1), "schemas/t.json")
    assert caught.value.field == field


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


def test_of_a_schema_that_a_table_has_had_only_the_types_must_be_known() -> None:
    """The rules for authors may be newer than the schema."""
    column = {"name": "select", "type": ["null", "int"]}
    record = parse_stored_record({"type": "record", "name": "T", "fields": [column]}, "old")
    assert [each.name for each in record.columns] == ["select"]
    with pytest.raises(SchemaError):
        parse(column)
    with pytest.raises(SchemaError, match="old"):
        parse_stored_record(
            {"type": "record", "name": "T", "fields": [{**column, "type": "x"}]}, "old"
        )


def test_a_type_that_is_defined_above_is_used_by_its_bare_name() -> None:
    table = parse({"name": "a", "type": ENUM}, {"name": "b", "type": "E"})
    assert table.columns[1].type == table.columns[0].type
    with pytest.raises(SchemaError, match="inner type"):
        parse({"name": "a", "type": ENUM}, {"name": "b", "type": {"type": "E"}})


@pytest.mark.parametrize("default", [0, 1, 1.0])
def test_a_number_is_no_default_of_a_boolean(default: float) -> None:
    with pytest.raises(SchemaError, match="not a value of the type"):
        parse({"name": "a", "type": "boolean", "default": default})


@pytest.mark.parametrize("kind", ["array", "enum", "string", "records"])
def test_the_whole_schema_has_to_be_a_record(kind: str) -> None:
    with pytest.raises(SchemaError, match="not an Avro record schema"):
        parse({"name": "x", "type": "int"}, type=kind)


@pytest.mark.parametrize("field", [5, {}, {"name": 5}])
def test_a_field_without_a_name_is_named_by_its_number(field: Any) -> None:
    with pytest.raises(SchemaError, match="field #2:"):
        parse({"name": "x", "type": "int"}, field)


def test_the_times_that_a_column_holds_are_those_of_the_years_1_to_9999() -> None:
    epoch = datetime(1970, 1, 1)
    first, last = datetime.min, datetime.max
    millis = timedelta(milliseconds=1)
    assert ((first - epoch) // millis, (last - epoch) // millis) == (c.MIN_MILLIS, c.MAX_MILLIS)
    assert ((first - epoch).days, (last - epoch).days) == (c.MIN_DAYS, c.MAX_DAYS)


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
