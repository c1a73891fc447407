"""Which changes of a schema are refused: held to fastavro, to the writer and to a real Trino."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro
import pytest
from hypothesis import event, given

from avro_writer.encoder import compile_encoder
from avro_writer.rows import BadRow, RowReader
from ops.schema_compatibility import Effect, Finding, compare, compare_columns
from schemas import RECORD_TYPES, Table, parse_table, table
from schemas.columns import Record
from schemas.envelope import ENVELOPE
from schemas.parse import parse_record
from tests.ops.schema_pairs import (
    DATE,
    TIMESTAMP,
    Pair,
    decimal_type,
    pairs,
    physical,
    rows,
    shown,
)


def parse(schema: Any) -> Table:
    return parse_table("t", json.dumps(schema), "schemas/t.json")


def findings(old: Any, new: Any) -> tuple[Finding, ...]:
    return compare(parse(old), parse(new), "schemas/t.json")


def effects(found: tuple[Finding, ...]) -> set[Effect]:
    return {each.effect for each in found}


def written(schema: Any) -> list[bytes]:
    return [_written(row.python, schema) for row in rows(schema)]


def _written(row: Any, schema: Any) -> bytes:
    file = io.BytesIO()
    fastavro.schemaless_writer(file, schema, row)
    return file.getvalue()


def read(row: bytes, old: Any, new: Any) -> Any:
    return fastavro.schemaless_reader(io.BytesIO(row), old, new)


@given(pairs())
def test_a_change_is_unreadable_exactly_where_fastavro_cannot_resolve_it(pair: Pair) -> None:
    # A lost default is for files that are older than the column, and there are none here.
    found = tuple(
        each
        for each in findings(pair.old, pair.new)
        if not each.problem.startswith("the default is removed")
    )
    resolved = True
    for row in written(pair.old):
        try:
            read(row, physical(pair.old), physical(pair.new))
        except fastavro.read.SchemaResolutionError:
            resolved = False
    event("resolved" if resolved else "not resolved")
    assert resolved == (Effect.UNREADABLE not in effects(found))


@given(pairs())
def test_what_is_not_refused_fastavro_reads_as_it_was_written(pair: Pair) -> None:
    found = findings(pair.old, pair.new)
    refused = any(each.refused for each in found)
    event("refused" if refused else "with warnings" if found else "clean")
    if not refused:
        for row, data in zip(rows(pair.old), written(pair.old), strict=True):
            assert read(data, pair.old, pair.new) == shown(pair.old, pair.new, row.python)


@given(pairs())
def test_rows_on_their_way_fit_the_new_schema_unless_a_column_is_removed(pair: Pair) -> None:
    found = findings(pair.old, pair.new)
    if any(each.refused for each in found):
        return
    record = Record("T", parse(pair.new).columns)
    reader, encode = RowReader(record), compile_encoder(record)
    fits = True
    for row in rows(pair.old):
        line = {name: value for name, value in row.landed.items() if value is not None}
        try:
            encode(reader.read([json.dumps(line).encode()]))
        except BadRow:
            fits = False
    event("fits" if fits else "does not fit")
    assert fits == (Effect.QUARANTINED not in effects(found))


def record(*fields: Any, **more: Any) -> Any:
    return {
        "type": "record",
        "name": "T",
        "fields": [{"name": "id", "type": "string"}, *fields],
    } | (more)


def field(name: str, avro: Any, **more: Any) -> Any:
    return {"name": name, "type": avro, **more}


def enum(*symbols: str, name: str = "E") -> Any:
    return {"type": "enum", "name": name, "symbols": list(symbols)}


def of(**fields: Any) -> Any:
    return {
        "type": "record",
        "name": "R",
        "fields": [field(name, avro) for name, avro in fields.items()],
    }


def array(items: Any) -> Any:
    return {"type": "array", "items": items}


def mapping(values: Any) -> Any:
    return {"type": "map", "values": values}


# The column's old and new type, and what a real Trino 476 showed of a file with the old one.
SAME, OTHER, ERROR = "the value", "another value", "an error"
TRINO: list[tuple[Any, Any, str]] = [
    ("int", "long", SAME),
    ("int", "double", SAME),
    ("string", ["null", "string"], SAME),
    (enum("A"), enum("A", "B"), SAME),
    (enum("A"), enum("B", "A"), SAME),
    (enum("A"), ["null", enum("A")], SAME),
    (array("int"), array("long"), SAME),
    (array("int"), array(["null", "int"]), SAME),
    (of(a="int", b="string"), of(b="string", a="int"), SAME),
    (of(a="int", b="string"), of(a="int"), SAME),
    (decimal_type(12, 2), decimal_type(14, 2), SAME),
    (decimal_type(12, 2), decimal_type(20, 2), SAME),
    (mapping(decimal_type(12, 2)), mapping(decimal_type(14, 2)), SAME),
    (decimal_type(12, 2), decimal_type(12, 4), OTHER),
    ("long", "double", OTHER),
    (decimal_type(12, 2), "bytes", OTHER),
    ("bytes", decimal_type(12, 2), OTHER),
    (decimal_type(12, 2), "string", OTHER),
    ("string", decimal_type(12, 2), OTHER),
    ("int", DATE, OTHER),
    (DATE, "int", OTHER),
    (DATE, "long", OTHER),
    (DATE, TIMESTAMP, OTHER),
    ("long", TIMESTAMP, OTHER),
    ("int", TIMESTAMP, OTHER),
    (TIMESTAMP, "long", OTHER),
    (TIMESTAMP, "double", OTHER),
    (["null", "string"], "string", ERROR),
    (enum("A", "B"), enum("A"), ERROR),
    (enum("A"), enum("A", name="F"), ERROR),
    (["null", enum("A")], ["null", enum("A", name="F")], ERROR),
    (enum("A"), "string", ERROR),
    ("long", "int", ERROR),
    ("double", "long", ERROR),
    ("string", "int", ERROR),
    ("boolean", "int", ERROR),
]


@pytest.mark.parametrize(("old", "new", "showed"), TRINO)
def test_what_trino_does_not_show_as_it_was_written_is_refused(
    old: Any, new: Any, showed: str
) -> None:
    found = findings(record(nullable_or("c", old)), record(nullable_or("c", new)))
    harm = {each.effect for each in found if each.refused}
    assert harm == {SAME: set(), OTHER: {Effect.MISREAD}, ERROR: {Effect.UNREADABLE}}[showed]


def nullable_or(name: str, avro: Any) -> Any:
    return field(name, avro, default=None) if isinstance(avro, list) else field(name, avro)


@pytest.mark.parametrize(
    ("old", "new", "effect"),
    [
        # The values are right, and computing with them is not: the type says fewer digits.
        (decimal_type(20, 2), decimal_type(5, 2), Effect.MISREAD),
        # Landed rows have bytes as base64: text would be taken for base64, and base64 for text.
        ("string", "bytes", Effect.MISREAD),
        ("bytes", "string", Effect.MISREAD),
        # Avro's specification has records match by name.
        (of(a="int"), of(a="int") | {"name": "S"}, Effect.UNREADABLE),
    ],
)
def test_some_changes_are_refused_that_trino_reads_all_the_same(
    old: Any, new: Any, effect: Effect
) -> None:
    found = findings(record(field("c", old)), record(field("c", new)))
    assert [(each.refused, each.effect) for each in found] == [(True, effect)]


def only(found: tuple[Finding, ...]) -> Finding:
    (finding,) = found
    return finding


@pytest.mark.parametrize(
    ("wrap", "path"),
    [
        (lambda avro: avro, "total.price"),
        (array, "total.price"),
        (mapping, "total.price"),
        (lambda avro: ["null", array(mapping(avro))], "total.price"),
        (lambda avro: of(seat=avro) | {"name": "S"}, "total.seat.price"),
    ],
)
def test_a_finding_names_the_file_the_path_the_change_and_the_remedy(wrap: Any, path: str) -> None:
    old, new = (wrap(of(price=decimal_type(12, scale))) for scale in (2, 4))
    finding = only(findings(record(nullable_or("total", old)), record(nullable_or("total", new))))
    text = str(finding)
    assert text.startswith(f"refused: schemas/t.json, field {path}: it was decimal(12,2) and is ")
    assert "decimal(12,4)" in text
    assert "add a new column instead" in text


def test_a_new_column_needs_a_default_and_is_told_how_to_get_one() -> None:
    finding = only(findings(record(), record(field("note", "string"))))
    assert (finding.refused, finding.effect) == (True, Effect.UNREADABLE)
    assert '"default": null' in finding.remedy
    assert findings(record(), record(field("note", "string", default=""))) == ()
    assert findings(record(), record(field("note", ["null", "string"], default=None))) == ()


def test_a_new_field_of_a_record_in_an_array_needs_a_default_too() -> None:
    old, new = array(of(a="int")), array(of(a="int", b="string"))
    finding = only(findings(record(field("seats", old)), record(field("seats", new))))
    assert finding.field == "seats.b"


def test_a_rename_is_told_from_a_removal_by_the_attribute() -> None:
    old = record(field("seat_row", ["null", "string"], attribute="row", default=None))
    new = record(field("line", ["null", "string"], attribute="row", default=None))
    finding = only(findings(old, new))
    assert (finding.refused, finding.field, finding.effect) == (True, "line", Effect.MISREAD)
    assert "it was seat_row, a rename" in finding.problem
    assert "Keep seat_row and add this column beside it" in finding.remedy
    both = record(old["fields"][1], new["fields"][1])
    assert findings(old, both) == (), "the remedy is free of findings"
    assert only(findings(both, new)).refused is False, "and the old one may go later"
    removed = findings(record(*both["fields"][1:], field("x", "int")), record(field("x", "int")))
    assert [each.field for each in removed] == ["seat_row", "line"]


def test_removing_a_column_is_a_warning_about_rows_on_their_way() -> None:
    finding = only(findings(record(field("note", "string")), record()))
    assert (finding.refused, finding.effect) == (False, Effect.QUARANTINED)
    assert "quarantine" in str(finding)
    assert str(finding).startswith("warning: schemas/t.json, field note: ")
    assert '"removed": [...]' in finding.remedy


def test_removing_a_column_that_the_file_lists_as_removed_is_free() -> None:
    assert findings(record(field("note", "string")), record(removed=["note"])) == ()


def test_the_order_of_columns_and_what_they_mean_may_change() -> None:
    a, b = field("a", "string", doc="first"), field("b", "int", doc="second")
    assert findings(record(a, b), record(b | {"doc": "other"}, a)) == ()


def test_another_unit_of_a_time_is_refused() -> None:
    old, new = (
        record(field("at", array(TIMESTAMP), epoch=unit)) for unit in ("seconds", "milliseconds")
    )
    finding = only(findings(old, new))
    assert (finding.refused, finding.effect, finding.field) == (True, Effect.MIXED, "at")
    assert "was seconds and is milliseconds" in finding.problem


def test_a_time_that_comes_as_a_number_instead_of_text_is_a_warning() -> None:
    old, new = record(field("at", TIMESTAMP)), record(field("at", TIMESTAMP, epoch="seconds"))
    for before, after in ((old, new), (new, old)):
        finding = only(findings(before, after))
        assert (finding.refused, finding.effect) == (False, Effect.MIXED)


def test_another_attribute_is_a_warning_that_names_both() -> None:
    old = record(field("price", "int", attribute="prise"))
    finding = only(findings(old, record(field("price", "int"))))
    assert (finding.refused, finding.effect) == (False, Effect.MIXED)
    assert "'price'" in finding.problem
    assert "'prise'" in finding.problem


def test_a_default_has_to_stay_and_another_one_is_a_warning() -> None:
    old = record(field("tries", "int", default=0))
    gone = only(findings(old, record(field("tries", "int"))))
    assert (gone.refused, gone.effect) == (True, Effect.UNREADABLE)
    changed = only(findings(old, record(field("tries", "int", default=1))))
    assert (changed.refused, changed.effect) == (False, Effect.DEFAULTED)
    assert "was 0 and is 1" in changed.problem


def test_a_file_older_than_a_column_shows_why_its_default_has_to_stay() -> None:
    file = _written({"id": "x"}, record())
    with_default, without = (
        record(field("tries", "int", **default)) for default in ({"default": 0}, {})
    )
    assert read(file, record(), with_default) == {"id": "x", "tries": 0}
    with pytest.raises(fastavro.read.SchemaResolutionError):
        read(file, record(), without)


@pytest.mark.parametrize("more", [{"name": "U"}, {"namespace": "other"}])
def test_the_name_of_the_record_has_to_stay(more: Any) -> None:
    finding = only(findings(record(), record(**more)))
    assert (finding.refused, finding.field, finding.effect) == (True, "", Effect.UNREADABLE)


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_schema_is_compatible_with_itself(record_type: str) -> None:
    assert compare(table(record_type), table(record_type), "") == ()


# What every file that was ever written begins with. To be added to, never changed.
RELEASED_ENVELOPE = [
    field("change_id", "string"),
    field("change_type", enum("INSERT", "MODIFY", "REMOVE", name="ChangeType")),
    field("changed_at", TIMESTAMP),
    field("changed_at_micros", "long"),
    field("is_deleted", "boolean"),
    field("is_expired", "boolean"),
    field("record_key", "string"),
    field("table_name", "string"),
    field("sequence_number", ["null", "string"], default=None),
    field("rescued_attributes", ["null", "string"], default=None),
]


def test_the_envelope_reads_every_file_that_was_ever_written() -> None:
    released, current = (
        parse_record({"type": "record", "name": "T", "fields": list(fields)}, "envelope").columns
        for fields in (RELEASED_ENVELOPE, ENVELOPE)
    )
    assert compare_columns(released, current, "schemas/envelope.py") == ()
