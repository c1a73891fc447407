"""Makes rows of most records fast, with decoders and a function generated for each table.

This is the transform's hot path. A record is decoded directly into the types of its columns, and
generated code makes the rows of some dozens of records, column by column. No attribute becomes a
dictionary first. `transform.row` handles every record that does not fit the types: one with a new
attribute without a column, with a value that does not fit its column, or a broken one. Both modules
make the same bytes; the tests compare them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

import msgspec
from msgspec import UNSET

from schemas import Table
from schemas.columns import MAX_MILLIS, MIN_MILLIS
from transform.change_record import (
    Body,
    ChangeRecordReader,
    Envelope,
    EventName,
    digits_as_they_stand,
    expired_by_ttl,
    is_of_dynamodb_streams,
)
from transform.generated import Generated, attributes_of, can_be_named, strict
from transform.learnt import Learnt
from transform.record_key import record_key
from transform.row import Row, RowMaker, encode_attributes, encode_row

# New attributes without a column are learnt, and each time new decoders are made, which is slow.
# Items whose attribute names never repeat must not cause that forever.
_MOST_LEARNT = 64

_any = msgspec.json.Decoder(float_hook=digits_as_they_stand)


class Glanced(msgspec.Struct, gc=False):
    """A change record whose event and record type are known.

    Parameters
    ----------
    data
        The change record.
    event
        The event that `ChangeRecordReader.glance` returned.
    sequence_number
        The record's sequence number in the Kinesis stream, if known.
    """

    data: bytes
    event: EventName
    sequence_number: str | None


class TypedRowMaker:
    """Makes the rows of one table, as `transform.row.RowMaker` does.

    Parameters
    ----------
    table
        The record type's table.
    type_attribute
        Name of the item's attribute that names its record type.
    change_type
        As in `transform.row.RowMaker`.

    Attributes
    ----------
    in_general
        How many records took the general way.
    """

    def __init__(self, table: Table, type_attribute: str, change_type: str | None = None) -> None:
        self._record_type = table.record_type
        self._change_type = change_type
        self._general = RowMaker(table, type_attribute, change_type)
        self._modelled = {column.attribute for column in table.columns} | {type_attribute}
        self.in_general = 0
        self._learnt = Learnt()
        self._generated = None
        if all(map(can_be_named, attributes_of(table.columns))) and can_be_named(type_attribute):
            self._generated = Generated(table, type_attribute)
            self._make_decoders(self._generated)

    def rows(self, records: Sequence[Glanced]) -> list[Row | Exception]:
        """Return for each change record its row or an error.

        The error is a `NotAChangeRecord` or an `UnfitRecord`, as `ChangeRecordReader.read` and
        `RowMaker.row` raise them, or an unexpected exception.
        """
        typed = self._typed(records, self._generated) if self._generated else [None] * len(records)
        return [row or self._in_general(each) for row, each in zip(typed, records, strict=True)]

    def _typed(self, records: Sequence[Glanced], generated: Generated) -> list[Row | None]:
        """Return the rows of the records that fit the types, and None for the others."""
        new, old = self._new.decode, self._old.decode
        decoded: list[Any] = []
        places = []
        for place, each in enumerate(records):
            try:
                decoded.append((old if each.event == "REMOVE" else new)(each.data))
            except Exception:  # noqa: S112 - the general way says what is wrong
                continue
            places.append(place)
        if len(places) == len(records):
            return self._rows(records, decoded, generated)
        rows: list[Row | None] = [None] * len(records)
        fitting = [records[place] for place in places]
        for place, row in zip(places, self._rows(fitting, decoded, generated), strict=True):
            rows[place] = row
        return rows

    def _rows(
        self, records: Sequence[Glanced], changes: Sequence[Any], generated: Generated
    ) -> list[Row | None]:
        try:
            return self._columns(records, changes, generated) if records else []
        except Exception:
            # The error does not say which record failed, so each is tried alone.
            if len(records) < 2:
                return [None] * len(records)
            return [
                row
                for record, change in zip(records, changes, strict=True)
                for row in self._rows((record,), (change,), generated)
            ]

    def _columns(
        self, records: Sequence[Glanced], changes: Sequence[Any], generated: Generated
    ) -> list[Row | None]:
        removed = [each.event == "REMOVE" for each in records]
        bodies = [change.dynamodb for change in changes]
        images = [body.image for body in bodies]
        keys = [record_key(body.Keys) for body in bodies]
        micros = [
            body.ApproximateCreationDateTime
            if body.ApproximateCreationDateTimePrecision == "MICROSECOND"
            else _micros(body, each.data)
            for body, each in zip(bodies, records, strict=True)
        ]
        millis = [each // 1000 for each in micros]
        if None in keys or min(millis) < MIN_MILLIS or max(millis) > MAX_MILLIS:
            raise ValueError
        rescued = self._learnt.rescued(images, [body.Keys for body in bodies])
        without_column = list(map(len, rescued))
        narrowed: list[list[str]] = [[] for _ in bodies]
        columns = generated.columns(images, narrowed)
        for image, fields, kept in zip(images, narrowed, rescued, strict=True):
            for field in fields:
                kept[generated.attributes[field]] = _whole(getattr(image, field))
        rows = map(
            generated.row,
            [change.eventID for change in changes],
            [self._change_type or each.event for each in records],
            millis,
            micros,
            removed,
            [
                gone and expired_by_ttl(change.userIdentity)
                for change, gone in zip(changes, removed, strict=True)
            ],
            keys,
            [change.tableName for change in changes],
            [each.sequence_number for each in records],
            *columns,
            [encode_attributes(each).decode() if each else None for each in rescued],
        )
        return list(map(_row, rows, repeat(self._record_type), map(len, rescued), without_column))

    def _in_general(self, record: Glanced) -> Row | Exception:
        self.in_general += 1
        try:
            change = ChangeRecordReader.read(record.data, record.event)
            row = self._general.row(change, record.sequence_number)
        except Exception as error:
            return error
        unknown = {
            name
            for name in change.image.keys() - self._modelled - self._learnt.fields.keys()
            if can_be_named(name)
        }
        known = len(self._learnt.fields)
        if unknown and self._generated and len(unknown) + known <= _MOST_LEARNT:
            self._learnt.add(unknown, change.dynamodb.Keys)
            self._make_decoders(self._generated)
        return row

    def _make_decoders(self, generated: Generated) -> None:
        """Make decoders that also know the learnt attributes."""
        learnt = self._learnt.fields
        image = strict(
            "_Image",
            [
                *generated.fields,
                *((field, Any, UNSET) for field in learnt.values()),
            ],
            {
                **generated.attributes,
                **{field: name for name, field in learnt.items()},
            },
        )
        self._new, self._old = (_decoder(image, name) for name in ("NewImage", "OldImage"))


def _micros(body: Body, data: bytes) -> int:
    if body.ApproximateCreationDateTimePrecision is None and is_of_dynamodb_streams(data):
        raise ValueError
    return body.micros


def _whole(value: Any) -> Any:
    """Return an attribute's value as it is rescued."""
    # An attribute that makes several columns is not decoded to the type of one of them.
    return _any.decode(value) if isinstance(value, msgspec.Raw) else value


def _row(row: Any, record_type: str, rescued: int, without_column: int) -> Row | None:
    try:
        # No row is made here of a value that is unfit.
        return Row(encode_row(row) + b"\n", record_type, rescued, without_column)
    except TypeError:
        # The row has a value that is UNFIT.
        return None


def _decoder(image: type[msgspec.Struct], name: str) -> msgspec.json.Decoder[Any]:
    body = msgspec.defstruct(
        "_Body",
        [("Keys", dict[str, dict[str, str]]), ("image", image)],
        bases=(Body,),
        rename={"image": name},
        gc=False,
    )
    change = msgspec.defstruct("_Change", [("dynamodb", body)], bases=(Envelope,), gc=False)
    return msgspec.json.Decoder(change, float_hook=digits_as_they_stand)
