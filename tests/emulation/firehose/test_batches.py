"""Batches: the event's shape, the buffer's size and interval, the payload limit."""

from __future__ import annotations

import base64
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from emulation.firehose.batches import MAX_EVENT_BYTES, Batch, BatchAssembler, Envelope, encode
from emulation.firehose.description import BufferingHints
from emulation.firehose.records import SourceRecord

ENVELOPE = Envelope("arn:aws:kinesis:source", "arn:aws:firehose:stream", "us-east-1")
INVOCATION = "3b1b5f0e-0000-4000-8000-000000000000"
SEQUENCE = "49649158622693748790371174676937468892771630995526909954"


def record(data: bytes, number: int = 0, partition_key: str = "key") -> SourceRecord:
    return SourceRecord(
        data, "shardId-000000000003", SEQUENCE, number, partition_key, 1707628780995
    )


def batches_of(
    records: list[SourceRecord], hints: BufferingHints, max_event_bytes: int = MAX_EVENT_BYTES
) -> list[Batch]:
    assembler = BatchAssembler(ENVELOPE, hints, max_event_bytes=max_event_bytes)
    batches = [batch for one in records for batch in assembler.add(one, encode(one), 0.0)]
    return [*batches, assembler.close()] if assembler.waiting else batches


def test_an_event_has_the_shape_that_aws_sends() -> None:
    event = json.loads(ENVELOPE.event(INVOCATION, [encode(record(b"\xffdata", 7))]))
    assert event == {
        "invocationId": INVOCATION,
        "sourceKinesisStreamArn": "arn:aws:kinesis:source",
        "deliveryStreamArn": "arn:aws:firehose:stream",
        "region": "us-east-1",
        "records": [
            {
                "recordId": f"{SEQUENCE}000007",
                "approximateArrivalTimestamp": 1707628780995,
                "data": base64.b64encode(b"\xffdata").decode(),
                "kinesisRecordMetadata": {
                    "sequenceNumber": SEQUENCE,
                    "subsequenceNumber": 7,
                    "partitionKey": "key",
                    "shardId": "shardId-000000000003",
                    "approximateArrivalTimestamp": 1707628780995,
                },
            }
        ],
    }


def test_a_record_id_is_the_sequence_number_and_the_place_in_the_aggregate() -> None:
    assert record(b"", 12).record_id == f"{SEQUENCE}000012"


def test_an_emulators_short_sequence_numbers_give_ids_as_long_and_unique_across_shards() -> None:
    ids = {
        SourceRecord(b"", f"shardId-{shard:012d}", str(sequence), place, "key", 0).record_id
        for shard in (0, 1, 12)
        for sequence in (1, 2, 11, 112)
        for place in (0, 1)
    }
    assert len(ids) == 3 * 4 * 2
    assert {len(record_id) for record_id in ids} == {62}
    assert all(record_id.isdigit() for record_id in ids)


def test_a_batch_closes_when_it_has_the_buffer_size_of_data() -> None:
    batches = batches_of([record(b"x" * 40)] * 5, BufferingHints(100, 60))
    assert [len(batch.records) for batch in batches] == [2, 2, 1]


def test_a_batch_that_reaches_the_buffer_size_exactly_goes_at_once() -> None:
    assembler = BatchAssembler(ENVELOPE, BufferingHints(80, 60))
    assert not list(assembler.add(record(b"x" * 40), encode(record(b"x" * 40)), 0.0))
    assert [len(b.records) for b in assembler.add(record(b"x" * 40), b"{}", 0.0)] == [2]
    assert assembler.waiting == 0


def test_a_record_above_the_buffer_size_is_a_batch_of_its_own() -> None:
    batches = batches_of([record(b"a"), record(b"x" * 500), record(b"b")], BufferingHints(100, 60))
    assert [[r.data[:1] for r in batch.records] for batch in batches] == [[b"a"], [b"x"], [b"b"]]


def test_a_batch_is_due_when_its_oldest_record_has_waited_for_the_interval() -> None:
    assembler = BatchAssembler(ENVELOPE, BufferingHints(100, 60))
    assert not assembler.due(1000.0)
    assert not list(assembler.add(record(b"a"), b"{}", 100.0))
    assert not list(assembler.add(record(b"b"), b"{}", 159.0))
    assert not assembler.due(159.9)
    assert assembler.due(160.0)


def test_many_tiny_records_are_split_by_the_payload_limit_of_lambda() -> None:
    records = [record(b"tiny") for _ in range(20_000)]
    batches = batches_of(records, BufferingHints(3 * 1024 * 1024, 60))
    events = [ENVELOPE.event(INVOCATION, batch.encoded) for batch in batches]
    assert len(batches) == 2
    assert all(len(event) < 6_291_456 for event in events)
    assert sum(len(batch.records) for batch in batches) == 20_000


def test_a_record_that_no_event_can_hold_is_recognised() -> None:
    assembler = BatchAssembler(ENVELOPE, BufferingHints(1024, 60))
    assert assembler.can_hold(encode(record(b"x" * 4_700_000)))
    assert not assembler.can_hold(encode(record(b"x" * 4_720_000)))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.binary(max_size=120), st.text(max_size=10)), max_size=40),
    st.integers(1, 400),
    st.integers(900, 3000),
)
def test_batches_keep_the_order_and_never_exceed_a_limit(
    contents: list[tuple[bytes, str]], size_bytes: int, max_event_bytes: int
) -> None:
    records = [record(data, place, key) for place, (data, key) in enumerate(contents)]
    batches = batches_of(records, BufferingHints(size_bytes, 60), max_event_bytes)
    assert [one for batch in batches for one in batch.records] == records
    for batch in batches:
        event = ENVELOPE.event(INVOCATION, batch.encoded)
        assert len(event) <= max_event_bytes
        assert [entry["recordId"] for entry in json.loads(event)["records"]] == [
            one.record_id for one in batch.records
        ]
        assert len(batch.records) == 1 or sum(len(r.data) for r in batch.records) <= size_bytes
