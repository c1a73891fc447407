"""A DynamoDB change record as Kinesis carries it, decoded and checked.

See docs/aws-contracts.md#dynamodb-change-records.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

EventName = Literal["INSERT", "MODIFY", "REMOVE"]

# 2012-01-01, the month in which DynamoDB was announced, in milliseconds since 1970.
_DYNAMODB_BEGAN = 1_325_376_000_000


class NotAChangeRecord(Exception):
    """The bytes are no change record; ``reason`` says why in one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _AttributeValue(msgspec.Struct):
    S: str | None = None


class Body(msgspec.Struct, kw_only=True):
    """What DynamoDB says of a change, without the images."""

    ApproximateCreationDateTime: int
    ApproximateCreationDateTimePrecision: Literal["MILLISECOND", "MICROSECOND"] | None = None
    Keys: dict[str, Any]

    @property
    def micros(self) -> int:
        """When the item changed, microseconds since 1970.

        A record without a precision is of the years in which DynamoDB did not write one yet: its
        time is in milliseconds.

        Raises
        ------
        NotAChangeRecord
            There is no precision, and as milliseconds the time is before there was a DynamoDB. The
            number is then of another unit, and nothing says of which.
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
    """A change record, without what DynamoDB says of the change."""

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
    """What a record of a DynamoDB stream has, and a change record in Kinesis has not."""

    dynamodb: _StreamsBody
    eventSourceARN: msgspec.Raw | UnsetType = UNSET
    eventVersion: msgspec.Raw | UnsetType = UNSET


def digits_as_they_stand(number: str) -> msgspec.Raw:
    """Return a JSON number's digits as JSON: the decoders' ``float_hook``.

    DynamoDB JSON has numbers as text. Where a malformed attribute has a JSON number all the same,
    a float would change its digits.
    """
    return msgspec.Raw(number.encode())


_new = msgspec.json.Decoder(_NewChange, float_hook=digits_as_they_stand)
_old = msgspec.json.Decoder(_OldChange, float_hook=digits_as_they_stand)
_streams = msgspec.json.Decoder(_StreamsRecord)


def is_of_dynamodb_streams(data: bytes) -> bool:
    """Say whether JSON is a record of a DynamoDB stream, by what the record itself has.

    Such a record, forwarded into Kinesis, looks like a change record, but its time is in seconds.
    A record that says its time's precision is none, whatever else it has.
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
    """Say whether the one who removed an item is DynamoDB's time to live.

    Parameters
    ----------
    identity
        A change record's ``userIdentity``. Its members are spelt ``type`` and ``principalId`` in
        Kinesis, ``Type`` and ``PrincipalId`` in the API of DynamoDB Streams; whatever else it may
        be is nobody.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
    """
    if not isinstance(identity, dict):
        return False
    kinds = (identity.get("type"), identity.get("Type"))
    names = (identity.get("principalId"), identity.get("PrincipalId"))
    return "Service" in kinds and "dynamodb.amazonaws.com" in names


class _Event(msgspec.Struct):
    eventName: EventName


_event = msgspec.json.Decoder(_Event)


def _peek(*images: tuple[str, Any, None]) -> msgspec.json.Decoder[Any]:
    """Return a decoder of a change record's event, and of as much as these say of its images."""
    body = msgspec.defstruct("_Images", images)
    return msgspec.json.Decoder(msgspec.defstruct("_Peek", [("dynamodb", body)], bases=(_Event,)))


class ChangeRecordReader:
    """Reads change records of tables whose items name their type in one attribute.

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

        Looks at nothing else: three of four records are another function's, and whatever else may
        be wrong with those is for that function to say.

        Raises
        ------
        NotAChangeRecord
            The bytes are not JSON, no change record, or one without the image that its event has.
        """
        try:
            peek = _decode(self._peek, data)
        except NotAChangeRecord:
            # It may be the image that does not count which is not as it should be.
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
            What `glance` said of it.

        Raises
        ------
        NotAChangeRecord
            As `glance`, or a part of the envelope is missing or of the wrong type, or the record is
            one of DynamoDB Streams.
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
