"""Rows at speed: decoders and a function generated for each table, for records as they should be.

This is the transform's hot path. A record is decoded straight into the types of its columns, and a
few lines of generated code for each column make the row: no attribute becomes a dictionary first.
Whatever does not fit the types (an attribute not seen before that no column is for, a value that
its column holds only in part, a broken record) is left to `transform.row`, which says what becomes
of it. What comes out here is byte for byte what comes out there: the tests hold one to the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from schemas import Table
from schemas.columns import MAX_MILLIS, MIN_MILLIS
from transform.change_record import (
    ChangeRecordReader,
    Envelope,
    EventName,
    digits_as_they_stand,
)
from transform.generated import Generated, NotAsTyped, attributes_of, can_be_named
from transform.record_key import record_key
from transform.row import TTL, RowMaker, encode_attributes, encode_row

# Attributes without a column are learnt as they come, each time at the price of new decoders; items
# with names without end must not buy them without end.
_MOST_LEARNT = 64


class TypedRowMaker:
    """Makes the rows of one table, as `transform.row.RowMaker` does.

    Parameters
    ----------
    table
        The record type's table.
    type_attribute
        Name of the item's attribute that names its record type.
    """

    def __init__(self, table: Table, type_attribute: str) -> None:
        self._general = RowMaker(table, type_attribute)
        self._modelled = {column.attribute for column in table.columns} | {type_attribute}
        self._learnt: dict[str, str] = {}
        self._generated = None
        if all(map(can_be_named, attributes_of(table.columns))) and can_be_named(type_attribute):
            self._generated = Generated(table, type_attribute)
            self._learn(self._generated, ())

    def row(self, data: bytes, event: EventName, sequence_number: str | None) -> tuple[bytes, int]:
        """Return a change record's row as one line of JSON, and how many attributes it rescued.

        Parameters
        ----------
        data
            The change record.
        event
            What `ChangeRecordReader.glance` said of it.
        sequence_number
            The record's sequence number in the Kinesis stream, where known.

        Raises
        ------
        NotAChangeRecord, UnfitRecord
            As `ChangeRecordReader.read` and `RowMaker.row`.
        """
        if self._generated is None:
            return self._row_in_general(data, event, sequence_number)
        removed = event == "REMOVE"
        try:
            change = (self._old if removed else self._new).decode(data)
            body = change.dynamodb
            keys, image = body.Keys, body.image
            key = record_key(keys)
            changed_at = body.ApproximateCreationDateTime
            if body.ApproximateCreationDateTimePrecision == "MICROSECOND":
                micros, millis = changed_at, changed_at // 1000
            else:
                micros, millis = changed_at * 1000, changed_at
            if key is None or not MIN_MILLIS <= millis <= MAX_MILLIS:
                raise NotAsTyped
            rescued = {
                name: value
                for name, place in self._learnt.items()
                if (value := getattr(image, place)) is not UNSET and keys.get(name) != value
            }
            row = self._generated.row(
                image,
                change.eventID,
                event,
                millis,
                micros,
                removed,
                removed and change.userIdentity == TTL,
                key,
                change.tableName,
                sequence_number,
                encode_attributes(rescued).decode() if rescued else None,
            )
        except (NotAsTyped, ValueError, RecursionError):
            return self._row_in_general(data, event, sequence_number)
        return encode_row(row) + b"\n", len(rescued)

    def _row_in_general(
        self, data: bytes, event: EventName, sequence_number: str | None
    ) -> tuple[bytes, int]:
        change = ChangeRecordReader.read(data, event)
        made = self._general.row(change, sequence_number)
        unknown = {
            name
            for name in change.image.keys() - self._modelled - self._learnt.keys()
            if can_be_named(name)
        }
        if unknown and self._generated and len(unknown) + len(self._learnt) <= _MOST_LEARNT:
            self._learn(self._generated, unknown)
        return made

    def _learn(self, generated: Generated, names: Iterable[str]) -> None:
        """Make decoders that know these attributes too, though no column is for them."""
        for name in sorted(names):
            self._learnt[name] = f"learnt_{len(self._learnt)}"
        image = msgspec.defstruct(
            "_Image",
            [
                *generated.fields,
                *((place, Any, UNSET) for place in self._learnt.values()),
            ],
            rename={
                **generated.attributes,
                **{place: name for name, place in self._learnt.items()},
            },
            forbid_unknown_fields=True,
            gc=False,
        )
        self._new, self._old = (_decoder(image, name) for name in ("NewImage", "OldImage"))


def _decoder(image: type[msgspec.Struct], name: str) -> msgspec.json.Decoder[Any]:
    body = msgspec.defstruct(
        "_Body",
        [
            ("ApproximateCreationDateTime", int),
            ("Keys", dict[str, dict[str, str]]),
            ("image", image),
            (
                "ApproximateCreationDateTimePrecision",
                Literal["MILLISECOND", "MICROSECOND"] | None,
                None,
            ),
            ("SizeBytes", int | None, None),
        ],
        rename={"image": name},
        gc=False,
    )
    change = msgspec.defstruct("_Change", [("dynamodb", body)], bases=(Envelope,), gc=False)
    return msgspec.json.Decoder(change, float_hook=digits_as_they_stand)
