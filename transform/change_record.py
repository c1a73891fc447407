"""A DynamoDB change record as Kinesis carries it, decoded and checked.

See docs/aws-contracts.md#dynamodb-change-records.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

EventName = Literal["INSERT", "MODIFY", "REMOVE"]


class NotAChangeRecord(Exception):
    """The bytes are no change record; ``reason`` says why in one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _AttributeValue(msgspec.Struct):
    S: str | None = None


class UserIdentity(msgspec.Struct):
    """Who made the change; DynamoDB itself where it expired an item."""

    type: str | None = None
    principalId: str | None = None


class Body(msgspec.Struct, kw_only=True):
    """What DynamoDB says of a change, without the images."""

    ApproximateCreationDateTime: int
    ApproximateCreationDateTimePrecision: Literal["MILLISECOND", "MICROSECOND"] | None = None
    Keys: dict[str, Any]
    SizeBytes: int | None = None

    @property
    def micros(self) -> int:
        """When the item changed, microseconds since 1970."""
        if self.ApproximateCreationDateTimePrecision == "MICROSECOND":
            return self.ApproximateCreationDateTime
        return self.ApproximateCreationDateTime * 1000


class _NewBody(Body):
    NewImage: dict[str, Any]


class _OldBody(Body):
    OldImage: dict[str, Any]


class Envelope(msgspec.Struct, kw_only=True):
    """A change record, without what DynamoDB says of the change."""

    eventID: str
    eventName: EventName
    tableName: str
    awsRegion: str | None = None
    eventSource: str | None = None
    recordFormat: str | None = None
    userIdentity: UserIdentity | None = None


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


def digits_as_they_stand(number: str) -> msgspec.Raw:
    """Return a JSON number's digits as JSON: the decoders' ``float_hook``.

    DynamoDB JSON has numbers as text. Where a malformed attribute has a JSON number all the same,
    a float would change its digits.
    """
    return msgspec.Raw(number.encode())


_new = msgspec.json.Decoder(_NewChange, float_hook=digits_as_they_stand)
_old = msgspec.json.Decoder(_OldChange, float_hook=digits_as_they_stand)


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
        images = msgspec.defstruct(
            "_Images",
            [("NewImage", typed_image | None, None), ("OldImage", typed_image | None, None)],
        )
        self._peek = msgspec.json.Decoder(
            msgspec.defstruct("_Peek", [("eventName", EventName), ("dynamodb", images)])
        )

    def glance(self, data: bytes) -> tuple[EventName, str | None]:
        """Return a change record's event, and the record type that its item names, if any.

        Looks at nothing else: three of four records are another function's, and whatever else may
        be wrong with those is for that function to say.

        Raises
        ------
        NotAChangeRecord
            The bytes are not JSON, no change record, or one without the image that its event has.
        """
        peek = _decode(self._peek, data)
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
            As `glance`, or a part of the envelope is missing or of the wrong type.
        """
        change: ChangeRecord = _decode(_old if event == "REMOVE" else _new, data)
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
