"""Decodes and checks a DynamoDB change record from Kinesis.

See docs/aws-contracts.md#dynamodb-change-records.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

EventName = Literal["INSERT", "MODIFY", "REMOVE"]

# Of an identifier that may be logged: what is longer is something else.
_MOST_ID_CHARACTERS = 64

# 2012-01-01, the month in which DynamoDB was announced, in milliseconds since 1970.
_DYNAMODB_BEGAN = 1_325_376_000_000


class NotAChangeRecord(Exception):
    """The bytes are not a change record; ``reason`` says why in one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _AttributeValue(msgspec.Struct):
    S: str | None = None


class Body(msgspec.Struct, kw_only=True):
    """The member ``dynamodb`` of a change record, without the images."""

    ApproximateCreationDateTime: int
    ApproximateCreationDateTimePrecision: Literal["MILLISECOND", "MICROSECOND"] | None = None
    Keys: dict[str, Any]

    @property
    def micros(self) -> int:
        """When the item changed, microseconds since 1970.

        DynamoDB did not write a precision in its first years. The time of such a record is in
        milliseconds.

        Raises
        ------
        NotAChangeRecord
            There is no precision, and the time in milliseconds is before DynamoDB existed. The
            number then has another, unknown unit.
        """
        number = self.ApproximateCreationDateTime
        precision = self.ApproximateCreationDateTimePrecision
        if precision == "MICROSECOND":
            return number
        if precision is None and number < _DYNAMODB_BEGAN:
            raise NotAChangeRecord("change_time_out_of_range")
        return number * 1000


class _NewBody(Body):
    NewImage: dict[str, Any]


class _OldBody(Body):
    OldImage: dict[str, Any]


class Envelope(msgspec.Struct, kw_only=True):
    """A change record without its member ``dynamodb``."""

    eventID: str
    eventName: EventName
    tableName: str
    userIdentity: Any = None


class _NewChange(Envelope):
    dynamodb: _NewBody

    @property
    def image(self) -> dict[str, Any]:
        return self.dynamodb.NewImage


class _OldChange(Envelope):
    dynamodb: _OldBody

    @property
    def image(self) -> dict[str, Any]:
        return self.dynamodb.OldImage


ChangeRecord = _NewChange | _OldChange


class _StreamsBody(msgspec.Struct):
    ApproximateCreationDateTimePrecision: Any = None
    SequenceNumber: msgspec.Raw | UnsetType = UNSET
    StreamViewType: msgspec.Raw | UnsetType = UNSET


class _StreamsRecord(msgspec.Struct):
    """The members that a record of a DynamoDB stream has and a change record in Kinesis lacks."""

    dynamodb: _StreamsBody
    eventSourceARN: msgspec.Raw | UnsetType = UNSET
    eventVersion: msgspec.Raw | UnsetType = UNSET


def digits_as_they_stand(number: str) -> msgspec.Raw:
    """Return a JSON number unchanged: the decoders' ``float_hook``.

    DynamoDB JSON writes numbers as text. If a malformed attribute has a JSON number, a float would
    change its digits.
    """
    return msgspec.Raw(number.encode())


_new = msgspec.json.Decoder(_NewChange, float_hook=digits_as_they_stand)
_old = msgspec.json.Decoder(_OldChange, float_hook=digits_as_they_stand)
_streams = msgspec.json.Decoder(_StreamsRecord)


def is_of_dynamodb_streams(data: bytes) -> bool:
    """Return whether JSON is a record of a DynamoDB stream.

    Such a record, forwarded into Kinesis, looks like a change record, but its time is in seconds.
    A record that gives the precision of its time is never one.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html

    Parameters
    ----------
    data
        A record that `ChangeRecordReader.glance` could read.
    """
    try:
        record = _streams.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    body = record.dynamodb
    marks = (body.SequenceNumber, body.StreamViewType, record.eventSourceARN, record.eventVersion)
    return body.ApproximateCreationDateTimePrecision is None and any(
        mark is not UNSET for mark in marks
    )


def expired_by_ttl(identity: Any) -> bool:
    """Return whether DynamoDB's time to live removed an item.

    Parameters
    ----------
    identity
        A change record's ``userIdentity``. Its members are spelt ``type`` and ``principalId`` in
        Kinesis, ``Type`` and ``PrincipalId`` in the API of DynamoDB Streams. For any other value
        the answer is no.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
    """
    if not isinstance(identity, dict):
        return False
    kinds = (identity.get("type"), identity.get("Type"))
    names = (identity.get("principalId"), identity.get("PrincipalId"))
    return "Service" in kinds and "dynamodb.amazonaws.com" in names


class _Identified(msgspec.Struct):
    eventID: Annotated[str, msgspec.Meta(max_length=_MOST_ID_CHARACTERS)]


_identified = msgspec.json.Decoder(_Identified)


def event_id_of(data: bytes) -> str | None:
    """Return the identifier of a change record, whatever else is wrong with it, if it has one."""
    try:
        return _identified.decode(data).eventID
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class _Event(msgspec.Struct):
    eventName: EventName


_event = msgspec.json.Decoder(_Event)


def _peek(*images: tuple[str, Any, None]) -> msgspec.json.Decoder[Any]:
    """Return a decoder of a change record's event and of these fields of its images."""
    body = msgspec.defstruct("_Images", images)
    return msgspec.json.Decoder(msgspec.defstruct("_Peek", [("dynamodb", body)], bases=(_Event,)))


class ChangeRecordReader:
    """Reads change records of a table whose items name their record type in one attribute.

    Parameters
    ----------
    type_attribute
        Name of the item's attribute that holds its record type, as text.
    """

    def __init__(self, type_attribute: str) -> None:
        typed_image = msgspec.defstruct(
            "_TypedImage",
            [("type", _AttributeValue | None, None)],
            rename={"type": type_attribute},
        )
        images = [(name, typed_image | None, None) for name in ("NewImage", "OldImage")]
        self._peek = _peek(*images)
        self._peek_new, self._peek_old = map(_peek, images)

    def glance(self, data: bytes) -> tuple[EventName, str | None]:
        """Return a change record's event, and the record type that its item names, if any.

        Nothing else is decoded: most records belong to another record type's function, and that
        function reports what else is wrong with them.

        Raises
        ------
        NotAChangeRecord
            The bytes are not JSON or not a change record, or the event's image is missing.
        """
        try:
            peek = _decode(self._peek, data)
        except NotAChangeRecord:
            # The malformed image may be the one that this event does not use.
            event = _decode(_event, data).eventName
            peek = _decode(self._peek_old if event == "REMOVE" else self._peek_new, data)
        image = peek.dynamodb.OldImage if peek.eventName == "REMOVE" else peek.dynamodb.NewImage
        if image is None:
            raise NotAChangeRecord("no_image")
        return peek.eventName, image.type.S if image.type is not None else None

    @staticmethod
    def read(data: bytes, event: EventName) -> ChangeRecord:
        """Return the whole change record, with the image that its row comes from.

        Parameters
        ----------
        data
            The change record.
        event
            The event that `glance` returned.

        Raises
        ------
        NotAChangeRecord
            As `glance`, or a part of the envelope is missing or has the wrong type, or the record
            comes from DynamoDB Streams.
        """
        try:
            change: ChangeRecord = _decode(_old if event == "REMOVE" else _new, data)
        except NotAChangeRecord:
            if is_of_dynamodb_streams(data):
                raise NotAChangeRecord("dynamodb_streams_record") from None
            raise
        unit = change.dynamodb.ApproximateCreationDateTimePrecision
        if unit is None and is_of_dynamodb_streams(data):
            raise NotAChangeRecord("dynamodb_streams_record")
        return change


def _decode(decoder: msgspec.json.Decoder[Any], data: bytes) -> Any:
    try:
        return decoder.decode(data)
    except msgspec.ValidationError:
        raise NotAChangeRecord("not_a_change_record") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotAChangeRecord("not_json") from None
    except RecursionError:
        raise NotAChangeRecord("nested_too_deeply") from None
