"""Records into a Kinesis data stream, batch by batch, each one accepted or accounted for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

# https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
_MOST_RECORDS = 500
_MOST_BYTES = 10 * 1024 * 1024
_DEFAULT_RECORD_KIB = 1024
_ATTEMPTS = 8


@dataclass(frozen=True)
class StreamRecord:
    """One record on its way into the stream: bytes, partition key, and where it came from."""

    data: bytes
    partition_key: str
    origin: str


@dataclass
class Fed:
    """What became of the records: how many the stream took, and where the refused ones came from.

    DynamoDB itself skips a record that is larger than the stream allows
    (``FailedToReplicateRecordCount``); so does this, and says so.
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
    """Put records into a stream in their order and return what became of them.

    Parameters
    ----------
    kinesis
        boto3's client.
    stream_name
        The stream.
    records
        Any number; no more than a batch is held at a time.
    progress
        Called after each batch.
    sleep
        Waits so many seconds.

    Raises
    ------
    RuntimeError
        The stream goes on throttling.
    """
    summary = kinesis.describe_stream_summary(StreamName=stream_name)["StreamDescriptionSummary"]
    most = summary.get("MaxRecordSizeInKiB", _DEFAULT_RECORD_KIB) * 1024
    fed = Fed()

    def fitting() -> Iterator[StreamRecord]:
        for record in records:
            size = len(record.data) + len(record.partition_key.encode())
            if size > most:
                fed.refused.append(
                    f"{record.origin}: {size:,} bytes, the stream takes at most {most:,}"
                )
            else:
                yield record

    for batch in _batches(fitting()):
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
        length = len(record.data) + len(record.partition_key.encode())
        if batch and (len(batch) == _MOST_RECORDS or size + length > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += length
    if batch:
        yield batch


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
    raise RuntimeError(
        f"the stream {stream_name} did not take {len(left)} records in {_ATTEMPTS} attempts: "
        "give it more shards, or feed more slowly"
    )
