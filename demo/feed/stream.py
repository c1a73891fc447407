"""Puts records into a Kinesis data stream in batches, and reports those that it refuses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from console.errors import CommandError

# https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
_MOST_RECORDS = 500
# AWS accepts larger requests since it introduced large records. Emulators keep the earlier limit.
_MOST_BYTES = 5 * 1024 * 1024
_LARGE_BYTES = 1024 * 1024
# What a stream takes unless its owner raises it, data and partition key together.
# https://docs.aws.amazon.com/streams/latest/dev/large-records.html
_DEFAULT_RECORD_BYTES = 1024 * 1024
_ATTEMPTS = 8
_REFUSALS = ("InvalidArgumentException", "ValidationException")


class FeedError(CommandError):
    """The stream does not accept records."""


@dataclass(frozen=True)
class StreamRecord:
    """A record for the stream: its bytes, its partition key and its origin."""

    data: bytes
    partition_key: str
    origin: str


@dataclass
class Fed:
    """How many records the stream accepted, and the origin of each refused one.

    DynamoDB itself skips a record that is larger than the stream allows
    (``FailedToReplicateRecordCount``). `feed` does the same and reports it.
    """

    accepted: int = 0
    bytes: int = 0
    refused: list[str] = field(default_factory=list)


def feed(
    kinesis: Any,
    stream_name: str,
    records: Iterable[StreamRecord],
    progress: Callable[[Fed], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Fed:
    """Put records into a stream in order; return how many it accepted, and those it refused.

    Parameters
    ----------
    kinesis
        boto3's client.
    stream_name
        The stream.
    records
        Any number. At most one batch is in memory.
    progress
        Called after each batch.
    sleep
        Waits for a number of seconds.

    Raises
    ------
    FeedError
        The stream still throttles after all attempts.
    """
    summary = kinesis.describe_stream_summary(StreamName=stream_name)["StreamDescriptionSummary"]
    kibibytes = summary.get("MaxRecordSizeInKiB")
    most = kibibytes * 1024 if kibibytes else _DEFAULT_RECORD_BYTES
    fed = Fed()
    for batch in _batches(records):
        if len(batch) == 1:
            refusal = _put_large(kinesis, stream_name, batch[0], most)
            if refusal:
                fed.refused.append(f"{batch[0].origin}: {refusal}")
                continue
        else:
            _put(kinesis, stream_name, batch, sleep)
        fed.accepted += len(batch)
        fed.bytes += sum(len(record.data) for record in batch)
        if progress:
            progress(fed)
    return fed


def _batches(records: Iterable[StreamRecord]) -> Iterator[list[StreamRecord]]:
    batch: list[StreamRecord] = []
    size = 0
    for record in records:
        length = _size(record)
        large = length > _LARGE_BYTES
        if batch and (large or len(batch) == _MOST_RECORDS or size + length > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        if large:
            yield [record]
            continue
        batch.append(record)
        size += length
    if batch:
        yield batch


def _size(record: StreamRecord) -> int:
    return len(record.data) + len(record.partition_key.encode())


def _put_large(kinesis: Any, stream_name: str, record: StreamRecord, most: int) -> str | None:
    """Put a record that may be too large; return the reason if the stream refuses it."""
    if _size(record) > most:
        return f"{_size(record):,} bytes, but the stream accepts at most {most:,}"
    try:
        kinesis.put_record(
            StreamName=stream_name, Data=record.data, PartitionKey=record.partition_key
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in _REFUSALS:
            raise
        return error.response["Error"]["Message"]
    return None


def _put(
    kinesis: Any, stream_name: str, batch: list[StreamRecord], sleep: Callable[[float], None]
) -> None:
    left = batch
    for attempt in range(_ATTEMPTS):
        answer = kinesis.put_records(
            StreamName=stream_name,
            Records=[{"Data": each.data, "PartitionKey": each.partition_key} for each in left],
        )
        results = answer["Records"]
        left = [each for each, result in zip(left, results, strict=True) if result.get("ErrorCode")]
        if not left:
            return
        sleep(0.05 * 2**attempt)
    raise FeedError(
        f"the stream {stream_name} did not accept {len(left)} records in {_ATTEMPTS} attempts: "
        "give it more shards, or feed more slowly"
    )
