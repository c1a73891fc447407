"""Batching records by size and time, with each event within Lambda's payload limit."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emulation.firehose.description import BufferingHints
from emulation.firehose.records import SourceRecord

# Lambda refuses a larger request: "Request must be smaller than 6291456 bytes for the
# InvokeFunction operation". docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
# says "6 MB each for request and response".
MAX_EVENT_BYTES = 6 * 1024 * 1024 - 1

_INVOCATION_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Envelope:
    """The fields of an event that describe the delivery stream."""

    source_stream_arn: str
    delivery_stream_arn: str
    region: str

    def event(self, invocation_id: str, encoded: Sequence[bytes]) -> bytes:
        """Return the JSON event of one invocation from records encoded by `encode`.

        Source: docs.aws.amazon.com/lambda/latest/dg/services-kinesisfirehose.html.
        """
        head = json.dumps(
            {
                "invocationId": invocation_id,
                "sourceKinesisStreamArn": self.source_stream_arn,
                "deliveryStreamArn": self.delivery_stream_arn,
                "region": self.region,
            },
            separators=(",", ":"),
        )
        return b'%s,"records":[%s]}' % (head[:-1].encode(), b",".join(encoded))


def encode(record: SourceRecord) -> bytes:
    """Return ``record`` in the JSON form that an event contains."""
    return json.dumps(
        {
            "recordId": record.record_id,
            "approximateArrivalTimestamp": record.arrival_millis,
            "data": base64.b64encode(record.data).decode(),
            "kinesisRecordMetadata": {
                "sequenceNumber": record.sequence_number,
                "subsequenceNumber": record.subsequence_number,
                "partitionKey": record.partition_key,
                "shardId": record.shard_id,
                "approximateArrivalTimestamp": record.arrival_millis,
            },
        },
        separators=(",", ":"),
    ).encode()


@dataclass(frozen=True)
class Batch:
    """The records of one invocation, with their encoded form, in order."""

    records: tuple[SourceRecord, ...]
    encoded: tuple[bytes, ...]


class BatchAssembler:
    """Collects records until a batch is full or old enough.

    AWS treats the buffer size as a hint, in MB of record data. It does not document how the
    event of many small records, which is mostly metadata, stays below Lambda's limit. Here
    such a batch is closed early.
    """

    def __init__(
        self, envelope: Envelope, hints: BufferingHints, *, max_event_bytes: int = MAX_EVENT_BYTES
    ) -> None:
        self._hints = hints
        self._room = max_event_bytes - len(envelope.event(_INVOCATION_ID, ()))
        self._records: list[SourceRecord] = []
        self._encoded: list[bytes] = []
        self._data_bytes = 0
        self._encoded_bytes = 0
        self._oldest = 0.0

    @property
    def waiting(self) -> int:
        """Return how many records wait."""
        return len(self._records)

    @property
    def oldest_arrival_millis(self) -> int | None:
        """Return when the oldest record that waits arrived; None if none waits."""
        return min((each.arrival_millis for each in self._records), default=None)

    def can_hold(self, encoded: bytes) -> bool:
        """Return whether an event with this record alone would be within the limit."""
        return len(encoded) <= self._room

    def add(self, record: SourceRecord, encoded: bytes, now: float) -> Iterator[Batch]:
        """Add one record, and yield the batches that it completes (none, one or two).

        ``now`` is in seconds. The record must be one that `can_hold` accepts.
        """
        if self._records and (
            self._data_bytes + len(record.data) > self._hints.size_bytes
            or self._encoded_bytes + len(b",") + len(encoded) > self._room
        ):
            yield self.close()
        if not self._records:
            self._oldest = now
        self._encoded_bytes += len(encoded) + (len(b",") if self._records else 0)
        self._data_bytes += len(record.data)
        self._records.append(record)
        self._encoded.append(encoded)
        if self._data_bytes >= self._hints.size_bytes:
            yield self.close()

    def due(self, now: float) -> bool:
        """Return whether the oldest waiting record has waited for the interval."""
        return bool(self._records) and now - self._oldest >= self._hints.interval_seconds

    def close(self) -> Batch:
        """Return the waiting records as a batch, and begin the next one."""
        batch = Batch(tuple(self._records), tuple(self._encoded))
        self._records, self._encoded = [], []
        self._data_bytes = self._encoded_bytes = 0
        return batch
