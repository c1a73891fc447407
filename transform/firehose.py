"""Reads Firehose's event and writes the answer, as bytes. Decodes only what the transform needs.

See docs/aws-contracts.md#firehose-transformation.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec
from pybase64 import b64decode, b64encode

# Lambda refuses an answer above 6 MB, and Firehose then fails the whole batch.
# https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
PAYLOAD_LIMIT = 6 * 1024 * 1024

# The JSON around an answer's texts as the managed runtime writes it, with the longest result. It is
# longer than what this module writes, and the limit must hold for both.
_AROUND_ANSWERS = len('{"records": []}')
_AROUND_ANSWER = len('{"recordId": , "result": "ProcessingFailed"}, ')

_ID = b'{"recordId":'
_OK = b',"result":"Ok","data":"'
_WITHOUT_DATA = {
    "Dropped": b',"result":"Dropped"},',
    "ProcessingFailed": b',"result":"ProcessingFailed"},',
}


class FirehoseRecord(msgspec.Struct, rename="camel", gc=False):
    """One record of an event: its data and metadata as JSON, not yet looked at."""

    record_id: str
    data: msgspec.Raw = msgspec.Raw()
    kinesis_record_metadata: msgspec.Raw = msgspec.Raw()

    def bytes(self) -> bytes:
        """Return the record's data.

        Raises
        ------
        ValueError
            The data is not base64.
        """
        text = memoryview(self.data)
        try:
            if text[0] == _QUOTE:
                return b64decode(text[1:-1], None, True)
        except (IndexError, ValueError):
            pass
        # Not a text, or a text with escapes: JSON may escape a slash, or any character.
        return b64decode(_text.decode(self.data), None, True)

    @property
    def sequence_number(self) -> str | None:
        """The record's sequence number in the Kinesis stream, if the event has one."""
        try:
            return _metadata.decode(self.kinesis_record_metadata).sequence_number
        except msgspec.DecodeError:
            return None

    @property
    def arrived(self) -> int | None:
        """When Kinesis received it, in milliseconds since 1970, if the event says so.

        It is the same for everybody who reads the record.
        """
        try:
            return _arrival.decode(self.kinesis_record_metadata).approximate_arrival_timestamp
        except msgspec.DecodeError:
            return None

    @property
    def shard_id(self) -> str | None:
        """The shard of the Kinesis stream that has the record, if the event names it."""
        try:
            return _place.decode(self.kinesis_record_metadata).shard_id
        except msgspec.DecodeError:
            return None


class FirehoseEvent(msgspec.Struct, rename="camel"):
    """A transformation event.

    Source: https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
    """

    records: list[FirehoseRecord]
    invocation_id: str | None = None


class _Metadata(msgspec.Struct, rename="camel"):
    sequence_number: str | None = None


class _Place(msgspec.Struct, rename="camel"):
    shard_id: str | None = None


class _Arrival(msgspec.Struct, rename="camel"):
    approximate_arrival_timestamp: int | None = None


_QUOTE = ord('"')
_text = msgspec.json.Decoder(str)
_metadata = msgspec.json.Decoder(_Metadata)
_place = msgspec.json.Decoder(_Place)
_arrival = msgspec.json.Decoder(_Arrival)
_event = msgspec.json.Decoder(FirehoseEvent)


def read_event(payload: bytes) -> FirehoseEvent:
    """Return the event that an invocation's payload holds.

    Raises
    ------
    msgspec.DecodeError
        The payload is not such an event. The invocation then fails, and Firehose retries it.
    """
    return _event.decode(payload)


class EndOfData(msgspec.Struct, frozen=True):
    """What follows the data of an ``Ok`` answer.

    Parameters
    ----------
    text
        What this module writes.
    size
        Number of bytes that the managed runtime writes for it and for the name of the data.
    """

    text: bytes
    size: int


def end_of_data(partition_keys: dict[str, str] | None = None) -> EndOfData:
    """Return what follows the data of an answer.

    Parameters
    ----------
    partition_keys
        The record's keys by name, if the delivery stream has dynamic partitioning.
        https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-partitioning-keys.html
    """
    members: dict[str, Any] = {"data": ""}
    if partition_keys is not None:
        members["metadata"] = {"partitionKeys": partition_keys}
    text = msgspec.json.encode(members).removeprefix(b'{"data":"') + b","
    return EndOfData(text, len(", ") + len(json.dumps(members)) - len("{}"))


class Answer:
    """Collects the answers of a batch, one for each record, in order, within the payload limit.

    See docs/design.md#the-transform.

    Parameters
    ----------
    record_ids
        The ids of the whole batch. Space for an answer without data is reserved for each.
    limit
        Maximum size of the answer as JSON, in bytes.
    """

    def __init__(self, record_ids: list[str], limit: int = PAYLOAD_LIMIT) -> None:
        ids = [_quoted(each) for each in record_ids]
        self._left = limit - _AROUND_ANSWERS - _AROUND_ANSWER * len(ids) - sum(map(len, ids))
        self._ids = iter(ids)
        self._pieces = [b'{"records":[']

    def ok(self, line: bytes, end: EndOfData) -> bool:
        """Answer the next record ``Ok`` with a line of data if it fits; return whether it did."""
        data = b64encode(line)
        needed = end.size + len(data)
        if needed > self._left:
            return False
        self._left -= needed
        self._pieces += (_ID, next(self._ids), _OK, data, end.text)
        return True

    def without_data(self, result: Literal["Dropped", "ProcessingFailed"]) -> None:
        """Answer the next record without data."""
        self._pieces += (_ID, next(self._ids), _WITHOUT_DATA[result])

    def to_json(self) -> bytes:
        """Return the answer as the invocation's response payload."""
        if len(self._pieces) > 1:
            # No comma after the last one.
            self._pieces[-1] = self._pieces[-1][:-1]
        return b"".join([*self._pieces, b"]}"])


def _quoted(text: str) -> bytes:
    # Firehose's ids are ASCII and need no escapes. Any other id is encoded.
    return (f'"{text}"' if text.isalnum() and text.isascii() else json.dumps(text)).encode()
