"""An export's lines to change records, of which the transform's own row makers make rows.

See docs/backfill.md#which-row-wins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from ops.backfill.errors import BackfillError
from ops.backfill.manifest import Export, micros
from transform.generated import can_be_named
from transform.typed import Glanced

_MICROS = 1_000_000
# So many spellings of type attributes are remembered; a table has a few.
_MOST_REMEMBERED = 256

encode = msgspec.json.Encoder().encode


class UnusableLine(Exception):
    """A line that is not an item of an export; ``reason`` says why in one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class RowTimes:
    """The ``changed_at_micros`` of an export's rows. docs/backfill.md says why they win or lose.

    Parameters
    ----------
    until
        The time of all rows at the latest: the export's end minus the margin.
    margin
        Microseconds.
    """

    until: int
    margin: int

    @classmethod
    def of(cls, export: Export, margin: timedelta) -> RowTimes:
        """Return the times of an export's rows.

        Parameters
        ----------
        export
            The export.
        margin
            Greater than the distance between any two clocks: DynamoDB's, that of change records,
            and that of exports.

        Raises
        ------
        BackfillError
            The window of an incremental export is shorter than two margins.
        """
        if export.since is not None and export.until - export.since < 2 * margin:
            raise BackfillError(
                f"the window of the export {export.id} is shorter than two margins of "
                f"{margin.total_seconds():,.0f} s: give a smaller --margin, or export a longer "
                "window"
            )
        whole = micros(export.until) - margin // timedelta(microseconds=1)
        return cls(whole, margin // timedelta(microseconds=1))

    def of_write(self, written: int) -> int:
        """Return the time of an incremental export's row, from the time of the item's last write.

        Both are microseconds since 1970.
        """
        return min(written + self.margin, self.until)


class _FullLine(msgspec.Struct, forbid_unknown_fields=True):
    Item: Raw


class _Number(msgspec.Struct):
    N: str


class _Metadata(msgspec.Struct):
    WriteTimestampMicros: _Number


class _IncrementalLine(msgspec.Struct):
    Metadata: _Metadata
    Keys: Raw
    NewImage: Raw | UnsetType = UNSET
    OldImage: Raw | UnsetType = UNSET


class _TypeAttribute(msgspec.Struct):
    S: str | None = None


_full = msgspec.json.Decoder(_FullLine)
_incremental = msgspec.json.Decoder(_IncrementalLine)
_type = msgspec.json.Decoder(_TypeAttribute)


@dataclass(frozen=True)
class Found:
    """A line's item.

    Parameters
    ----------
    record_type
        The record type that the item names, if any.
    change
        The item as a change record.
    """

    record_type: str | None
    change: Glanced


class ItemReader:
    """Reads the lines of one export.

    Parameters
    ----------
    export
        The export.
    times
        The times of its rows.
    key_names
        The attributes of the table's primary key.
    type_attribute
        Name of the item's attribute that names its record type.

    Raises
    ------
    BackfillError
        An attribute of the key has a name that cannot be looked for.
    """

    def __init__(
        self, export: Export, times: RowTimes, key_names: Sequence[str], type_attribute: str
    ) -> None:
        self._times = times
        names = list(dict.fromkeys((*key_names, type_attribute)))
        if not all(map(can_be_named, names)):
            raise BackfillError(
                f"the key of the table {export.table_name} has an attribute whose name JSON has to "
                f"escape, which this command cannot find: {', '.join(map(repr, key_names))}"
            )
        item = msgspec.defstruct(
            "_Item",
            [(f"a{place}", Raw | UnsetType, UNSET) for place in range(len(names))],
            rename={f"a{place}": name for place, name in enumerate(names)},
        )
        self._item = msgspec.json.Decoder(item)
        self._keys = [(encode(name) + b":", f"a{names.index(name)}") for name in key_names]
        self._type = f"a{names.index(type_attribute)}"
        self._types: dict[bytes, str | None] = {}
        table = encode(export.table_name)
        self._before_time = (
            b',"tableName":' + table + b',"dynamodb":{'
            b'"ApproximateCreationDateTimePrecision":"MICROSECOND","ApproximateCreationDateTime":'
        )
        self._read: Callable[[bytes, bytes], Found] = (
            self._of_incremental if export.incremental else self._of_full
        )

    def read(self, line: bytes, change_id: bytes) -> Found:
        """Return a line's item.

        Parameters
        ----------
        line
            The line, JSON.
        change_id
            What the row gets as ``change_id``: ASCII that JSON does not escape.

        Raises
        ------
        UnusableLine
            It is not a line of such an export.
        """
        try:
            return self._read(line, change_id)
        except msgspec.ValidationError:
            raise UnusableLine("not_an_item") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise UnusableLine("not_json") from None
        except RecursionError:
            raise UnusableLine("nested_too_deeply") from None

    def _of_full(self, line: bytes, change_id: bytes) -> Found:
        image = _full.decode(line).Item
        item = self._item.decode(image)
        keys = []
        for name, place in self._keys:
            value = getattr(item, place)
            if value is UNSET:
                raise UnusableLine("no_key")
            keys.append(name + bytes(value))
        whole = b"{" + b",".join(keys) + b"}"
        return self._found(item, change_id, self._times.until, whole, b"NewImage", image)

    def _of_incremental(self, line: bytes, change_id: bytes) -> Found:
        found = _incremental.decode(line)
        written = found.Metadata.WriteTimestampMicros.N
        if not (written.isascii() and written.isdigit() and len(written) < 18):
            raise UnusableLine("no_write_time")
        name, image = b"NewImage", found.NewImage
        if isinstance(image, UnsetType):
            name, image = b"OldImage", found.OldImage
        if isinstance(image, UnsetType):
            raise UnusableLine("no_image")
        item = self._item.decode(image)
        when = self._times.of_write(int(written))
        return self._found(item, change_id, when, bytes(found.Keys), name, image)

    def _found(
        self, item: Any, change_id: bytes, when: int, keys: bytes, name: bytes, image: Raw
    ) -> Found:
        removed = name == b"OldImage"
        data = b"".join((
            b'{"eventID":"', change_id,
            b'","eventName":"REMOVE"' if removed else b'","eventName":"INSERT"',
            self._before_time, b"%d" % when,
            b',"Keys":', keys,
            b',"', name, b'":', image, b"}}",
        ))  # fmt: skip
        change = Glanced(data, "REMOVE" if removed else "INSERT", None)
        return Found(self._type_of(getattr(item, self._type)), change)

    def _type_of(self, attribute: Raw | UnsetType) -> str | None:
        if isinstance(attribute, UnsetType):
            return None
        text = bytes(attribute)
        try:
            return self._types[text]
        except KeyError:
            found = _type.decode(text).S if text != b"null" else None
            if len(self._types) < _MOST_REMEMBERED:
                self._types[text] = found
            return found
