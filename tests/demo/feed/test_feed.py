"""Change records on their way into the stream."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import schemas
from demo.feed.generator import generate, sample
from demo.feed.lines import InputError, check_input, read_lines
from demo.feed.recognize import refusal
from demo.feed.replication import ReplicationError, TableStream
from demo.feed.stream import FeedError, StreamRecord, feed
from demo.feed.table import write_items
from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from tests.support.changes import event_file
from transform.batch import Transform

MIB = 1024 * 1024


class Kinesis:
    """A stream that refuses some records of each request for the moment."""

    def __init__(self, most_kib: int | None = None, throttled: int = 0) -> None:
        self.taken: list[bytes] = []
        self.requests: list[int] = []
        self.most_kib, self.throttled = most_kib, throttled

    def describe_stream_summary(self, **_: Any) -> dict[str, Any]:
        limit = {"MaxRecordSizeInKiB": self.most_kib} if self.most_kib else {}
        return {"StreamDescriptionSummary": limit}

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:
        assert len(Records) <= 500
        assert sum(len(r["Data"]) + len(r["PartitionKey"]) for r in Records) <= 5 * MIB
        self.requests.append(len(Records))
        results: list[dict[str, str]] = []
        for record in Records:
            if self.throttled:
                self.throttled -= 1
                results.append({"ErrorCode": "ProvisionedThroughputExceededException"})
            else:
                self.taken.append(record["Data"])
                results.append({"SequenceNumber": "1"})
        return {"Records": results}

    def put_record(self, *, StreamName: str, Data: bytes, PartitionKey: str) -> None:
        if self.most_kib is None and len(Data) > 2 * MIB:
            message = {"Code": "ValidationException", "Message": "too long"}
            raise ClientError({"Error": message}, "PutRecord")  # type: ignore[typeddict-item]
        self.taken.append(Data)


def record(data: bytes) -> StreamRecord:
    return StreamRecord(data, "key", f"record {data[:3]!r}")


def test_records_go_in_batches_that_the_api_takes() -> None:
    kinesis = Kinesis()
    records = [record(b"%04d" % n + b"x" * (20_000 if n > 800 else 0)) for n in range(1300)]
    fed = feed(kinesis, "s", records)
    assert kinesis.taken == [each.data for each in records]
    assert fed.accepted == 1300
    assert fed.bytes == sum(len(each.data) for each in records)


def test_what_was_throttled_is_put_again_and_nothing_else_is() -> None:
    kinesis = Kinesis(throttled=7)
    pauses: list[float] = []
    fed = feed(kinesis, "s", [record(b"%d" % n) for n in range(10)], sleep=pauses.append)
    assert sorted(kinesis.taken) == sorted(b"%d" % n for n in range(10))
    assert kinesis.requests == [10, 7]
    assert (fed.accepted, len(pauses)) == (10, 1)


def test_a_stream_that_goes_on_throttling_is_an_error_with_a_remedy() -> None:
    with pytest.raises(FeedError, match="more shards"):
        feed(Kinesis(throttled=10**6), "s", [record(b"a"), record(b"b")], sleep=lambda _: None)


@pytest.mark.parametrize("most_kib", [1024, None])
def test_what_the_stream_refuses_is_named_and_not_lost_from_the_count(most_kib: int | None) -> None:
    kinesis = Kinesis(most_kib=most_kib)
    fed = feed(kinesis, "s", [record(b"a"), record(b"big" + b"x" * 3 * MIB), record(b"c")])
    assert kinesis.taken == [b"a", b"c"]
    assert fed.accepted == 2
    (refused,) = fed.refused
    assert "record b'big'" in refused


def test_lines_are_taken_as_they_stand(tmp_path: Path) -> None:
    content = b'{"a": 1}\r\n\n\xff\xfe\n  spaced \nlast without newline'
    plain, packed = tmp_path / "a.jsonl", tmp_path / "a.jsonl.gz"
    plain.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    expected = [b'{"a": 1}\r', b"", b"\xff\xfe", b"  spaced ", b"last without newline"]
    for path in (plain, packed):
        assert [each.data for each in read_lines(str(path))] == expected
    assert [each.origin for each in read_lines(str(plain))][2] == f"{plain}, line 3"


def test_standard_input_is_read_for_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"one\ntwo\n"))
    monkeypatch.setattr("sys.stdin", stdin)
    check_input("-")
    assert [each.data for each in read_lines("-")] == [b"one", b"two"]


@pytest.mark.parametrize(
    "content",
    [b"not gzip\n", gzip.compress(b"cut off\n" * 1000)[:-20]],
    ids=["no gzip", "cut off"],
)
def test_a_corrupt_gzip_file_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.gz"):
        list(read_lines(str(path)))


def test_any_damage_to_a_gzip_file_is_an_error_and_no_crash(tmp_path: Path) -> None:
    packed = gzip.compress(b"".join(b'{"n": %d}\n' % n for n in range(300)))
    path = tmp_path / "a.gz"
    for at in range(0, len(packed), 7):
        path.write_bytes(packed[:at] + bytes([packed[at] ^ 0xFF]) + packed[at + 1 :])
        try:
            list(read_lines(str(path)))
        except InputError as error:
            assert "a.gz" in str(error)


def test_a_file_that_is_not_there_is_said_before_anything_begins(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(InputError, match=str(path)):
            check_input(str(path))


def test_a_seed_gives_the_same_records_and_another_seed_gives_others() -> None:
    assert list(generate(3, 200, "t")) == list(generate(3, 200, "t"))
    assert list(generate(3, 200, "t")) != list(generate(4, 200, "t"))
    assert len(list(generate(3, 200, "t"))) == 200
    assert list(generate(3, 0, "t")) == []


def test_made_up_records_are_as_unruly_as_real_ones() -> None:
    records = [each.data for each in generate(3, 3000, "t")]
    assert len(set(records)) < len(records), "some come twice"
    changes = []
    broken = 0
    for data in records:
        try:
            change = json.loads(data)
            changes.append((change["dynamodb"]["ApproximateCreationDateTime"], change))
        except (ValueError, KeyError, TypeError):
            broken += 1
    assert broken
    times = [time for time, _ in changes]
    assert times != sorted(times), "out of order"
    events = {change["eventName"] for _, change in changes}
    assert events == {"INSERT", "MODIFY", "REMOVE", "UPSERT"}
    assert any(change["userIdentity"] for _, change in changes), "some expire"
    assert set(changes[0][1]) == set(event_file("kinesis_change_micros"))


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with embedded_emulator() as endpoint:
        yield endpoint


def test_writes_to_the_table_come_out_in_the_kinesis_shape(endpoint: Endpoint) -> None:
    dynamodb = endpoint.client("dynamodb")
    dynamodb.create_table(
        TableName="table",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    stream = TableStream(dynamodb, endpoint.client("dynamodbstreams"), "table")
    writes = write_items(dynamodb, "table", 1, 20)
    changes = [json.loads(each.data) for each in stream.read(writes)]
    assert len(changes) == writes
    assert list(stream.read(0)) == []
    dynamodb.put_item(TableName="table", Item={"pk": {"S": "last"}, "sk": {"S": "last"}})
    (last,) = [json.loads(each.data) for each in stream.read(1)]
    assert last["dynamodb"]["Keys"]["pk"] == {"S": "last"}, "each change comes once"
    captured = event_file("kinesis_change_micros")
    for change in changes:
        assert set(change) == set(captured)
        assert set(change["dynamodb"]) <= {*captured["dynamodb"], "OldImage"}
        images = {
            "INSERT": {"NewImage"},
            "MODIFY": {"NewImage", "OldImage"},
            "REMOVE": {"OldImage"},
        }
        given = {"NewImage", "OldImage"} & set(change["dynamodb"])
        assert given == images[change["eventName"]]
    digests = [
        change["dynamodb"]["NewImage"]["receiptDigest"]["B"]
        for change in changes
        if "receiptDigest" in change["dynamodb"].get("NewImage", {})
    ]
    assert digests
    assert all(len(digest) == 44 for digest in digests), "binaries are base64"


class LateStreams:
    """A DynamoDB stream of two shards, one of which gives its changes after a while."""

    def __init__(self, *answers: int) -> None:
        self.answers = iter(answers)
        self.given = 0

    def describe_table(self, **_: Any) -> dict[str, Any]:
        return {"Table": {"LatestStreamArn": "arn"}}

    def describe_stream(self, **_: Any) -> dict[str, Any]:
        return {"StreamDescription": {"Shards": [{"ShardId": "closed"}, {"ShardId": "late"}]}}

    def get_shard_iterator(self, *, ShardId: str, **_: Any) -> dict[str, Any]:
        return {"ShardIterator": ShardId}

    def get_records(self, *, ShardIterator: str) -> dict[str, Any]:
        if ShardIterator == "closed":
            return {"Records": [self.change()]}
        records = [self.change() for _ in range(next(self.answers, 0))]
        return {"Records": records, "NextShardIterator": "late"}

    def change(self) -> dict[str, Any]:
        self.given += 1
        return {
            "awsRegion": "us-east-1",
            "eventID": str(self.given),
            "eventName": "REMOVE",
            "dynamodb": {
                "ApproximateCreationDateTime": datetime.now(UTC),
                "Keys": {"pk": {"S": "key"}},
                "SizeBytes": 3,
            },
        }


def test_changes_that_come_late_are_waited_for() -> None:
    streams, pauses = LateStreams(0, 2, 0, 1), list[float]()
    stream = TableStream(streams, streams, "table", sleep=pauses.append)
    changes = [json.loads(each.data)["eventID"] for each in stream.read(4)]
    assert changes == ["1", "2", "3", "4"]
    assert len(pauses) == 3


def test_changes_that_do_not_come_are_an_error() -> None:
    streams, now = LateStreams(), [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    stream = TableStream(streams, streams, "table", clock=lambda: now[0], sleep=sleep)
    with pytest.raises(ReplicationError, match="the table table gave 1 of 4 changes in 30 s"):
        list(stream.read(4))


def test_samples_are_change_records_that_become_rows() -> None:
    records = list(sample(1, 300, "t", ("sale", "event")))
    assert records == list(sample(1, 300, "t", ("sale", "event")))
    assert refusal(b"\n".join(records)) is None
    events = Counter(json.loads(each)["eventName"] for each in records)
    assert set(events) == {"INSERT", "MODIFY", "REMOVE"}
    made = 0
    for record_type in schemas.RECORD_TYPES:
        outcome = Transform(schemas.table(record_type), "type").batch(
            {"recordId": str(number), "data": base64.b64encode(each).decode()}
            for number, each in enumerate(records)
        )
        assert not outcome.failures
        made += outcome.counts["ok"]
    assert made == 300
