"""The fast way to a row is held, byte for byte, to the general one."""

from __future__ import annotations

import binascii
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

import schemas
from bench.changes import changes
from schemas.columns import (
    Array,
    Column,
    Decimal,
    Double,
    Integer,
    Map,
    Nullable,
    Record,
    String,
)
from tests.support.attributes import JSON, TEXT, item
from tests.support.changes import change
from transform import typed
from transform.change_record import ChangeRecordReader, NotAChangeRecord
from transform.firehose import FirehoseRecord
from transform.row import RowMaker, UnfitRecord
from transform.typed import Glanced, TypedRowMaker

TABLES = {each: schemas.table(each) for each in schemas.RECORD_TYPES}
MAKERS = {name: TypedRowMaker(table, "type") for name, table in TABLES.items()}
Wrong = NotAChangeRecord | UnfitRecord
KEYS = st.sampled_from(
    [
        {"pk": {"S": "a"}},
        {"pk": {"S": 'é"\\\u2028'}, "sk": {"N": "1E+3"}},
        {"pk": {"B": "YQ=="}, "sk": {"N": "007"}},
        {"pk": {"N": "x"}},
        {"pk": {"S": "a", "N": "1"}},
        {"pk": {"S": 5}},
        {},
    ]
)


def made(maker: Any) -> Any:
    """A row, or why there is none."""
    try:
        return maker()
    except (NotAChangeRecord, UnfitRecord) as error:
        return error.reason, getattr(error, "column", None)


def typed_row(
    maker: TypedRowMaker, data: bytes, event: Any = "INSERT", sequence: str | None = None
) -> Any:
    (row,) = maker.rows([Glanced(data, event, sequence)])
    return (row.reason, getattr(row, "column", None)) if isinstance(row, Wrong) else row


def general(table: schemas.Table, data: bytes, event: Any, sequence: str | None) -> Any:
    return made(lambda: RowMaker(table, "type").row(ChangeRecordReader.read(data, event), sequence))


@pytest.mark.parametrize("record_type", schemas.RECORD_TYPES)
@settings(max_examples=100)
@given(data=st.data())
def test_a_row_is_the_same_on_both_ways(record_type: str, data: Any) -> None:
    table = TABLES[record_type]
    image = data.draw(item(table.columns)) | {"type": {"S": record_type}}
    keys = data.draw(KEYS)
    image |= keys if data.draw(st.booleans()) else {}
    if data.draw(st.booleans()):
        image |= data.draw(st.dictionaries(TEXT, JSON, max_size=2))
    if data.draw(st.booleans()):
        image[data.draw(st.sampled_from([*image]))] = data.draw(JSON)
    event = data.draw(st.sampled_from(["INSERT", "MODIFY", "REMOVE"]))
    record = change(event=event)
    record["dynamodb"]["Keys"] = keys
    record["dynamodb"]["OldImage" if event == "REMOVE" else "NewImage"] = image
    raw = json.dumps(record, ensure_ascii=data.draw(st.booleans())).encode()
    sequence = data.draw(st.none() | st.just("49"))
    maker = MAKERS[record_type]
    expected = general(table, raw, event, sequence)
    # The first may teach the maker attributes, the second then takes them the fast way.
    for _ in range(2):
        assert typed_row(maker, raw, event, sequence) == expected


@pytest.mark.parametrize("record_type", schemas.RECORD_TYPES)
def test_records_as_they_should_be_take_the_fast_way(
    record_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else each would still be right, and slow: nothing but a benchmark would tell.
    records = []
    for data in changes(3, 200):
        event, its_type = ChangeRecordReader("type").glance(data)
        if its_type == record_type:
            records.append(Glanced(data, event, "49"))
    maker = TypedRowMaker(TABLES[record_type], "type")
    maker.rows(records)  # attributes that no column is for are learnt
    expected = [general(TABLES[record_type], *astuple(each)) for each in records]

    def slow(*arguments: Any) -> Any:
        raise AssertionError("this record took the general way")

    monkeypatch.setattr(RowMaker, "row", slow)
    assert maker.rows(records) == expected


def test_one_record_that_does_not_fit_leaves_its_neighbours_as_they_are() -> None:
    fine = json.dumps(change()).encode()
    narrow = json.dumps(change({"maxPrice": {"N": "12.505"}})).encode()
    records = [Glanced(each, "INSERT", None) for each in (fine, narrow, b"{", fine)]
    rows = TypedRowMaker(TABLES["demand"], "type").rows(records)
    alone = [general(TABLES["demand"], *astuple(each)) for each in records]
    assert rows[:2] + rows[3:] == alone[:2] + alone[3:]
    assert isinstance(rows[2], NotAChangeRecord)


def test_what_was_learnt_of_one_record_does_not_show_in_another() -> None:
    maker = TypedRowMaker(TABLES["demand"], "type")
    for extra in ({"note": {"S": "a"}}, {}, {"note": {"N": 1.10}, "other": None}, {"other": 5}):
        record = change()
        record["dynamodb"]["NewImage"] |= extra
        raw = json.dumps(record).encode()
        expected = general(TABLES["demand"], raw, "INSERT", None)
        assert typed_row(maker, raw) == expected


def test_names_without_end_are_rescued_all_the_same() -> None:
    maker = TypedRowMaker(TABLES["demand"], "type")
    for number in range(3 * typed._MOST_LEARNT):
        raw = json.dumps(change({f"n{number}": {"S": "x"}})).encode()
        row = typed_row(maker, raw)
        assert row.rescued == 1
        assert json.loads(json.loads(row.line)["rescued_attributes"]) == {f"n{number}": {"S": "x"}}


def test_so_many_names_are_learnt_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each name learnt costs new decoders, and a field in every item decoded from then on.
    maker = TypedRowMaker(TABLES["demand"], "type")
    plain = json.dumps(change()).encode()
    of_name = [json.dumps(change({f"n{n}": {"S": "x"}})).encode() for n in range(200)]
    typed_row(maker, plain)  # the key attributes are learnt
    for raw in of_name:
        typed_row(maker, raw)
    general_way = []
    row = RowMaker.row

    def counted(self: RowMaker, change: Any, sequence_number: Any) -> Any:
        general_way.append(change)
        return row(self, change, sequence_number)

    monkeypatch.setattr(RowMaker, "row", counted)
    slow = []
    for number, raw in enumerate(of_name):
        general_way.clear()
        typed_row(maker, raw)
        slow += [number] * len(general_way)
    assert slow == list(range(62, 200)), "64 names: those of the keys, and the first 62"


def test_names_that_come_together_are_learnt_if_there_is_room_for_all() -> None:
    maker = TypedRowMaker(TABLES["demand"], "type")
    typed_row(maker, json.dumps(change()).encode())
    for count, learnt in ((63, 2), (62, 64), (1, 64)):
        many = {f"m{count}-{n}": {"S": "x"} for n in range(count)}
        assert typed_row(maker, json.dumps(change(many)).encode()).rescued == count
        assert len(maker._learnt) == learnt


def test_one_attribute_may_make_two_columns() -> None:
    exact = Column("price", "price", Nullable(Decimal(12, 2)), True)
    near = Column("price_near", "price", Nullable(Double()), True)
    name = Column("name", "name", Nullable(String()), True)
    venue = Column("venue", "venue", Nullable(Record("Venue", (exact, near))), True)
    table = schemas.Table("demand", "", (exact, near, name, venue), {})
    maker = TypedRowMaker(table, "type")
    for value in ({"N": "12.50"}, {"N": "12.505"}, {"S": "x"}, {"NULL": True}):
        raw = json.dumps(change({"price": value, "venue": {"M": {"price": value}}})).encode()
        for _ in range(2):
            assert typed_row(maker, raw) == general(table, raw, "INSERT", None)


@pytest.mark.parametrize("deep", ["array", "map", "record"])
def test_the_deepest_type_that_a_schema_may_have_takes_the_fast_way(
    deep: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    column_type: Any = Integer(32)
    value: dict[str, Any] = {"N": "5"}
    for _ in range(11):
        if deep == "array":
            column_type, value = Array(Nullable(column_type)), {"L": [value]}
        elif deep == "map":
            column_type, value = Map(Nullable(column_type)), {"M": {"k": value}}
        else:
            inner = Column("inner", "inner", Nullable(column_type), True)
            column_type, value = Record("Inner", (inner,)), {"M": {"inner": value}}
    table = schemas.Table("demand", "", (Column("deep", "deep", Nullable(column_type), True),), {})
    raw = json.dumps(change({"deep": value})).encode()
    maker = TypedRowMaker(table, "type")
    typed_row(maker, raw)  # the other attributes are learnt
    expected = general(table, raw, "INSERT", None)
    monkeypatch.setattr(RowMaker, "row", None)
    assert typed_row(maker, raw) == expected


def test_an_attribute_whose_name_needs_escapes_fills_its_column() -> None:
    odd = Column("odd", 'o"dd\\', Nullable(String()), True)
    box = Column("box", "box", Nullable(Record("Box", (odd,))), True)
    table = schemas.Table("demand", "", (odd, box), {})
    value = {'o"dd\\': {"S": "x"}}
    raw = json.dumps(change({**value, "box": {"M": value}})).encode()
    row = json.loads(typed_row(TypedRowMaker(table, "type"), raw).line)
    assert (row["odd"], row["box"]) == ("x", {"odd": "x"})


@given(st.text("ABYQZ+/=- \n\u00e9\\", max_size=12) | st.text(max_size=5))
def test_data_is_base64_as_the_standard_library_reads_it_strictly(text: str) -> None:
    try:
        expected: bytes | None = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        expected = None
    if len(text) % 4:
        # Python 3.11 lets some padding pass that is too much.
        expected = None
    for written in (msgspec.json.encode(text), json.dumps(text).replace("/", "\\/").encode()):
        record = FirehoseRecord("1", msgspec.Raw(written))
        if expected is None:
            with pytest.raises(ValueError):
                record.bytes()
        else:
            assert record.bytes() == expected
