"""Turns a change record into a row: the envelope, then the columns of one record type.

See docs/design.md#the-transform and docs/design.md#no-attribute-is-lost.

This module handles every record, malformed ones too. `transform.typed` handles well-formed records
faster, with the same bytes as result.
"""

from __future__ import annotations

from typing import Any

import msgspec

from schemas import Table
from schemas.columns import MAX_MILLIS, MIN_MILLIS
from transform.attributes import Loss, Misfit, converter
from transform.change_record import ChangeRecord, expired_by_ttl
from transform.record_key import record_key

encode_row = msgspec.json.Encoder().encode
# Sorted names: the same attributes give the same text, in whatever order DynamoDB sent them, and
# whether they were decoded to dictionaries or, in `transform.typed`, to structs.
encode_attributes = msgspec.json.Encoder(order="sorted").encode

# Not None: a malformed image may hold a JSON null, which must be rescued.
_ABSENT = object()


class UnfitRecord(Exception):
    """A change record that cannot become a row.

    Parameters
    ----------
    reason
        Why, in one word.
    column
        The required column that the record does not fit, if that is the reason.
    """

    def __init__(self, reason: str, column: str | None = None) -> None:
        super().__init__(reason, column)
        self.reason = reason
        self.column = column


class Row(msgspec.Struct, gc=False):
    """A row as one line of JSON.

    Parameters
    ----------
    line
        The row.
    record_type
        The record type of its table.
    rescued
        How many attributes are in ``rescued_attributes``.
    without_column
        How many of them have no column, or a member without a field.
    unfit
        How many do not fit their column, or a field of it, which is null. The others have a column
        that does not hold them exactly.
    """

    line: bytes
    record_type: str
    rescued: int
    without_column: int
    unfit: int = 0


class RowMaker:
    """Makes the rows of one table.

    Parameters
    ----------
    table
        The record type's table.
    type_attribute
        Name of the item's attribute that names its record type. An attribute with exactly that
        value is not rescued: the table implies it.
    change_type
        What every row has as its ``change_type``. By default it is the change record's event.
    """

    def __init__(self, table: Table, type_attribute: str, change_type: str | None = None) -> None:
        self._record_type = table.record_type
        self._change_type = change_type
        self._columns = [(c.name, c.attribute, converter(c.type), c) for c in table.columns]
        self._modelled = frozenset(c.attribute for c in table.columns)
        self._type = {type_attribute: {"S": table.record_type}}

    def row(self, change: ChangeRecord, sequence_number: str | None) -> Row:
        """Return a change record's row.

        Parameters
        ----------
        change
            The whole change record.
        sequence_number
            The record's sequence number in the Kinesis stream, if known.

        Raises
        ------
        UnfitRecord
            The keys or the time break DynamoDB's rules, or a value does not fit a required column.
        """
        body = change.dynamodb
        key = record_key(body.Keys)
        if key is None:
            raise UnfitRecord("keys_not_a_primary_key")
        micros = body.micros
        millis = micros // 1000
        if not MIN_MILLIS <= millis <= MAX_MILLIS:
            raise UnfitRecord("change_time_out_of_range")
        removed = change.eventName == "REMOVE"
        row: dict[str, Any] = {
            "change_id": change.eventID,
            "change_type": self._change_type or change.eventName,
            "changed_at": millis,
            "changed_at_micros": micros,
            "is_deleted": removed,
            "is_expired": removed and expired_by_ttl(change.userIdentity),
            "record_key": key,
            "table_name": change.tableName,
        }
        if sequence_number is not None:
            row["sequence_number"] = sequence_number
        rescued, losses = self._fill(row, change.image, body.Keys)
        if rescued:
            row["rescued_attributes"] = encode_attributes(rescued).decode()
        return Row(
            encode_row(row) + b"\n",
            self._record_type,
            len(rescued),
            losses.count(Loss.UNMODELLED),
            losses.count(Loss.UNFIT),
        )

    def _fill(
        self, row: dict[str, Any], image: dict[str, Any], keys: dict[str, Any]
    ) -> tuple[dict[str, Any], list[Loss]]:
        """Put the item's attributes into the row.

        Returns those that it does not hold exactly, and the gravest loss of each.
        """
        # If the image agrees, the record key already holds the key attributes, and the table
        # implies the type.
        held = {**keys, **self._type}
        rescued: dict[str, Any] = {
            name: image[name]
            for name in image.keys() - self._modelled
            if held.get(name, _ABSENT) != image[name]
        }
        gravest = dict.fromkeys(rescued, Loss.UNMODELLED)
        losses: list[Loss] = []
        for name, attribute, convert, column in self._columns:
            value = image.get(attribute, _ABSENT)
            if value is _ABSENT:
                if not column.has_default:
                    raise UnfitRecord("required_attribute_missing", name)
                if column.default is not None:
                    row[name] = column.default
                continue
            try:
                converted = convert(value, losses)
            except Misfit:
                if not column.nullable:
                    raise UnfitRecord("required_column_does_not_fit", name) from None
                rescued[attribute] = value
                gravest[attribute] = Loss.UNFIT
                losses.clear()
                continue
            if losses:
                rescued[attribute] = value
                # Several columns may be made of one attribute.
                gravest[attribute] = max(*losses, gravest.get(attribute, Loss.INEXACT))
                losses.clear()
            if converted is not None:
                row[name] = converted
        return rescued, list(gravest.values())
