"""Makes rows of well-formed records fast, with decoders and a function generated for each table.

This is the transform's hot path. A record is decoded directly into the types of its columns, and
generated code makes the rows of some dozens of records, column by column. No attribute becomes a
dictionary first. `transform.row` handles every record that does not fit the types: one with a new
attribute without a column, with a value that its column holds only in part, or a broken one. Both
modules make the same bytes; the tests compare them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
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
from transform.record_key import record_key
from transform.row import Row, RowMaker, encode_attributes, encode_row

# New attributes without a column are learnt, and each time new decoders are made, which is slow.
# Items whose attribute names never repeat must not cause that forever.
_MOST_LEARNT = 64


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
    """

    def __init__(self, table: Table, type_attribute: str, change_type: str | None = None) -> None:
        self._change_type = change_type
        self._general = RowMaker(table, type_attribute, change_type)
        self._modelled = {column.attribute for column in table.columns} | {type_attribute}
        self._learnt: dict[str, str] = {}
        self._generated = None
        if all(map(can_be_named, attributes_of(table.columns))) and can_be_named(type_attribute):
            self._generated = Generated(table, type_attribute)
            self._learn(self._generated, ())

    def rows(self, records: Sequence[Glanced]) -> list[Row | Exception]:
        """Return for each change record its row or an error.

        The error is a `NotAChangeRecord` or an `UnfitRecord`, as `ChangeRecordReader.read` and
        `RowMaker.row` raise them, or an unexpected exception.
        """
        if not records:
            return []
        typed = self._typed(records, self._generated) if self._generated else [None] * len(records)
        return [row or self._in_general(each) for row, each in zip(typed, records, strict=True)]

    def _typed(self, records: Sequence[Glanced], generated: Generated) -> list[Row | None]:
        """Return the rows of the well-formed records, and None for the others."""
        try:
            return self._columns(records, generated)
        except Exception:
            # The error does not say which record failed, so each is tried alone.
            if len(records) < 2:
                return [None] * len(records)
            return [row for each in records for row in self._typed((each,), generated)]

    def _columns(self, records: Sequence[Glanced], generated: Generated) -> list[Row | None]:
        new, old = self._new.decode, self._old.decode
        removed = [each.event == "REMOVE" for each in records]
        changes = [
            (old if gone else new)(each.data) for each, gone in zip(records, removed, strict=True)
        ]
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
        rescued: list[dict[str, Any]] = [{} for _ in bodies]
        for name, place in self._learnt.items():
            values = map(attrgetter(place), images)
            for body, value, kept in zip(bodies, values, rescued, strict=True):
                if value is not UNSET and body.Keys.get(name, UNSET) != value:
                    kept[name] = value
        rows = generated.rows(
            images,
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
            [encode_attributes(each).decode() if each else None for each in rescued],
        )
        return [_row(row, len(each)) for row, each in zip(rows, rescued, strict=True)]

    def _in_general(self, record: Glanced) -> Row | Exception:
        try:
            change = ChangeRecordReader.read(record.data, record.event)
            row = self._general.row(change, record.sequence_number)
        except Exception as error:
            return error
        unknown = {
            name
            for name in change.image.keys() - self._modelled - self._learnt.keys()
            if can_be_named(name)
        }
        if unknown and self._generated and len(unknown) + len(self._learnt) <= _MOST_LEARNT:
            self._learn(self._generated, unknown)
        return row

    def _learn(self, generated: Generated, names: Iterable[str]) -> None:
        """Make decoders that also know these attributes, which have no column."""
        for name in sorted(names):
            self._learnt[name] = f"learnt_{len(self._learnt)}"
        image = strict(
            "_Image",
            [
                *generated.fields,
                *((place, Any, UNSET) for place in self._learnt.values()),
            ],
            {
                **generated.attributes,
                **{place: name for name, place in self._learnt.items()},
            },
        )
        self._new, self._old = (_decoder(image, name) for name in ("NewImage", "OldImage"))


def _micros(body: Body, data: bytes) -> int:
    if body.ApproximateCreationDateTimePrecision is None and is_of_dynamodb_streams(data):
        raise ValueError
    return body.micros


def _row(row: Any, rescued: int) -> Row | None:
    try:
        # Columns of the others hold them exactly: what does not fit one is not done here.
        return Row(encode_row(row) + b"\n", rescued, rescued)
    except TypeError:
        # The row has a value that is UNFIT.
        return None


def _decoder(image: type[msgspec.Struct], name: str) -> msgspec.json.Decoder[Any]:
    body = msgspec.defstruct(
        "_Body",
        [("Keys", dict[str, dict[str, str]]), ("image", image)],
        bases=(Body,),
        kw_only=True,
        rename={"image": name},
        gc=False,
    )
    change = msgspec.defstruct("_Change", [("dynamodb", body)], bases=(Envelope,), gc=False)
    return msgspec.json.Decoder(change, float_hook=digits_as_they_stand)
