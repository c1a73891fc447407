"""The stream is read as Firehose reads it: every shard, from LATEST.

See docs/aws-contracts.md#firehose-reading-kinesis.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from botocore.exceptions import EndpointConnectionError

from emulation.firehose.errors import FirehoseError
from emulation.firehose.shards import StreamReader
from tests.emulation.firehose.doubles import STREAM_ARN, Clock, FakeKinesis, client_error

FIRST, SECOND = "shardId-000000000000", "shardId-000000000001"


def started(kinesis: FakeKinesis, clock: Clock) -> StreamReader:
    reader = StreamReader(kinesis, STREAM_ARN, clock=clock)
    reader.start()
    return reader


def read_all(reader: StreamReader, clock: Clock, polls: int = 10) -> list[bytes]:
    data = []
    for _ in range(polls):
        data += [record.data for record in reader.read()]
        clock.pause(1)
    return data


def test_what_was_there_before_the_start_is_never_read_and_what_comes_after_is() -> None:
    clock = Clock()
    kinesis = FakeKinesis(clock, shards=2)
    kinesis.put(b"before", FIRST)
    kinesis.put(b"before", SECOND)
    reader = started(kinesis, clock)
    assert read_all(reader, clock) == []
    kinesis.put(b"one", FIRST)
    kinesis.put(b"two", SECOND)
    assert read_all(reader, clock) == [b"one", b"two"]


def test_a_record_is_read_with_what_kinesis_knows_of_it() -> None:
    clock = Clock()
    kinesis = FakeKinesis(clock)
    reader = started(kinesis, clock)
    kinesis.put(b"data", FIRST, partition_key="p")
    (record,) = reader.read()
    assert (record.data, record.shard_id, record.partition_key) == (b"data", FIRST, "p")
    assert record.sequence_number == f"49{1:054d}"
    assert datetime.fromtimestamp(record.arrival_millis / 1000, UTC) == datetime(
        2026, 10, 5, 13, 7, 9, tzinfo=UTC
    )


def test_all_pages_of_shards_are_read() -> None:
    clock = Clock()
    kinesis = FakeKinesis(clock, shards=7)
    kinesis.page = 2
    reader = started(kinesis, clock)
    for shard_id in kinesis.shards:
        kinesis.put(shard_id.encode(), shard_id)
    assert read_all(reader, clock) == [shard_id.encode() for shard_id in kinesis.shards]


def test_a_shard_is_read_no_more_often_than_the_interval_says() -> None:
    clock = Clock()
    kinesis = FakeKinesis(clock)
    reader = StreamReader(kinesis, STREAM_ARN, clock=clock, read_interval=1.0)
    reader.start()
    for _ in range(30):
        reader.read()
        clock.pause(0.125)
    times = [time for time, _ in kinesis.reads]
    assert len(times) == 4
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(times))


def test_a_shard_without_news_is_read_less_often_until_there_are_some() -> None:
    clock = Clock()
    kinesis = FakeKinesis(clock)
    reader = StreamReader(kinesis, STREAM_ARN, clock=clock, read_interval=0.125)
    reader.start()

    def pauses(seconds: float) -> list[float]:
        before = len(kinesis.reads)
        for _ in range(int(seconds * 8)):
            reader.read()
            clock.pause(0.125)
        times = [time for time, _ in kinesis.reads[before:]]
        return [later - earlier for earlier, later in pairwise(times)]

    assert pauses(4) == [0.125, 0.25, 0.5, 1.0, 1.0, 1.0]
    kinesis.put(b"one")
    assert pauses(3) == [0.125, 0.25, 0.5, 1.0]
    reader.forget_tip()
    assert pauses(0.25) == [0.125], "whoever wants the end of the stream does not wait"


def test_an_expired_iterator_is_renewed_after_the_last_record_read() -> None:
    clock = Clock()
    kinesis = FakeKinesis(clock)
    reader = started(kinesis, clock)
    kinesis.put(b"one")
    assert read_all(reader, clock, polls=1) == [b"one"]
    kinesis.put(b"two")
    kinesis.errors = [client_error("GetRecords", "ExpiredIteratorException")]
    assert read_all(reader, clock) == [b"two"]


def test_an_iterator_that_expires_before_the_first_record_loses_nothing() -> None:
    clock = Clock()
    kinesis = FakeKinesis(clock)
    kinesis.put(b"before")
    clock.pause(1)
    reader = started(kinesis, clock)
    clock.pause(400)
    kinesis.put(b"one")
    kinesis.errors = [client_error("GetRecords", "ExpiredIteratorException")]
    assert read_all(reader, clock) == [b"one"]


@pytest.mark.parametrize(
    "error",
    [
        client_error("GetRecords", "ProvisionedThroughputExceededException"),
        client_error("GetRecords", "AccessDeniedException"),
        EndpointConnectionError(endpoint_url="http://kinesis"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_of_kinesis_is_reported_and_reading_continues_from_the_same_position(
    error: Exception,
) -> None:
    clock = Clock()
    kinesis = FakeKinesis(clock)
    reader = started(kinesis, clock)
    kinesis.put(b"one")
    kinesis.errors = [error, error]
    assert read_all(reader, clock, polls=2) == []
    assert reader.last_error is not None and FIRST in reader.last_error
    assert read_all(reader, clock) == [b"one"]
    assert reader.last_error is None


def test_after_a_split_the_children_are_read_from_their_beginning_and_after_the_parent() -> None:
    clock = Clock()
    kinesis = FakeKinesis(clock)
    reader = started(kinesis, clock)
    kinesis.put(b"parent", FIRST)
    left, right = kinesis.add_shard(FIRST), kinesis.add_shard(FIRST)
    kinesis.put(b"left", left)
    kinesis.put(b"right", right)
    assert read_all(reader, clock) == [b"parent", b"left", b"right"]


def test_after_a_merge_the_child_is_read_when_both_parents_are() -> None:
    clock = Clock()
    kinesis = FakeKinesis(clock, shards=2)
    reader = started(kinesis, clock)
    kinesis.put(b"first", FIRST)
    kinesis.put(b"second", SECOND)
    child = kinesis.add_shard(FIRST, SECOND)
    kinesis.put(b"child", child)
    grandchild = kinesis.add_shard(child)
    kinesis.put(b"grandchild", grandchild)
    kinesis.throttled = {SECOND}
    assert read_all(reader, clock, polls=4) == [b"first"]
    kinesis.throttled = set()
    assert read_all(reader, clock) == [b"second", b"child", b"grandchild"]


def test_shards_that_were_closed_before_the_start_are_not_read() -> None:
    clock = Clock()
    kinesis = FakeKinesis(clock)
    kinesis.put(b"before", FIRST)
    child = kinesis.add_shard(FIRST)
    kinesis.put(b"before", child)
    reader = started(kinesis, clock)
    kinesis.put(b"after", child)
    assert read_all(reader, clock) == [b"after"]
    assert {shard_id for _, shard_id in kinesis.reads} == {child}


def test_a_closed_shard_ends_even_where_the_endpoint_always_gives_a_next_iterator() -> None:
    class Endless(FakeKinesis):
        def get_records(self, **kwargs: str) -> dict[str, object]:
            return {"NextShardIterator": kwargs["ShardIterator"], **super().get_records(**kwargs)}

    clock = Clock()
    kinesis = Endless(clock)
    reader = started(kinesis, clock)
    kinesis.put(b"child", kinesis.add_shard(FIRST))
    assert read_all(reader, clock, polls=20) == [b"child"]


def test_the_tip_is_reached_when_every_shard_has_answered_with_no_records() -> None:
    clock = Clock()
    kinesis = FakeKinesis(clock, shards=2)
    reader = started(kinesis, clock)
    kinesis.put(b"one", SECOND)
    assert not reader.at_tip
    reader.read()
    assert not reader.at_tip
    clock.pause(1)
    reader.read()
    assert reader.at_tip
    reader.forget_tip()
    assert not reader.at_tip


def test_the_tip_is_not_reached_while_a_new_shard_has_not_been_read() -> None:
    clock = Clock()
    kinesis = FakeKinesis(clock)
    reader = started(kinesis, clock)
    read_all(reader, clock, polls=2)
    assert reader.at_tip
    kinesis.put(b"child", kinesis.add_shard(FIRST))
    reader.forget_tip()
    data: list[bytes] = []
    for _ in range(10):
        if not reader.at_tip:
            data += read_all(reader, clock, polls=1)
    assert reader.at_tip
    assert data == [b"child"]


def test_a_stream_that_is_not_active_is_refused() -> None:
    clock = Clock()
    kinesis = FakeKinesis(clock)
    kinesis.status = "CREATING"
    with pytest.raises(FirehoseError, match="is CREATING; wait until it is ACTIVE"):
        started(kinesis, clock)


def test_reading_before_the_start_is_an_error() -> None:
    clock = Clock()
    with pytest.raises(FirehoseError, match="read before start"):
        StreamReader(FakeKinesis(clock), STREAM_ARN, clock=clock).read()
