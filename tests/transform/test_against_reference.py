"""The transform and the writer together must equal the plain reference, on an unruly stream."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from avro_writer.encoder import compile_encoder, rows_of
from avro_writer.rows import RowReader
from demo.feed.generator import generate
from testing.reference import DROPPED, FAILED, outcome
from tests.support.changes import firehose_record
from transform.batch import Transform

RESULTS = {"Dropped": DROPPED, "ProcessingFailed": FAILED}
TABLES = {each: schemas.table(each) for each in schemas.RECORD_TYPES}
STREAM = [each.data for each in generate(11, 1500, "t")]
GOOD = {
    name: [data for data in STREAM[:300] if isinstance(outcome(data, name), dict)]
    for name in TABLES
}


class Pipeline:
    """Change records to rows as fastavro reads them from what the writer makes of them."""

    def __init__(self, table: schemas.Table) -> None:
        self._avro = table.avro
        self._transform = Transform(table, "type")
        self._reader, self._encode = RowReader(table.record), compile_encoder(table.record)

    def outcomes(self, records: Sequence[bytes]) -> list[Any]:
        batch = [firehose_record(data, str(number)) for number, data in enumerate(records)]
        outcome = self._transform.batch(batch)
        found = [self._outcome(answer) for answer in outcome.records]
        rescued = [len(row["rescued_attributes"] or ()) for row in found if isinstance(row, dict)]
        assert sum(each.rescued_attributes for each in outcome.rows.values()) == sum(rescued)
        return found

    def _outcome(self, answer: dict[str, Any]) -> Any:
        if answer["result"] != "Ok":
            return RESULTS[answer["result"]]
        (written,) = rows_of(self._encode(self._reader.read([base64.b64decode(answer["data"])])))
        row: Any = fastavro.schemaless_reader(io.BytesIO(written), self._avro)
        row["rescued_attributes"] = json.loads(row["rescued_attributes"] or "null")
        del row["sequence_number"]
        return row


PIPELINES = {name: Pipeline(table) for name, table in TABLES.items()}


@pytest.mark.parametrize("record_type", schemas.RECORD_TYPES)
def test_every_record_becomes_what_the_reference_says(record_type: str) -> None:
    seen = set()
    found = Pipeline(TABLES[record_type]).outcomes(STREAM)
    for data, actual in zip(STREAM, found, strict=True):
        expected = outcome(data, record_type)
        assert actual == expected, data
        if isinstance(expected, str):
            seen.add(expected)
        else:
            seen.add("rescued" if expected["rescued_attributes"] else "plain")
    assert seen == {DROPPED, FAILED, "rescued", "plain"}, "the stream has every kind"


@pytest.mark.parametrize("value", [{"SS": []}, {"NS": []}, {"BS": []}, {"L": []}], ids=str)
@pytest.mark.parametrize("record_type", schemas.RECORD_TYPES)
def test_a_set_without_members_fits_where_its_members_would(
    record_type: str, value: dict[str, Any]
) -> None:
    """DynamoDB has no such sets, but whoever forwards records may make them."""
    change: dict[str, Any] = json.loads(GOOD[record_type][0])
    image = change["dynamodb"]["OldImage" if change["eventName"] == "REMOVE" else "NewImage"]
    image |= {column.attribute: value for column in TABLES[record_type].columns if column.nullable}
    record = json.dumps(change).encode()
    assert PIPELINES[record_type].outcomes([record]) == [outcome(record, record_type)]


ODD_IDENTITIES = st.sampled_from(
    [
        {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
        {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"},
        {"type": "Service", "principalId": "dynamodb.amazonaws.com", "extra": 1},
        {"type": "Service", "principalId": "replication.dynamodb.amazonaws.com"},
        {"type": "Service", "principalId": ["dynamodb.amazonaws.com"]},
        {"principalId": "dynamodb.amazonaws.com"},
        {"type": None, "principalId": None},
        "dynamodb.amazonaws.com",
        {},
        [],
        5,
    ]
)
ODD_VALUES: st.SearchStrategy[Any] = st.sampled_from([200.0, "200", None, [], {"a": None}, True])
ODD_PARTS = st.fixed_dictionaries(
    {}, optional={"userIdentity": ODD_IDENTITIES, "awsRegion": ODD_VALUES, "new": ODD_VALUES}
)
ODD_BODIES = st.fixed_dictionaries({}, optional={"SizeBytes": ODD_VALUES, "new": ODD_VALUES})
ODD_TIMES = st.fixed_dictionaries(
    {
        "ApproximateCreationDateTime": st.sampled_from(
            [1793520000, 1793520000.838, 1793520000123, 1793520000123456, "1793520000", 0]
        ),
        "ApproximateCreationDateTimePrecision": st.sampled_from(
            [None, "MILLISECOND", "MICROSECOND", "SECOND"]
        ),
    },
    optional={"SequenceNumber": st.just("1421584500000"), "StreamViewType": st.just("NEW_IMAGE")},
)
STREAMS_PARTS = st.fixed_dictionaries(
    {}, optional={"eventSourceARN": st.just("arn:aws:dynamodb:…"), "eventVersion": st.just("1.1")}
)
MARKERS = st.sampled_from(["S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS", "x"])
UNDER_MARKERS: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 5, "5", "text", [], ["5"], {}]
)
MALFORMED: st.SearchStrategy[Any] = (
    st.none() | UNDER_MARKERS | st.dictionaries(MARKERS, UNDER_MARKERS, max_size=2)
)


@st.composite
def malformed(draw: st.DrawFn, value: Any) -> Any:
    """What may stand where an attribute value stood, or deep in it."""
    chance = draw(st.integers(0, 2))
    if chance == 0 and isinstance(value, dict) and value:
        return {**value, draw(MARKERS): draw(UNDER_MARKERS)}
    if chance == 1 and isinstance(value, dict) and isinstance(value.get("M"), dict):
        inner = value["M"]
        name = draw(st.sampled_from([*inner, "strange"]))
        return {"M": {**inner, name: draw(malformed(inner.get(name)))}}
    return draw(MALFORMED)


@st.composite
def odd_records(draw: st.DrawFn, record_type: str) -> bytes:
    """A change record of the type in which something is as it should not be."""
    change: dict[str, Any] = json.loads(draw(st.sampled_from(GOOD[record_type])))
    change |= draw(ODD_PARTS)
    body = change["dynamodb"]
    body |= draw(ODD_BODIES)
    if draw(st.booleans()):
        body |= draw(ODD_TIMES)
        change |= draw(STREAMS_PARTS)
    images = ("NewImage", "OldImage")
    counts, other = reversed(images) if change["eventName"] == "REMOVE" else images
    if draw(st.booleans()):
        body[other] = draw(MALFORMED)
    image = body[counts]
    if draw(st.booleans()):
        image["foo"] = draw(MALFORMED)
    names = st.sampled_from([*image, *(c.attribute for c in TABLES[record_type].columns)])
    for name in draw(st.lists(names, max_size=3, unique=True)):
        image[name] = draw(malformed(image.get(name)))
    return json.dumps(change).encode()


@pytest.mark.parametrize("record_type", schemas.RECORD_TYPES)
@settings(max_examples=150)
@given(data=st.data())
def test_what_is_malformed_becomes_what_the_reference_says(record_type: str, data: Any) -> None:
    record = data.draw(odd_records(record_type))
    # The first may teach the transform attributes, the second then takes them the fast way.
    for _ in range(2):
        assert PIPELINES[record_type].outcomes([record]) == [outcome(record, record_type)]
