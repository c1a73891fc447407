"""One record on its way through a delivery stream, and the record ID that Firehose gives it."""

from __future__ import annotations

from dataclasses import dataclass

# AWS's sequence numbers have 56 digits, begin with 49 and contain the shard; its record ids
# are a sequence number and the subsequence number in six digits.
_SEQUENCE_DIGITS = 56
_SUBSEQUENCE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A user record as read from the stream, after de-aggregation.

    ``arrival_millis`` is the approximate arrival at Kinesis, in milliseconds since the epoch.
    """

    data: bytes
    shard_id: str
    sequence_number: str
    subsequence_number: int
    partition_key: str
    arrival_millis: int

    @property
    def record_id(self) -> str:
        """Return the id that the transform function must give back."""
        sequence = self.sequence_number
        if len(sequence) < _SEQUENCE_DIGITS:
            # An emulator may count from 1 in every shard. Without the shard, two records of one
            # batch could have the same ID.
            shard = self.shard_id.rpartition("-")[2].zfill(12)
            sequence = f"49{shard}{sequence.zfill(_SEQUENCE_DIGITS - 2 - len(shard))}"
        return f"{sequence}{self.subsequence_number:0{_SUBSEQUENCE_DIGITS}d}"
