"""Attribute values to columns, held to decimal, datetime and boto3's own serializer."""

from __future__ import annotations

import base64
import contextlib
import datetime
import decimal
import re
import weakref
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import example, given
from hypothesis import strategies as st

from schemas import columns as c
from transform import numbers, times
from transform.attributes import Loss, Misfit, converter

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
EXACT = decimal.Context(prec=200)
PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?")


def digits_and_exponents() -> st.SearchStrategy[Decimal]:
    """Every number that DynamoDB can hold."""

    def build(sign: int, digits: str, magnitude: int) -> Decimal:
        number = Decimal((sign, tuple(map(int, digits)), magnitude - len(digits) + 1))
        return number if number else Decimal(0)

    return st.builds(
        build,
        st.sampled_from([0, 1]),
        st.from_regex(r"[1-9][0-9]{0,37}", fullmatch=True),
        st.integers(-130, 125),
    )


@given(digits_and_exponents(), st.sampled_from(["f", "E", ""]))
@example(Decimal("-1E-130"), "E")
@example(Decimal("9.99E+125"), "E")
def test_every_number_of_dynamodb_is_read_exactly_however_it_is_written(
    number: Decimal, style: str
) -> None:
    text = format(number, style)
    assert numbers.exact(text) == number
    plain = numbers.plain(text)
    assert plain is not None
    assert Decimal(plain) == number
    assert PLAIN.fullmatch(plain)


@given(digits_and_exponents())
def test_one_number_has_one_plain_text(number: Decimal) -> None:
    texts = {numbers.plain(format(number, style)) for style in ("f", "E", "")}
    padded = format(number, "f")
    texts.add(numbers.plain(padded + ("0" if "." in padded else ".0")))
    assert len(texts) == 1


def test_the_number_that_boto3_cannot_read_is_exact() -> None:
    text = "1234567895171680000000000000000000000000"
    with pytest.raises(decimal.Rounded):
        TypeDeserializer().deserialize({"N": text})
    assert numbers.exact(text) == Decimal(text)
    assert numbers.plain(text) == text
    assert converter(c.Double())({"N": text}, []) == float(text)


@given(digits_and_exponents(), st.integers(1, 38), st.integers(0, 38))
def test_a_decimal_column_holds_what_fits_exactly_and_nothing_else(
    number: Decimal, precision: int, scale: int
) -> None:
    scale = min(scale, precision)
    text = numbers.fixed_point(str(number), precision, scale)
    scaled = number.scaleb(scale, EXACT)
    fits = scaled == scaled.to_integral_value(context=EXACT) and abs(scaled) < 10**precision
    assert (text is not None) == fits
    if text is not None:
        assert Decimal(text) == number
        assert len(text.partition(".")[2]) == scale


@given(digits_and_exponents())
def test_a_double_column_says_when_it_is_not_the_number(number: Decimal) -> None:
    found = numbers.double(str(number))
    assert found is not None
    nearest, same = found
    assert nearest == float(number)
    assert same == (Decimal(repr(nearest)) == number)


@pytest.mark.parametrize(
    "text",
    ["", "-", "+1", "1.", ".5", "1e", "0x1", "NaN", "Infinity", "1_0", " 1", "1 ", "١", "1,5",
     "9" * 39, "1E+126", "1E-131", "1E+99999", "1e999999999999", "0." + "1" * 39, "1" * 100_000],
)  # fmt: skip
def test_what_is_no_number_of_dynamodb_is_none(text: str) -> None:
    assert numbers.exact(text) is None
    assert numbers.plain(text) is None
    for column_type in (c.Integer(64), c.Double(), c.Decimal(38, 2), c.Timestamp("seconds")):
        with pytest.raises(Misfit):
            converter(column_type)({"N": text}, [])


@pytest.mark.parametrize("text", ["0", "-0", "0.00", "0E+5", "-0.0", "0E-130"])
def test_zero_has_one_text(text: str) -> None:
    assert numbers.plain(text) == "0"
    assert numbers.fixed_point(text, 4, 2) == "0.00"
    assert numbers.integer(text) == 0


@pytest.mark.parametrize(("text", "number"), [("5.0", 5), ("5E+3", 5000), ("-1.20E+1", -12)])
def test_an_integer_may_be_written_as_any_number(text: str, number: int) -> None:
    assert numbers.integer(text) == number


@pytest.mark.parametrize(("bits", "edge"), [(32, 1 << 31), (64, 1 << 63)])
def test_integers_are_held_to_their_range(bits: Any, edge: int) -> None:
    convert = converter(c.Integer(bits))
    assert convert({"N": str(edge - 1)}, []) == edge - 1
    assert convert({"N": str(-edge)}, []) == -edge
    for outside in (edge, -edge - 1):
        with pytest.raises(Misfit):
            convert({"N": str(outside)}, [])
    with pytest.raises(Misfit):
        convert({"N": "1.5"}, [])


@given(st.datetimes(timezones=st.timezones()), st.sampled_from(["T", " "]))
def test_an_iso_time_is_the_time_that_datetime_reads(when: datetime.datetime, sep: str) -> None:
    offset = when.utcoffset()
    assert offset is not None
    if offset.total_seconds() % 60:
        when = when.replace(tzinfo=datetime.UTC)
    try:
        micros = (when - EPOCH) // datetime.timedelta(microseconds=1)
    except OverflowError:
        return
    found = times.from_iso(when.isoformat(sep))
    if not c.MIN_MILLIS <= micros // 1000 <= c.MAX_MILLIS:
        assert found is None
    else:
        assert found == (micros // 1000, micros % 1000 == 0)


@pytest.mark.parametrize(
    ("text", "millis", "same"),
    [
        ("1970-01-01", 0, True),
        ("1970-01-01T00:00Z", 0, True),
        ("1970-01-01T00:00:00", 0, True),
        ("1970-01-01t01:00:00.5+01:00", 500, True),
        ("1970-01-01T00:00:00,25-0030", 1_800_250, True),
        ("1970-01-01T00:00:00+00", 0, True),
        ("1969-12-31T23:59:59.9999Z", -1, False),
        ("2026-11-22T19:35:12.123456789Z", 1_795_376_112_123, False),
        ("2026-11-22T19:35:12.123000000Z", 1_795_376_112_123, True),
        ("9999-12-31T23:59:59.999Z", c.MAX_MILLIS, True),
        ("9999-12-31T23:59:59.9999", c.MAX_MILLIS, False),
        ("0001-01-01T00:00:00Z", c.MIN_MILLIS, True),
    ],
)
def test_an_iso_time_falls_into_its_millisecond(text: str, millis: int, same: bool) -> None:
    assert times.from_iso(text) == (millis, same)


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-02-30", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "20260101T000000Z",
     "2026-01-01T00:00:60Z", "2026-W01-1", "0000-01-01", "10000-01-01", "2026-01-01T00:00:00+24:00",
     "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "２０２６-01-01", "1720740233012",
     "2026-01-01T00:00:00Z ", "2026-01-01T", "2026-01-01Z"],
)  # fmt: skip
def test_what_is_no_iso_time_is_none(text: str) -> None:
    assert times.from_iso(text) is None


@given(st.integers(c.MIN_MILLIS * 1000, c.MAX_MILLIS * 1000 + 999))
def test_an_epoch_number_is_that_time_in_each_unit(micros: int) -> None:
    expected = (micros // 1000, micros % 1000 == 0)
    assert times.from_epoch(str(micros), "microseconds") == expected
    later = Decimal(micros) + Decimal("0.5")
    assert times.from_epoch(str(later), "microseconds") == (micros // 1000, False)
    assert times.from_epoch(str(Decimal(micros) / 1000), "milliseconds") == expected
    assert times.from_epoch(str(Decimal(micros) / 1_000_000), "seconds") == expected


@pytest.mark.parametrize("text", ["253402300800", "-62135596801", "1E+20"])
def test_a_time_outside_the_years_1_to_9999_does_not_fit(text: str) -> None:
    assert times.from_epoch(text, "seconds") is None


ANY_ATTRIBUTE: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.one_of(
        st.builds(lambda s: {"S": s}, st.text(max_size=5)),
        st.builds(lambda n: {"N": str(n)}, digits_and_exponents()),
        st.builds(lambda b: {"BOOL": b}, st.booleans()),
        st.just({"NULL": True}),
        st.just({"B": "AQI="}),
        st.just({"SS": ["a"]}),
        st.just({"NS": ["1", "2.5"]}),
        st.just({"BS": ["AQI="]}),
        # What no DynamoDB sends.
        st.sampled_from([{}, {"S": 5}, {"N": 5}, {"N": "x"}, {"S": "a", "N": "1"}, {"X": 1},
                         {"L": {}}, {"M": []}, {"BOOL": "true"}, {"NULL": False}, {"B": "*"}]),
    ),
    lambda inner: st.one_of(
        st.builds(lambda v: {"L": v}, st.lists(inner, max_size=3)),
        st.builds(lambda v: {"M": v}, st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    ),
    max_leaves=8,
)  # fmt: skip

COLUMN_TYPES = [
    c.String(), c.Boolean(), c.Integer(32), c.Integer(64), c.Double(), c.Bytes(), c.Decimal(12, 2),
    c.Timestamp(), c.Timestamp("seconds"), c.Date(), c.Enum("E", ("a", "b")),
    c.Nullable(c.String()), c.Array(c.String()), c.Array(c.Nullable(c.Integer(64))),
    c.Map(c.Decimal(38, 10)),
    c.Record("R", (c.Column("x", "a", c.String()), c.Column("y", "b", c.Nullable(c.Double()),
                                                           True, None))),
]  # fmt: skip


@given(st.sampled_from(COLUMN_TYPES), ANY_ATTRIBUTE | st.none() | st.integers() | st.text())
def test_a_converter_answers_or_misfits_and_raises_nothing_else(
    column_type: c.ColumnType, value: Any
) -> None:
    with contextlib.suppress(Misfit):
        converter(column_type)(value, [])


@pytest.mark.parametrize(
    ("column_type", "value"),
    [
        (c.String(), {"S": "a"}),
        (c.Boolean(), {"BOOL": True}),
        (c.Integer(32), {"N": "1"}),
        (c.Double(), {"N": "1"}),
        (c.Bytes(), {"B": "AQI="}),
        (c.Decimal(12, 2), {"N": "1.5"}),
        (c.Timestamp(), {"S": "2026-11-22T10:00:00Z"}),
        (c.Date(), {"S": "2026-11-22"}),
        (c.Enum("E", ("a",)), {"S": "a"}),
        (c.Nullable(c.String()), {"NULL": True}),
        (c.Array(c.String()), {"L": []}),
        (c.Array(c.String()), {"SS": ["a"]}),
        (c.Map(c.String()), {"M": {}}),
    ],
)
def test_a_value_has_exactly_one_marker(column_type: c.ColumnType, value: dict[str, Any]) -> None:
    convert = converter(column_type)
    convert(value, [])
    for other in ({}, {**value, "X": 1}):
        with pytest.raises(Misfit):
            convert(other, [])


BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


@given(
    st.text("Aq9+/=-_ \né", max_size=9)
    | st.binary(max_size=9).map(lambda data: base64.b64encode(data).decode())
)
@example("AQI=\n")
@example("AAA")
@example("AAAA=")
@example("AAAA==")
@example("AQ==AQ==")
def test_bytes_are_padded_base64_of_the_usual_alphabet(text: str) -> None:
    convert = converter(c.Bytes())
    if BASE64.fullmatch(text):
        assert convert({"B": text}, []) == text
    else:
        with pytest.raises(Misfit):
            convert({"B": text}, [])


def test_the_fields_after_one_that_does_not_fit_are_held() -> None:
    optional = c.Column("x", "a", c.Nullable(c.Integer(32)), True, None)
    record = c.Record("R", (optional, c.Column("y", "b", c.String())))
    losses: list[Loss] = []
    value = {"M": {"a": {"N": "1.5"}, "b": {"S": "text"}}}
    assert converter(record)(value, losses) == {"y": "text"}
    assert losses == [Loss.UNFIT]


class Losses(list[Any]):
    """A list that can be watched: it is in each frame of a converter that raises."""


@pytest.mark.parametrize("column_type", COLUMN_TYPES, ids=str)
def test_nothing_of_a_value_that_does_not_fit_stays_in_memory(column_type: c.ColumnType) -> None:
    losses = Losses()
    with contextlib.suppress(Misfit):
        converter(column_type)({"X": 1}, losses)
        pytest.fail("this value fits no column")
    watched = weakref.ref(losses)
    del losses
    assert watched() is None


WHOLE = st.integers(-(10**38) + 1, 10**38 - 1).map(Decimal)
AS_BOTO3_HAS_THEM: list[tuple[c.ColumnType, st.SearchStrategy[Any]]] = [
    (c.String(), st.text(max_size=9)),
    (c.Boolean(), st.booleans()),
    (c.Decimal(38, 0), WHOLE),
    (c.Nullable(c.Decimal(38, 0)), st.none() | WHOLE),
    (c.Array(c.String()), st.lists(st.text(max_size=9), max_size=3)),
    (c.Array(c.String()), st.sets(st.text(min_size=1, max_size=9), min_size=1, max_size=3)),
    (c.Array(c.Decimal(38, 0)), st.sets(WHOLE, min_size=1, max_size=3)),
    (
        c.Map(c.Array(c.Boolean())),
        st.dictionaries(st.text("abc", max_size=3), st.lists(st.booleans())),
    ),
    (
        c.Record("R", (c.Column("a", "A", c.String()), c.Column("b", "B", c.Decimal(38, 0)))),
        st.fixed_dictionaries({"A": st.text(max_size=9), "B": WHOLE}),
    ),
]


@pytest.mark.parametrize(("column_type", "values"), AS_BOTO3_HAS_THEM)
@given(data=st.data())
def test_what_boto3_serializes_comes_back_as_boto3_deserializes_it(
    column_type: c.ColumnType, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    attribute = TypeSerializer().serialize(data.draw(values))
    theirs = TypeDeserializer().deserialize(attribute)
    assert _comparable(converter(column_type)(attribute, [])) == _comparable(theirs)


def _comparable(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, list | set):
        return sorted(map(_comparable, value), key=repr)
    if isinstance(value, dict):
        return {name.lower(): _comparable(each) for name, each in value.items()}
    return value
