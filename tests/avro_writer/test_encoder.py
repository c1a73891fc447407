"""The encoder is held to fastavro: what we write, it reads, and byte for byte what it writes."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from functools import cache
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from avro_writer.encoder import compile_encoder, decimal, long, rows_of
from avro_writer.rows import BadRow, RowReader
from schemas import parse_stored_record
from tests.support.rows import as_read, demand_row, landed_record, scaled

ENCODERS = {
    t: (schemas.table(t).record, fastavro.parse_schema(schemas.avro_schema(t)))
    for t in schemas.RECORD_TYPES
}


def encoded(record: Any, row: dict[str, Any]) -> bytes:
    (written,) = encoded_together(record, [row])
    return written


def encoded_together(record: Any, rows: list[dict[str, Any]]) -> list[bytes]:
    lines = [json.dumps(row, ensure_ascii=False).encode() for row in rows]
    read, encode = compiled(record)
    return rows_of(encode(read(lines)))


@cache
def compiled(record: Any) -> tuple[Any, Any]:
    """Compile what reads and writes rows once, as the writer does."""
    return RowReader(record).read, compile_encoder(record)


@pytest.mark.parametrize("record_type", schemas.RECORD_TYPES)
@settings(max_examples=60)
@given(data=st.data())
def test_a_row_is_written_as_fastavro_reads_and_writes_it(record_type: str, data: Any) -> None:
    record, avro = ENCODERS[record_type]
    row = data.draw(landed_record(record))
    written = encoded(record, row)
    stream = io.BytesIO(written)
    expected = as_read(row, record)
    assert fastavro.schemaless_reader(stream, avro) == expected
    assert stream.read() == b"", "bytes are left over"
    if not has_longer_decimal(expected):
        theirs = io.BytesIO()
        fastavro.schemaless_writer(theirs, avro, expected)
        assert written == theirs.getvalue()


@pytest.mark.parametrize("record_type", schemas.RECORD_TYPES)
@settings(max_examples=30)
@given(data=st.data())
def test_rows_that_are_written_together_are_written_as_each_alone(
    record_type: str, data: Any
) -> None:
    record, _ = ENCODERS[record_type]
    rows = data.draw(st.lists(landed_record(record), max_size=4))
    assert encoded_together(record, rows) == [encoded(record, row) for row in rows]


def has_longer_decimal(value: Any) -> bool:
    """Whether fastavro writes a decimal of the value a byte longer than its two's complement."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return any(map(has_longer_decimal, inner))
    if not isinstance(value, Decimal):
        return False
    sign, digits, _ = value.as_tuple()
    magnitude = int("".join(map(str, digits)))
    return bool(sign) and magnitude.bit_count() == 1 and magnitude.bit_length() % 8 == 0


def test_a_decimal_takes_no_more_bytes_than_it_needs() -> None:
    # As Java's BigInteger.toByteArray, which most Avro files are written with.
    assert decimal(12, 2)("-1.28") == b"\x02\x80"
    assert decimal(12, 2)("-1.29") == b"\x04\xff\x7f"
    assert decimal(12, 2)("1.28") == b"\x04\x00\x80"
    assert decimal(12, 2)("0.00") == b"\x02\x00"


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_an_integer_is_written_as_fastavro_writes_it(number: int) -> None:
    theirs = io.BytesIO()
    fastavro.schemaless_writer(theirs, "long", number)
    assert long(number) == theirs.getvalue()


# Where numbers and lengths become a byte longer, and where another expression makes them.
EDGES = [0, *(1 << bits for bits in (6, 7, 13, 14, 20, 27, 28, 31, 34, 41, 42, 48, 55, 62))]


def type_with(value: Any, record: str) -> dict[str, Any]:
    """Return a schema with a value, required and nullable, in a column, a list, a map, a record."""
    inner = {"type": "record", "name": record, "fields": [{"name": "v", "type": value}]}
    return {
        "type": "record",
        "name": f"of_{record}",
        "fields": [
            {"name": "plain", "type": value},
            {"name": "maybe", "type": ["null", value], "default": None},
            {"name": "list", "type": {"type": "array", "items": value}},
            {"name": "map", "type": {"type": "map", "values": value}},
            {"name": "inner", "type": ["null", inner], "default": None},
        ],
    }


def everywhere(value: Any) -> dict[str, Any]:
    return {
        "plain": value,
        "maybe": value,
        "list": [value] * 3,
        "map": {"k": value},
        "inner": {"v": value},
    }


@pytest.mark.parametrize(("bits", "name"), [(32, "int"), (64, "long")])
def test_numbers_of_every_size_are_written_as_fastavro_writes_them(bits: int, name: str) -> None:
    schema = type_with(name, "number")
    record, avro = parse_stored_record(schema, "numbers"), fastavro.parse_schema(schema)
    near = {sign * edge + more for edge in EDGES for sign in (1, -1) for more in (-1, 0, 1)}
    rows = [everywhere(each) for each in sorted(near) if -(1 << bits - 1) <= each < 1 << bits - 1]
    assert encoded_together(record, rows) == [theirs(avro, row) for row in rows]


@pytest.mark.parametrize(
    "column",
    [
        {"type": "long", "logicalType": "timestamp-millis"},
        {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 0},
    ],
    ids=["timestamp", "decimal"],
)
def test_logical_types_of_every_size_are_written_as_fastavro_writes_them(
    column: dict[str, Any],
) -> None:
    schema = type_with(column, "logical")
    record, avro = parse_stored_record(schema, "logical"), fastavro.parse_schema(schema)
    edges = [1 << bits for bits in (7, 13, 15, 23, 27, 31, 39, 41)]
    near = [sign * edge + more for edge in edges for sign in (1, -1) for more in (-1, 0, 1)]
    rows = [everywhere(str(each) if "scale" in column else each) for each in near]
    for row in rows:
        expected = as_read(row, record)
        if not has_longer_decimal(expected):
            assert encoded(record, row) == theirs(avro, expected)


def test_texts_of_every_length_are_written_as_fastavro_writes_them() -> None:
    schema = type_with("string", "text")
    record, avro = parse_stored_record(schema, "texts"), fastavro.parse_schema(schema)
    lengths = sorted({abs(edge + more) for edge in EDGES[:5] for more in (-1, 0, 1)})
    rows = [everywhere("x" * each) for each in lengths] + [everywhere("\u00e9" * 5_000)]
    rows += [{**everywhere(""), "list": [""] * each, "map": {"k" * each: ""}} for each in lengths]
    assert encoded_together(record, rows) == [theirs(avro, row) for row in rows]
    for row in rows:
        assert encoded(record, row) == theirs(avro, row)


def theirs(avro: Any, row: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, avro, row)
    return stream.getvalue()


@given(st.integers(0, 20), st.integers(-(10**38) + 1, 10**38 - 1))
def test_a_decimal_is_exact_to_38_digits(scale: int, number: int) -> None:
    written = decimal(38, scale)(scaled(number, scale))
    assert fastavro.schemaless_reader(io.BytesIO(written), "bytes") == written[1:]
    assert int.from_bytes(written[1:], "big", signed=True) == number


@given(st.integers(1, 38), st.data())
def test_a_decimal_column_takes_the_digits_of_its_precision_and_no_more(
    precision: int, data: st.DataObject
) -> None:
    scale = data.draw(st.integers(0, precision))
    edge = data.draw(st.sampled_from([1, 5, 10, 19])) * 10**precision // 10
    number = data.draw(st.sampled_from([edge - 1, edge, -edge, 1 - edge]))
    if abs(number) < 10**precision:
        written = decimal(precision, scale)(scaled(number, scale))
        assert int.from_bytes(written[1:], "big", signed=True) == number
    else:
        with pytest.raises(BadRow, match="digits"):
            decimal(precision, scale)(scaled(number, scale))


@pytest.mark.parametrize(
    "text", ["", "-", "1", "1.5", "1.505", "1_0.00", " 1.00", "+1.00", "1.0e", "12345.67", "x.yz",
             "1٫00", "--1.00", "1.-1", "1.2.34", "NaN", "١.00", "00123.45"],
)  # fmt: skip
def test_what_is_no_decimal_of_the_column_is_a_bad_row(text: str) -> None:
    with pytest.raises(BadRow):
        decimal(5, 2)(text)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"change_type": "UPSERT"}, "symbol"),
        ({"requested_seats": 1 << 31}, "int"),
        ({"requested_seats": "2"}, "int"),
        ({"requested_seats": 2.5}, "int"),
        ({"max_price": "12.5"}, "decimal"),
        ({"changed_at": 253_402_300_800_000}, "int"),
        ({"nobody_knows": 1}, "unknown field"),
        ({"party": {"children": 1}}, "missing"),
        ({"price_levels": ["a", None]}, "str"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_with_its_reason(
    change: dict[str, Any], says: str
) -> None:
    record = schemas.table("demand").record
    assert encoded(record, demand_row()), "the row is good without the change"
    with pytest.raises(BadRow, match=says):
        encoded(record, {**demand_row(), **change})


@pytest.mark.parametrize(
    "line", [b"", b"null", b"[]", b"{", b'{"a":NaN}', b"\xff", b"[" * 100_000, b'"\\ud800"']
)
def test_what_is_no_row_at_all_is_refused(line: bytes) -> None:
    with pytest.raises(BadRow):
        RowReader(schemas.table("demand").record).read([line])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        pytest.param(b'{"change_id":"\xff"}', "not JSON", id="no UTF-8"),
        pytest.param(b'{"gone":' + b"[" * 100_000, "nested too deeply", id="deep"),
    ],
)
def test_a_value_that_cannot_be_decoded_is_refused_with_its_reason(line: bytes, says: str) -> None:
    with pytest.raises(BadRow, match=says):
        RowReader(schemas.table("demand").record, ("gone",)).read([line])


def test_a_required_column_with_a_default_may_be_absent_from_older_rows() -> None:
    row = demand_row()
    del row["adjacent_seats"]
    record, avro = ENCODERS["demand"]
    read = fastavro.schemaless_reader(io.BytesIO(encoded(record, row)), avro)
    assert isinstance(read, dict)
    assert read["adjacent_seats"] is False
