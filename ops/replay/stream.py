"""Reads again what a Kinesis stream still holds, and keeps the rows that it becomes on local disk.

It needs ``kinesis:ListShards``, ``kinesis:GetShardIterator`` and ``kinesis:GetRecords`` on the
stream (https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from botocore.exceptions import ClientError

from avro_writer.outputs import partition_date
from ops.errors import ReplayError
from ops.failed.current import NowFails, NowRow, transformed
from transform.batch import Transform

# A shard allows five reads a second, and each delivery stream uses one of them.
_READ_EVERY_SECONDS = 1.0
_RECORDS_A_READ = 10_000
_THROTTLED = "ProvisionedThroughputExceededException"


@dataclass(frozen=True)
class StreamRecord:
    """A record of the stream."""

    data: bytes
    sequence_number: str
    arrived: datetime


def read_stream(
    kinesis: Any,
    stream_name: str,
    since: datetime,
    until: datetime,
    progress: Callable[[float], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[list[StreamRecord]]:
    """Yield what arrived in a stream in a time, in its shards' order; closed shards, too.

    Parameters
    ----------
    kinesis
        boto3's client.
    stream_name
        The stream.
    since, until
        The time, aware. What is older than the stream's retention is not there any more.
    progress
        Called with the share that was read, 0 to 1.
    sleep
        Waits so many seconds.

    Raises
    ------
    ReplayError
        There is no such stream.
    """
    shards = _shards(kinesis, stream_name)
    length = max((until - since).total_seconds(), 1.0)
    for number, shard in enumerate(shards):
        iterator = kinesis.get_shard_iterator(
            StreamName=stream_name,
            ShardId=shard,
            ShardIteratorType="AT_TIMESTAMP",
            Timestamp=since,
        )["ShardIterator"]
        while iterator:
            started = time.monotonic()
            try:
                answer = kinesis.get_records(ShardIterator=iterator, Limit=_RECORDS_A_READ)
            except ClientError as error:
                if error.response["Error"]["Code"] != _THROTTLED:
                    raise
                sleep(_READ_EVERY_SECONDS)
                continue
            found = [
                StreamRecord(
                    each["Data"],
                    each["SequenceNumber"],
                    each["ApproximateArrivalTimestamp"].astimezone(UTC),
                )
                for each in answer["Records"]
            ]
            wanted = [each for each in found if each.arrived <= until]
            if wanted:
                yield wanted
            behind = timedelta(milliseconds=answer.get("MillisBehindLatest", 0))
            if len(wanted) < len(found) or not behind:
                break
            iterator = answer.get("NextShardIterator")
            read = 1 - min(behind.total_seconds() / length, 1.0)
            progress((number + read) / len(shards))
            sleep(max(0.0, _READ_EVERY_SECONDS - (time.monotonic() - started)))
        progress((number + 1) / len(shards))


def _shards(kinesis: Any, stream_name: str) -> list[str]:
    found: list[str] = []
    arguments: dict[str, str] = {"StreamName": stream_name}
    try:
        while True:
            answer = kinesis.list_shards(**arguments)
            found += [each["ShardId"] for each in answer["Shards"]]
            if not answer.get("NextToken"):
                return found
            arguments = {"NextToken": answer["NextToken"]}
    except kinesis.exceptions.ResourceNotFoundException:
        raise ReplayError(
            f"there is no Kinesis stream {stream_name}: check stream_name of the stack"
        ) from None


@dataclass
class Spool:
    """The rows of one record type on local disk, a file for each partition date.

    Parameters
    ----------
    folder
        An empty folder.
    dates
        Rows by partition date.
    failed
        Records that the current transform fails, by reason.
    """

    folder: Path
    dates: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def add(self, transform: Transform, records: Sequence[StreamRecord]) -> None:
        """Keep the rows that records of the stream become."""
        files: dict[str, BinaryIO] = {}
        try:
            for now in transformed(
                transform, [(each.data, each.sequence_number) for each in records]
            ):
                if isinstance(now, NowFails):
                    self.failed[now.reason] += 1
                if not isinstance(now, NowRow):
                    continue
                date = partition_date(_identified.decode(now.line).changed_at)
                self.dates[date] += 1
                if date not in files:
                    files[date] = self._path(date).open("ab")
                files[date].write(now.line + b"\n")
        finally:
            for each in files.values():
                each.close()

    def rows(self, date: str, most: int) -> Iterator[dict[str, bytes]]:
        """Yield the landed lines of a date by ``change_id``, at most so many at once."""
        rows: dict[str, bytes] = {}
        with self._path(date).open("rb") as file:
            for line in file:
                change_id = str(_identified.decode(line).change_id)
                rows[change_id] = line.rstrip(b"\n")
                if len(rows) >= most:
                    yield rows
                    rows = {}
        if rows:
            yield rows

    def _path(self, date: str) -> Path:
        return self.folder / f"{date}.jsonl"


class _Identified(msgspec.Struct):
    change_id: str
    changed_at: int


_identified = msgspec.json.Decoder(_Identified)
