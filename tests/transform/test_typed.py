"""The fast way to a row is held, byte for byte, to the general one."""

from __future__ import annotations

import binascii
import json
from itertools import combinations
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

import schemas
from bench.changes import changes
from schemas.columns import (
    MAX_MILLIS,
    MIN_MILLIS,
    Array,
    Bytes,
    Column,
    Decimal,
    Double,
    Epoch,
    Integer,
    Map,
    Nullable,
    Record,
    String,
    Timestamp,
)
from tests.support.attributes import JSON, TEXT, item
from tests.support.changes import change
from tests.support.rows import scaled
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


@pytest.mark.parametrize(
    ("micros", "fits"),
    [
        (MIN_MILLIS * 1000 - 1, False),
        (MIN_MILLIS * 1000, True),
        (MAX_MILLIS * 1000 + 999, True),
        (MAX_MILLIS * 1000 + 1000, False),
    ],
)
def test_the_first_and_the_last_time_of_a_row_are_the_same_on_both_ways(
    micros: int, fits: bool
) -> None:
    record = change()
    record["dynamodb"]["ApproximateCreationDateTime"] = micros
    raw = json.dumps(record).encode()
    expected = general(TABLES["demand"], raw, "INSERT", None)
    assert (expected != ("change_time_out_of_range", None)) == fits
    maker = TypedRowMaker(TABLES["demand"], "type")
    typed_row(maker, json.dumps(change()).encode())  # the names of the keys are learnt
    assert typed_row(maker, raw) == expected
    assert maker.in_general == (1 if fits else 2)


@pytest.mark.parametrize("record_type", schemas.RECORD_TYPES)
def test_records_as_they_should_be_take_the_fast_way(
    record_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else each would still be right, and slow: nothing but a benchmark would tell.
    records = []
    for data in changes(3, 400, share_odd=0):
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


WHOLE_AND_NARROW = [
    (Timestamp(), "S", "2026-11-22T10:00:00.250Z", "2026-11-22T10:00:00.250123+00:00"),
    (Timestamp("seconds"), "N", "1793520000", "1793520000.0005"),
    (Timestamp("milliseconds"), "N", "1793520000123", "1793520000123.4"),
    (Timestamp("microseconds"), "N", "1793520000123000", "1793520000123456"),
    (Timestamp("microseconds"), "N", "-1000", "-1001"),
    (Timestamp("microseconds"), "N", "1E+15", "1793520000123456.5"),
    (Double(), "N", "0.25", "0.12345678901234567890"),
    (Double(), "N", "-5E+20", "9007199254740993"),
]


def within(column_type: Any, value: dict[str, Any], shape: str) -> tuple[Any, dict[str, Any]]:
    """A column's type and a value of it, alone or in something."""
    match shape:
        case "list":
            return Array(column_type), {"L": [value, value]}
        case "set":
            ((marker, text),) = value.items()
            return Array(Nullable(column_type)), {f"{marker}S": [text]}
        case "map":
            return Map(Nullable(column_type)), {"M": {"é": value, "Z": value, "a": value}}
        case "record":
            names = ("Z", "a", "é", "\U0001f39f", "\uffee")
            columns = tuple(
                Column(f"n{place}", name, Nullable(column_type), True)
                for place, name in enumerate(names)
            )
            members = dict.fromkeys((*names[3:], *names[:3]), value)
            return Array(Record("Within", columns)), {"L": [{"M": members}]}
        case _:
            return column_type, value


@pytest.mark.parametrize("shape", ["alone", "list", "set", "map", "record"])
@pytest.mark.parametrize(("column_type", "marker", "whole", "narrow"), WHOLE_AND_NARROW)
def test_a_value_that_narrows_takes_the_fast_way_to_the_same_bytes(
    column_type: Any, marker: str, whole: str, narrow: str, shape: str, monkeypatch: Any
) -> None:
    its_type, exact = within(column_type, {marker: whole}, shape)
    _, inexact = within(column_type, {marker: narrow}, shape)
    columns = tuple(Column(n, n, Nullable(its_type), True) for n in ("first", "second"))
    table = schemas.Table("demand", "", columns, {})
    values = [(exact, exact), (exact, inexact), (inexact, exact), (inexact, inexact)]
    raws = [
        json.dumps(change({"first": first, "second": second})).encode() for first, second in values
    ]
    maker = TypedRowMaker(table, "type")
    records = [Glanced(raw, "INSERT", None) for raw in raws]
    maker.rows(records)  # the other attributes are learnt
    expected = [general(table, raw, "INSERT", None) for raw in raws]
    narrowed = [row.rescued - row.without_column for row in expected]
    assert narrowed == [0, 1, 1, 2]
    monkeypatch.setattr(RowMaker, "row", None)
    assert maker.rows(records) == expected


@pytest.mark.parametrize(("bits", "edge"), [(32, 1 << 31), (64, 1 << 63)])
def test_the_fast_way_holds_the_integers_of_a_column_and_no_others(bits: Any, edge: int) -> None:
    columns = (Column("x", "x", Nullable(Integer(bits)), True),)
    table = schemas.Table("demand", "", columns, {})
    maker = TypedRowMaker(table, "type")
    numbers = [-edge - 1, -edge, -edge + 1, edge - 1, edge]
    raws = [json.dumps(change({"x": {"N": str(number)}})).encode() for number in numbers]
    records = [Glanced(raw, "INSERT", None) for raw in raws]
    maker.rows(records)  # the other attributes are learnt
    maker.in_general = 0
    assert maker.rows(records) == [general(table, raw, "INSERT", None) for raw in raws]
    assert maker.in_general == 2, "the first and the last do not fit"


@pytest.mark.parametrize(
    "column_type",
    [
        Decimal(6, 0),
        Decimal(5, 2),
        Decimal(2, 2),
        Integer(32),
        Integer(64),
        Double(),
        *(Timestamp(unit) for unit in get_args(Epoch)),
    ],
    ids=repr,
)
def test_a_number_of_any_length_is_the_same_on_both_ways(column_type: Any) -> None:
    table = schemas.Table("demand", "", (Column("x", "x", Nullable(column_type), True),), {})
    maker = TypedRowMaker(table, "type")
    for length in range(21):
        for number in (10**length - 1, 10**length):
            for text in (str(number), scaled(number, 2)):
                raw = json.dumps(change({"x": {"N": text}})).encode()
                assert typed_row(maker, raw) == general(table, raw, "INSERT", None)


@pytest.mark.parametrize("nullable", [False, True])
@pytest.mark.parametrize(
    ("items", "marker", "text"),
    [(String(), "S", "x"), (Integer(32), "N", "1"), (Bytes(), "B", "YQ==")],
    ids=["texts", "numbers", "bytes"],
)
def test_a_list_or_a_set_or_a_null_takes_the_fast_way_and_two_of_them_do_not(
    items: Any, marker: str, text: str, nullable: bool
) -> None:
    its_type = Nullable(Array(items)) if nullable else Array(items)
    table = schemas.Table("demand", "", (Column("x", "x", its_type, nullable),), {})
    maker = TypedRowMaker(table, "type")
    parts = {"L": [{marker: text}], f"{marker}S": [text], "NULL": True}
    typed_row(maker, json.dumps(change({"x": {"L": parts["L"]}})).encode())  # names are learnt
    fast = []
    for size in range(len(parts) + 1):
        for markers in combinations(parts, size):
            raw = json.dumps(change({"x": {each: parts[each] for each in markers}})).encode()
            maker.in_general = 0
            assert typed_row(maker, raw) == general(table, raw, "INSERT", None)
            if not maker.in_general:
                fast.append(markers)
    assert fast == [("L",), (f"{marker}S",), *[("NULL",)] * nullable]


@pytest.mark.parametrize(
    ("attribute", "value", "decoded"),
    [
        ("party", {"M": {"adults": {"N": "2"}, "unknown": {"S": "x"}}}, 2),
        ("maxPrice", {"N": "12.505"}, 3),
    ],
)
def test_a_record_that_leaves_the_fast_way_leaves_it_alone(
    attribute: str, value: Any, decoded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine, odd = change(), change({attribute: value})
    records = [Glanced(json.dumps(each).encode(), "INSERT", None) for each in (fine, odd, fine)]
    maker = TypedRowMaker(TABLES["demand"], "type")
    maker.rows(records)
    general_way = []
    decode = []
    row, columns = RowMaker.row, TypedRowMaker._columns

    def counted(self: RowMaker, change: Any, sequence_number: Any) -> Any:
        general_way.append(change)
        return row(self, change, sequence_number)

    def together(self: TypedRowMaker, records: Any, *others: Any) -> Any:
        decode.append(len(records))
        return columns(self, records, *others)

    monkeypatch.setattr(RowMaker, "row", counted)
    monkeypatch.setattr(TypedRowMaker, "_columns", together)
    assert maker.rows(records) == [general(TABLES["demand"], *astuple(each)) for each in records]
    assert (len(general_way), decode) == (4, [decoded]), "three of them are the comparison's own"


def test_a_null_in_place_of_an_attribute_that_is_a_key_elsewhere_is_rescued() -> None:
    maker = TypedRowMaker(TABLES["demand"], "type")
    typed_row(maker, json.dumps(change()).encode())  # the key attributes are learnt
    record = change()
    del record["dynamodb"]["Keys"]["sk"]
    record["dynamodb"]["NewImage"]["sk"] = None
    raw = json.dumps(record).encode()
    row = typed_row(maker, raw)
    assert row == general(TABLES["demand"], raw, "INSERT", None)
    assert row.rescued == 1


def test_a_key_that_is_an_attribute_elsewhere_is_not_rescued() -> None:
    maker = TypedRowMaker(TABLES["demand"], "type")
    elsewhere = change()
    del elsewhere["dynamodb"]["Keys"]["sk"]
    typed_row(maker, json.dumps(elsewhere).encode())  # sk is learnt, and not as a key
    raw = json.dumps(change()).encode()
    row = typed_row(maker, raw)
    assert row == general(TABLES["demand"], raw, "INSERT", None)
    assert (row.rescued, maker.in_general) == (0, 1)


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
        assert len(maker._learnt.fields) == learnt


def test_one_attribute_may_make_two_columns() -> None:
    exact = Column("price", "price", Nullable(Decimal(12, 2)), True)
    near = Column("price_near", "price", Nullable(Double()), True)
    name = Column("name", "name", Nullable(String()), True)
    venue = Column("venue", "venue", Nullable(Record("Venue", (exact, near))), True)
    by_name = Column("by_name", "venue", Nullable(Map(Nullable(Double()))), True)
    table = schemas.Table("demand", "", (exact, near, name, venue, by_name), {})
    maker = TypedRowMaker(table, "type")
    records = []
    # c0 is also what the generated code calls the first column's field.
    for value in ({"N": "12.50"}, {"N": "12.505"}, {"S": "x"}, {"NULL": True}):
        image = {"price": value, "venue": {"M": {"price": value}}, "c0": {"S": "x"}}
        raw = json.dumps(change(image)).encode()
        for _ in range(2):
            assert typed_row(maker, raw) == general(table, raw, "INSERT", None)
        records.append(Glanced(raw, "INSERT", None))
    for together, unfit in ((records, 2), (records[2:], 1)):
        maker.in_general = 0
        assert maker.rows(together) == [general(table, *astuple(each)) for each in together]
        assert maker.in_general == unfit, "the others take the fast way"


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
    column, value = Column("odd", 'o"dd\\', Nullable(String()), True), {'o"dd\\': {"S": "x"}}
    within = Column("odd", "box", Nullable(Array(Record("Box", (column,)))), True)
    for its, image, expected in (
        (column, value, "x"),
        (within, {"box": {"L": [{"M": value}]}}, [{"odd": "x"}]),
    ):
        maker = TypedRowMaker(schemas.Table("demand", "", (its,), {}), "type")
        row = json.loads(typed_row(maker, json.dumps(change(image)).encode()).line)
        assert row["odd"] == expected


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
