"""The Kinesis Producer Library's aggregated records: one Kinesis record, many user records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

_MAGIC = b"\xf3\x89\x9a\xc2"
_CHECKSUM_BYTES = 16

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_PARTITION_KEYS, _RECORDS = 1, 3
_PARTITION_KEY_INDEX, _DATA = 1, 3


@dataclass(frozen=True)
class UserRecord:
    """One record as a producer put it, before aggregation."""

    partition_key: str
    data: bytes
    subsequence_number: int


class _Malformed(ValueError):
    """The bytes are not the protobuf message they claim to be."""


def deaggregate(data: bytes, partition_key: str) -> tuple[UserRecord, ...]:
    """Return the user records in one Kinesis record, in order.

    A record that the KPL did not aggregate is the only user record. So is a record that begins
    with the KPL's four bytes but is not a valid aggregate, or an empty one: it must not be lost.

    Source: github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md;
    docs.aws.amazon.com/firehose/latest/dev/writing-with-kinesis-streams.html (Firehose
    de-aggregates before it calls the transform).
    """
    alone = (UserRecord(partition_key, data, 0),)
    if not data.startswith(_MAGIC) or len(data) < len(_MAGIC) + _CHECKSUM_BYTES:
        return alone
    message, checksum = data[len(_MAGIC) : -_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    if hashlib.md5(message, usedforsecurity=False).digest() != checksum:
        return alone
    try:
        return tuple(_user_records(message)) or alone
    except _Malformed:
        return alone


def _user_records(message: bytes) -> Iterator[UserRecord]:
    keys: list[str] = []
    records: list[bytes] = []
    for number, value in _fields(message):
        if number == _PARTITION_KEYS and isinstance(value, bytes):
            keys.append(_text(value))
        elif number == _RECORDS and isinstance(value, bytes):
            records.append(value)
    for place, record in enumerate(records):
        fields = dict(_fields(record))
        index, data = fields.get(_PARTITION_KEY_INDEX), fields.get(_DATA)
        if not isinstance(index, int) or not isinstance(data, bytes) or index >= len(keys):
            raise _Malformed("a record has no data, or no key")
        yield UserRecord(keys[index], data, place)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise _Malformed("a key is not UTF-8") from error


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 2**29:
            raise _Malformed(f"field number {number}")
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if kind == _BYTES:
            length, place = _varint(message, place)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise _Malformed(f"wire type {kind}")
        if place + length > len(message):
            raise _Malformed("a field ends after the message")
        yield number, message[place : place + length]
        place += length


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message) and shift < 64:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
    raise _Malformed("a number does not end")
