"""What lands in the bucket: names, bodies, and puts that are repeated.

See docs/aws-contracts.md#firehose-objects-in-s3.
"""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from emulation.firehose.buffer import Contents, ObjectBuffers, Target
from emulation.firehose.description import BufferingHints
from emulation.firehose.objects import Uploads, new_object
from tests.emulation.firehose.doubles import (
    Clock,
    FakeS3,
    Uuids,
    client_error,
    delivery_stream,
)

ARRIVAL = int(datetime(2026, 10, 5, 23, 59, 58, 999_000, tzinfo=UTC).timestamp() * 1000)


DELIVERED = Target()


def contents(data: bytes = b"line\n") -> Contents:
    return Contents(data, 1, ARRIVAL, {}, DELIVERED)


def key(held: Contents, **settings: Any) -> str:
    return new_object(delivery_stream(**settings), held, Uuids()).key


def test_a_key_is_prefix_stream_version_time_of_the_oldest_record_and_uuid() -> None:
    assert key(contents()) == (
        "landing/demand/2026/10/05/23/demand-1-2026-10-05-23-59-58-"
        "00000000-0000-4000-8000-000000000001"
    )


def test_a_compressed_object_ends_with_gz() -> None:
    assert key(contents(), CompressionFormat="GZIP").endswith("-000000000001.gz")


def test_a_configured_extension_is_used() -> None:
    assert key(contents(), FileExtension=".json").endswith("-000000000001.json")


def test_an_error_object_has_the_error_prefix() -> None:
    code = {"Lambda.MissingRecordId": 1}
    failed = Contents(b"{}\n", 1, ARRIVAL, code, Target("processing-failed"))
    assert key(failed).startswith("errors/demand/processing-failed/demand-1-")


def test_a_custom_time_zone_dates_the_prefix_and_the_name() -> None:
    assert key(contents(), CustomTimeZone="Asia/Tokyo").startswith(
        "landing/demand/2026/10/06/08/demand-1-2026-10-06-08-59-58-"
    )


def test_gzip_is_the_same_for_the_same_data_and_holds_it() -> None:
    stream = delivery_stream(CompressionFormat="GZIP")
    bodies = [new_object(stream, contents(b"data" * 99), Uuids()).body for _ in range(2)]
    assert bodies[0] == bodies[1]
    assert gzip.decompress(bodies[0]) == b"data" * 99
    assert bodies[0][4:8] == bytes(4)


def test_uncompressed_data_is_put_as_it_is() -> None:
    assert new_object(delivery_stream(), contents(b"a\nb\n"), Uuids()).body == b"a\nb\n"


def test_a_buffer_is_full_at_its_size_and_counts_from_zero_again() -> None:
    buffers = ObjectBuffers(BufferingHints(10, 300))
    assert buffers.add(DELIVERED, b"x" * 9, ARRIVAL, 0.0) is None
    full = buffers.add(DELIVERED, b"y", ARRIVAL, 0.0)
    assert full == Contents(b"x" * 9 + b"y", 2, ARRIVAL, {}, DELIVERED)
    assert (buffers.waiting, buffers.targets) == (0, frozenset())
    assert buffers.add(DELIVERED, b"x" * 9, ARRIVAL, 0.0) is None


def test_a_buffer_is_due_by_its_oldest_record_and_an_empty_one_never() -> None:
    buffers = ObjectBuffers(BufferingHints(10, 300))
    assert list(buffers.take_due(1e9)) == []
    buffers.add(DELIVERED, b"x", ARRIVAL, 1000.0)
    buffers.add(DELIVERED, b"y", ARRIVAL, 1299.0)
    assert list(buffers.take_due(1299.9)) == []
    assert [each.data for each in buffers.take_due(1300.0)] == [b"xy"]
    assert list(buffers.take_due(1e9)) == []


def test_a_buffers_object_is_dated_by_the_earliest_arrival_not_the_first_taken() -> None:
    buffers = ObjectBuffers(BufferingHints(10, 300))
    for arrival in (ARRIVAL, ARRIVAL - 5000, ARRIVAL + 5000):
        buffers.add(DELIVERED, b"x", arrival, 0.0)
    assert buffers.oldest_arrival_millis == ARRIVAL - 5000
    (held,) = buffers.take_all()
    assert held.oldest_arrival_millis == ARRIVAL - 5000


def test_each_target_has_a_buffer_of_its_own() -> None:
    buffers = ObjectBuffers(BufferingHints(10, 300))
    failed = Target("processing-failed")
    buffers.add(DELIVERED, b"x" * 6, ARRIVAL, 0.0)
    assert buffers.add(failed, b"y" * 6, ARRIVAL, 200.0, "Some.Code") is None
    assert buffers.targets == {DELIVERED, failed}
    assert [each.target for each in buffers.take_due(300.0)] == [DELIVERED]
    assert list(buffers.take_all()) == [Contents(b"y" * 6, 1, ARRIVAL, {"Some.Code": 1}, failed)]


def submitted(s3: FakeS3, clock: Clock, **settings: Any) -> Uploads:
    stream = delivery_stream(**settings)
    uploads = Uploads(s3, stream, clock)
    uploads.submit(new_object(stream, contents(), Uuids()))
    return uploads


def test_a_put_says_what_the_object_is() -> None:
    s3, clock = FakeS3(), Clock()
    submitted(s3, clock, CompressionFormat="GZIP").put_due()
    (put,) = s3.puts
    assert (put["ContentType"], put["ContentEncoding"]) == ("application/octet-stream", "gzip")
    assert "ServerSideEncryption" not in put


def test_a_put_is_encrypted_with_the_key_of_the_destination() -> None:
    s3, clock = FakeS3(), Clock()
    encryption = {"KMSEncryptionConfig": {"AWSKMSKeyARN": "arn:aws:kms:key"}}
    submitted(s3, clock, EncryptionConfiguration=encryption).put_due()
    (put,) = s3.puts
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", "arn:aws:kms:key")


@pytest.mark.parametrize(
    ("stored", "error"),
    [
        (False, client_error("PutObject", "SlowDown")),
        (False, client_error("PutObject", "AccessDenied")),
        (True, ReadTimeoutError(endpoint_url="http://s3")),
    ],
    ids=["refused", "denied", "answer lost"],
)
def test_a_failed_put_is_repeated_under_the_same_key_until_it_succeeds(
    stored: bool, error: Exception
) -> None:
    s3, clock = FakeS3(), Clock()
    s3.errors = [(stored, error)] * 3
    uploads = submitted(s3, clock)
    done = []
    for _ in range(100):
        done += uploads.put_due()
        clock.pause(0.1)
    assert len(done) == 1
    assert len(s3.puts) == 4
    assert len({put["Key"] for put in s3.puts}) == len(s3.objects) == 1
    assert uploads.retries == 3
    assert (uploads.records, uploads.blocked, uploads.last_error) == (0, False, None)


def test_a_failed_put_waits_longer_each_time_and_says_why() -> None:
    s3, clock = FakeS3(), Clock()
    s3.errors = [(False, client_error("PutObject", "AccessDenied"))] * 1000
    uploads = submitted(s3, clock)
    times = []
    for _ in range(4000):
        before = len(s3.puts)
        assert uploads.put_due() == []
        if len(s3.puts) > before:
            times.append(clock())
        clock.pause(0.1)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[0] < 0.5
    assert max(gaps) < 31
    assert all(later > earlier - 0.2 for earlier, later in pairwise(gaps))
    assert uploads.blocked and uploads.records == 1
    assert uploads.last_error is not None
    assert "s3://demand-capture/landing/demand/" in uploads.last_error
    assert "AccessDenied" in uploads.last_error
