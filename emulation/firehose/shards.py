"""Reading a Kinesis stream as Amazon Data Firehose does: every shard, from LATEST."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from emulation.firehose.aggregation import deaggregate
from emulation.firehose.clients import KinesisClient
from emulation.firehose.errors import FirehoseError
from emulation.firehose.records import SourceRecord

_LOG = logging.getLogger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_RECORDS_A_CALL = 10_000
# Between two reads of a shard without news, as Firehose reads.
_LONGEST_PAUSE_SECONDS = 1.0


@dataclass
class _Shard:
    """One shard being read.

    ``position`` says, in GetShardIterator's terms, where to read when there is no iterator.
    """

    shard_id: str
    parents: frozenset[str]
    closed: bool
    position: Mapping[str, Any]
    iterator: str | None = None
    finished: bool = False
    at_tip: bool = False
    next_read: float = 0.0
    pause: float = 0.0
    error: str | None = None
    behind_millis: float = 0.0
    read_at: float | None = None


@dataclass(frozen=True)
class Reads:
    """How many reads Kinesis has answered so far, and how many of them it refused as too many."""

    total: int = 0
    throttled: int = 0


class StreamReader:
    """Reads the records of a stream that arrive after `start`, once each, in shard order.

    Parameters
    ----------
    kinesis
        A boto3 client with the credentials of the delivery stream's source role.
    stream_arn
        The stream to read.
    clock
        Returns the seconds since the epoch.
    read_interval
        Seconds between two reads of one shard. Firehose reads once a second. The default is
        shorter, because an emulator has no limit of five reads a second. While a shard has
        nothing new, the interval doubles with each read, up to Firehose's second.
    discovery_interval
        Seconds between two searches for new shards. The end of a shard also starts a search.

    Sources: docs.aws.amazon.com/firehose/latest/dev/writing-with-kinesis-streams.html;
    docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-after-resharding.html.
    """

    def __init__(
        self,
        kinesis: KinesisClient,
        stream_arn: str,
        *,
        clock: Callable[[], float],
        read_interval: float = 0.2,
        discovery_interval: float = 10.0,
    ) -> None:
        self._kinesis = kinesis
        self._stream_arn = stream_arn
        self._clock = clock
        self.read_interval = read_interval
        self._discovery_interval = discovery_interval
        self._next_discovery = 0.0
        self._must_discover = False
        self._shards: dict[str, _Shard] = {}
        self._listing_error: str | None = None
        self.reads = Reads()

    def start(self) -> None:
        """Note the current end of every shard. Records that arrive from now on will be read.

        Raises
        ------
        FirehoseError
            The stream is not active.
        botocore.exceptions.ClientError
            The stream does not exist, or the role may not read it.
        """
        status = self._kinesis.describe_stream(StreamARN=self._stream_arn, Limit=1)[
            "StreamDescription"
        ]["StreamStatus"]
        if status not in ("ACTIVE", "UPDATING"):
            raise FirehoseError(
                f"stream {self._stream_arn} is {status}; wait until it is ACTIVE, then start"
            )
        since = datetime.fromtimestamp(self._clock(), UTC)
        for listed in self._list_shards():
            shard = _shard(listed, {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": since})
            self._shards[shard.shard_id] = shard
            if shard.closed:
                shard.finished = True
            else:
                # LATEST is only the end at this moment. If the iterator expires before the first
                # record is read, the time of the start replaces it.
                shard.iterator = self._iterator(shard, {"ShardIteratorType": "LATEST"})
        self._next_discovery = self._clock() + self._discovery_interval

    def read(self) -> list[SourceRecord]:
        """Return the records of one GetRecords call on each shard that is due.

        An error of Kinesis is logged and kept as `last_error`. The shard is read again from the
        same position when it is due again. Like Firehose, this never gives up.

        Raises
        ------
        FirehoseError
            `start` was not called.
        """
        if not self._shards:
            raise FirehoseError(
                f"stream {self._stream_arn} is read before start(); call start() first"
            )
        records: list[SourceRecord] = []
        for shard in list(self._shards.values()):
            if not shard.finished and self._clock() >= shard.next_read and self._may_read(shard):
                started = self._clock()
                try:
                    records.extend(self._read_shard(shard))
                    shard.error = None
                except (ClientError, BotoCoreError) as error:
                    shard.error = self._failure(f"shard {shard.shard_id} cannot be read", error)
                longer = min(2 * shard.pause, _LONGEST_PAUSE_SECONDS) if shard.at_tip else 0.0
                shard.pause = max(longer, self.read_interval)
                shard.next_read = started + shard.pause
        if self._must_discover or self._clock() >= self._next_discovery:
            self._discover()
        return records

    def forget_tip(self) -> None:
        """Make `at_tip` false until every shard has been read to its end once more, from now on."""
        self._must_discover = True
        for shard in self._shards.values():
            shard.at_tip = False
            shard.next_read = shard.pause = 0.0

    @property
    def at_tip(self) -> bool:
        """Return whether the last read of every shard found nothing more, and no shard is new."""
        return not self._must_discover and all(
            shard.finished or shard.at_tip for shard in self._shards.values()
        )

    @property
    def behind_millis(self) -> float:
        """Return how far the reads are behind the end of the stream, in milliseconds.

        A shard that cannot be read gets further behind.
        """
        now = self._clock()
        return max(
            (
                shard.behind_millis + (now - shard.read_at) * 1000 * (shard.error is not None)
                for shard in self._shards.values()
                if shard.read_at is not None and not shard.finished
            ),
            default=0.0,
        )

    @property
    def last_error(self) -> str | None:
        """Return why some shard cannot be read now, or None if all can."""
        errors = (shard.error for shard in self._shards.values())
        return next((error for error in errors if error), self._listing_error)

    def _read_shard(self, shard: _Shard) -> list[SourceRecord]:
        if shard.iterator is None:
            shard.iterator = self._iterator(shard, shard.position)
        if shard.read_at is None:
            shard.read_at = self._clock()
        try:
            answer = self._kinesis.get_records(
                StreamARN=self._stream_arn, ShardIterator=shard.iterator, Limit=_RECORDS_A_CALL
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ExpiredIteratorException":
                shard.iterator = None
            throttled = code == "ProvisionedThroughputExceededException"
            self.reads = Reads(self.reads.total + 1, self.reads.throttled + throttled)
            raise
        self.reads = Reads(self.reads.total + 1, self.reads.throttled)
        shard.read_at = self._clock()
        shard.behind_millis = float(answer.get("MillisBehindLatest") or 0)
        records = [
            user_record
            for record in answer["Records"]
            for user_record in _user_records(shard.shard_id, record)
        ]
        if answer["Records"]:
            shard.position = {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "StartingSequenceNumber": answer["Records"][-1]["SequenceNumber"],
            }
        shard.iterator = answer.get("NextShardIterator")
        shard.at_tip = not answer["Records"] and not answer.get("MillisBehindLatest")
        # At the end of a closed shard, Kinesis gives no next iterator. An emulator may give one.
        if shard.iterator is None or (shard.closed and shard.at_tip):
            shard.finished = True
            self._must_discover = True
        return records

    def _may_read(self, shard: _Shard) -> bool:
        """Return whether the shard's parents, whose records are older, have been read."""
        return all(
            self._shards[parent].finished for parent in shard.parents if parent in self._shards
        )

    def _discover(self) -> None:
        try:
            listing = self._list_shards()
        except (ClientError, BotoCoreError) as error:
            self._listing_error = self._failure("its shards cannot be listed", error)
            return
        self._listing_error = None
        for listed in listing:
            shard = _shard(listed, {"ShardIteratorType": "TRIM_HORIZON"})
            known = self._shards.setdefault(shard.shard_id, shard)
            known.closed = shard.closed
        self._must_discover = False
        self._next_discovery = self._clock() + self._discovery_interval

    def _list_shards(self) -> list[Mapping[str, Any]]:
        answer = self._kinesis.list_shards(StreamARN=self._stream_arn)
        shards = list(answer["Shards"])
        while answer.get("NextToken"):
            # Kinesis refuses a token together with a stream, because the token names the stream.
            answer = self._kinesis.list_shards(NextToken=answer["NextToken"])
            shards.extend(answer["Shards"])
        return shards

    def _iterator(self, shard: _Shard, position: Mapping[str, Any]) -> str:
        answer = self._kinesis.get_shard_iterator(
            StreamARN=self._stream_arn, ShardId=shard.shard_id, **position
        )
        iterator: str = answer["ShardIterator"]
        return iterator

    def _failure(self, what: str, error: Exception) -> str:
        message = f"stream {self._stream_arn}: {what}: {error}"
        _LOG.warning("%s; trying again", message)
        return message


def _shard(listed: Mapping[str, Any], position: Mapping[str, Any]) -> _Shard:
    parents = (listed.get("ParentShardId"), listed.get("AdjacentParentShardId"))
    return _Shard(
        shard_id=listed["ShardId"],
        parents=frozenset(parent for parent in parents if parent),
        closed=bool(listed.get("SequenceNumberRange", {}).get("EndingSequenceNumber")),
        position=position,
    )


def _user_records(shard_id: str, record: Mapping[str, Any]) -> list[SourceRecord]:
    arrival: datetime = record["ApproximateArrivalTimestamp"]
    return [
        SourceRecord(
            data=user_record.data,
            shard_id=shard_id,
            sequence_number=record["SequenceNumber"],
            subsequence_number=user_record.subsequence_number,
            partition_key=user_record.partition_key,
            arrival_millis=(arrival - _EPOCH) // _MILLISECOND,
        )
        for user_record in deaggregate(record["Data"], record["PartitionKey"])
    ]
