"""The function of several record types against those of one: the same rows, each once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import schemas
from demo.feed.generator import generate
from tests.support.changes import change, firehose_record
from transform.arrivals import ALWAYS, Arrivals
from transform.batch import Transform
from transform.firehose import PAYLOAD_LIMIT

TYPES = schemas.RECORD_TYPES
TABLES = [schemas.table(each) for each in TYPES]
KEY = "record_type"
# All types, with broken records, unfit ones, and some of no type or of a type that nobody takes.
STREAM = [each.data for each in generate(5, 900, "t")]
RECORDS = st.lists(
    st.sampled_from(STREAM) | st.sampled_from([b"", b"{", b"\xff", b"[]"]) | st.binary(max_size=9),
    max_size=90,
)

BORDER = datetime(2026, 12, 1, 12, tzinfo=UTC)
BORDER_MILLIS = 1_796_126_400_000


def shared(limit: int = PAYLOAD_LIMIT, arrivals: Arrivals = ALWAYS) -> Transform:
    return Transform(TABLES, "type", limit, TYPES, partition_key=KEY, arrivals=arrivals)


def per_type(arrivals: Arrivals = ALWAYS) -> list[Transform]:
    """The functions of one type each; the first counts what nobody takes."""
    return [
        Transform(each, "type", claimed=None if number else TYPES, arrivals=arrivals)
        for number, each in enumerate(TABLES)
    ]


SHARED, PER_TYPE = shared(), per_type()
SINCE, BEFORE = Arrivals(since=BORDER), Arrivals(before=BORDER)
LIMITED = {each: (shared(arrivals=each), per_type(each)) for each in (SINCE, BEFORE)}


def batch_of(records: list[bytes]) -> list[dict[str, Any]]:
    return [firehose_record(data, str(number)) for number, data in enumerate(records)]


# One record of each type of which a row is made.
GOOD = {
    answer["metadata"]["partitionKeys"][KEY]: data
    for data, answer in zip(STREAM, SHARED.batch(batch_of(STREAM)).records, strict=True)
    if answer["result"] == "Ok"
}


def united(answers: list[dict[str, Any]]) -> dict[str, Any]:
    """What the shared function has to answer where the functions of each type answer so."""
    rows = [
        {**answer, "metadata": {"partitionKeys": {KEY: record_type}}}
        for record_type, answer in zip(TYPES, answers, strict=True)
        if answer["result"] == "Ok"
    ]
    if rows:
        (row,) = rows
        return row
    failed = [answer for answer in answers if answer["result"] == "ProcessingFailed"]
    return (failed or answers)[0]


@given(RECORDS, st.sampled_from([1, 3, 128]))
@example(STREAM, 128)
def test_it_answers_what_the_functions_of_each_type_answer_together(
    records: list[bytes], together: int
) -> None:
    batch = batch_of(records)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SHARED, "_together", together)
        found = SHARED.batch(batch)
    outcomes = [each.batch(batch) for each in PER_TYPE]
    answers = zip(*(each.records for each in outcomes), strict=True)
    assert found.records == [united(list(each)) for each in answers]
    assert found.rows == {
        record_type: each.rows[record_type]
        for record_type, each in zip(TYPES, outcomes, strict=True)
    }
    assert set(found.failures) == {failure for each in outcomes for failure in each.failures}
    assert len(found.failures) == len(set(found.failures))
    assert found.unclaimed == outcomes[0].unclaimed
    assert found.records_unclaimed == outcomes[0].records_unclaimed
    assert found.counts.total() == len(records)


def test_the_stream_has_every_kind_of_record() -> None:
    outcome = SHARED.batch(batch_of(STREAM))
    assert all(each.ok and each.rescued_rows for each in outcome.rows.values())
    assert outcome.records_unclaimed
    assert outcome.failures_by_column
    assert "other_type" not in outcome.counts, "there is no other function"


def test_a_function_of_some_types_leaves_the_others_unclaimed() -> None:
    two = [each for each in TABLES if each.record_type in ("demand", "sale")]
    some = Transform(two, "type", claimed=("demand", "sale"), partition_key=KEY)
    outcome = some.batch(batch_of(STREAM))
    everything = SHARED.batch(batch_of(STREAM))
    assert outcome.rows == {each: everything.rows[each] for each in ("demand", "sale")}
    assert outcome.counts["unclaimed_type"] > everything.counts["unclaimed_type"]


@given(
    st.lists(st.tuples(st.sampled_from(TYPES), st.integers(0, 400)), max_size=12),
    st.integers(200, 6000),
)
def test_the_partition_keys_count_in_the_answers_budget(
    sizes: list[tuple[str, int]], limit: int
) -> None:
    batch = batch_of([padded(GOOD[each], size) for each, size in sizes])
    outcome = shared(limit).batch(batch)
    assert [each["recordId"] for each in outcome.records] == [each["recordId"] for each in batch]
    failed = [{"recordId": each["recordId"], "result": "ProcessingFailed"} for each in batch]
    # As Lambda's runtime writes it.
    assert len(json.dumps({"records": outcome.records})) <= max(
        limit, len(json.dumps({"records": failed}))
    )
    assert outcome.counts.keys() <= {"ok", "answer_payload_full"}


def padded(data: bytes, size: int) -> bytes:
    record = json.loads(data)
    image = "OldImage" if record["eventName"] == "REMOVE" else "NewImage"
    record["dynamodb"][image]["note"] = {"S": "x" * size}
    return json.dumps(record).encode()


def test_an_answer_that_fits_to_the_byte_is_given() -> None:
    (record,) = batch_of([json.dumps(change()).encode()])
    answer = {"records": SHARED.batch([record]).records}
    # The budget reserves space for the longest result, and for a comma.
    size = len(json.dumps(answer)) + len("ProcessingFailed") - len("Ok") + len(", ")
    assert shared(size).batch([record]).counts == {"ok": 1}
    assert shared(size - 1).batch([record]).counts == {"answer_payload_full": 1}


NEAR = st.sampled_from([-86_400_000, -1000, -1, 0, 1, 1000, 86_400_000])


@given(st.lists(st.tuples(st.sampled_from(STREAM), NEAR), max_size=40), st.booleans())
def test_each_record_is_answered_for_by_one_of_the_two_kinds(
    records: list[tuple[bytes, int]], shared_is_former: bool
) -> None:
    batch = batch_of([data for data, _ in records])
    for record, (_, late) in zip(batch, records, strict=True):
        record["kinesisRecordMetadata"]["approximateArrivalTimestamp"] = BORDER_MILLIS + late
    early = [late < 0 for _, late in records]
    for unlimited, limited, former in (
        ([SHARED], [LIMITED[BEFORE if shared_is_former else SINCE][0]], shared_is_former),
        (PER_TYPE, LIMITED[SINCE if shared_is_former else BEFORE][1], not shared_is_former),
    ):
        for whole, part in zip(unlimited, limited, strict=True):
            outcome = part.batch(batch)
            assert outcome.records == [
                answer if each == former else {"recordId": answer["recordId"], "result": "Dropped"}
                for answer, each in zip(whole.batch(batch).records, early, strict=True)
            ]
            assert outcome.counts["other_delivery"] == early.count(not former)
            assert outcome.records_dropped == sum(
                each["result"] == "Dropped" for each in outcome.records
            )


@pytest.mark.parametrize("data", [b"", b"{", json.dumps(change({"type": None})).encode()])
def test_what_another_delivery_answers_for_is_neither_failed_nor_unclaimed(data: bytes) -> None:
    (record,) = batch_of([data])
    outcome = LIMITED[SINCE][0].batch([record])
    assert outcome.counts == {"other_delivery": 1}
    assert (outcome.failures, outcome.unclaimed, outcome.records_unclaimed) == ([], [], 0)
    assert LIMITED[BEFORE][0].batch([record]).counts["other_delivery"] == 0


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"approximateArrivalTimestamp": None},
        {"approximateArrivalTimestamp": "1720740233100"},
        {"approximateArrivalTimestamp": 1720740233100.5},
        {"approximateArrivalTimestamp": True},
        None,
        [],
        ...,
    ],
)
def test_a_record_that_does_not_say_when_it_arrived_fails_where_that_decides(metadata: Any) -> None:
    broken, whole = batch_of([json.dumps(change()).encode()] * 2)
    if metadata is ...:
        del broken["kinesisRecordMetadata"]
    else:
        broken["kinesisRecordMetadata"] = metadata
    one, others = LIMITED[BEFORE]
    for limited in (one, *others):
        outcome = limited.batch([broken, whole])
        assert outcome.records[0] == {"recordId": "0", "result": "ProcessingFailed"}
        assert [each.reason for each in outcome.failures] == ["no_arrival_time"]
    assert SHARED.batch([broken, whole]).counts == {"ok": 2}


@pytest.mark.parametrize("micros", [0, 1, 999])
def test_a_limit_is_compared_in_whole_milliseconds(micros: int) -> None:
    border = BORDER + timedelta(microseconds=micros)
    since, before = Arrivals(since=border), Arrivals(before=border)
    for millis in (BORDER_MILLIS - 1, BORDER_MILLIS, BORDER_MILLIS + 1):
        assert (millis in since) is (millis >= BORDER_MILLIS)
        assert (millis in before) is (millis < BORDER_MILLIS)


def test_a_span_has_both_limits() -> None:
    span = Arrivals(since=BORDER, before=BORDER + timedelta(milliseconds=2))
    times = range(BORDER_MILLIS - 2, BORDER_MILLIS + 4)
    assert [millis - BORDER_MILLIS for millis in times if millis in span] == [0, 1]
    assert [each.limited for each in (span, SINCE, BEFORE, ALWAYS)] == [True, True, True, False]


def test_a_type_that_the_code_does_not_know_yet_fails_alone() -> None:
    first, *others = TABLES
    older = Transform(others, "type", claimed=TYPES, partition_key=KEY)
    records = [GOOD[first.record_type], GOOD[others[0].record_type]]
    outcome = older.batch(batch_of(records))
    assert [each["result"] for each in outcome.records] == ["ProcessingFailed", "Ok"]
    assert [each.reason for each in outcome.failures] == ["type_without_schema"]
    assert outcome.records_unclaimed == 0
