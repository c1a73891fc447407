"""A landed line to a row: checked against the schema while it is decoded.

`schemas.columns` says how each type is landed. A row that does not fit is a `BadRow`, never a
guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import msgspec

from schemas.columns import (
    MAX_DAYS,
    MAX_MILLIS,
    MIN_DAYS,
    MIN_MILLIS,
    Array,
    Boolean,
    Bytes,
    Column,
    ColumnType,
    Date,
    Decimal,
    Double,
    Enum,
    Integer,
    Map,
    Nullable,
    Record,
    String,
    Timestamp,
)

_MILLIS = msgspec.Meta(ge=MIN_MILLIS, le=MAX_MILLIS)
_DAYS = msgspec.Meta(ge=MIN_DAYS, le=MAX_DAYS)


class BadRow(Exception):
    """A line that is no row of the schema; its text says why, and may show what the line holds."""


class OtherSchema(BadRow):
    """A line of JSON that does not fit the schema, and may be a row of a newer one."""


def field_name(index: int) -> str:
    """Return the attribute of a row that holds the column at this place.

    Columns may be named as Python may not name attributes (``class``), so rows number them.
    """
    return f"c{index}"


def row_type(record: Record, removed: Sequence[str] = ()) -> type[msgspec.Struct]:
    """Return the type that a record's rows are decoded to.

    Parameters
    ----------
    record
        The columns.
    removed
        Names of columns that were taken out: rows landed before have them still, with any value.
    """
    names = {field_name(index): column.name for index, column in enumerate(record.columns)}
    known = set(names.values())
    gone = {f"r{index}": name for index, name in enumerate(removed) if name not in known}
    return msgspec.defstruct(
        record.name,
        [
            *(_field(index, column) for index, column in enumerate(record.columns)),
            *((name, msgspec.Raw, msgspec.Raw()) for name in gone),
        ],
        rename={**names, **gone},
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
    )


def _field(index: int, column: Column) -> tuple[str, Any] | tuple[str, Any, Any]:
    python_type = _python_type(column.type)
    if column.has_default:
        return field_name(index), python_type, column.default
    return field_name(index), python_type


def _python_type(column_type: ColumnType) -> Any:
    match column_type:
        case String() | Enum() | Decimal():
            return str
        case Boolean():
            return bool
        case Integer(bits=bits):
            highest = (1 << (bits - 1)) - 1
            return Annotated[int, msgspec.Meta(ge=-highest - 1, le=highest)]
        case Double():
            return float
        case Bytes():
            return bytes
        case Timestamp():
            return Annotated[int, _MILLIS]
        case Date():
            return Annotated[int, _DAYS]
        case Nullable(of=inner):
            return _python_type(inner) | None
        case Array(items=items):
            return list[_python_type(items)]  # type: ignore[misc]
        case Map(values=values):
            return dict[str, _python_type(values)]  # type: ignore[misc]
        case Record():
            return row_type(column_type)


class RowReader:
    """Decodes landed lines of one schema; the parameters are those of `row_type`."""

    def __init__(self, record: Record, removed: Sequence[str] = ()) -> None:
        self._decoder = msgspec.json.Decoder(row_type(record, removed))

    def read(self, lines: Iterable[bytes]) -> list[Any]:
        """Return each line's row, its columns as ``c0``, ``c1`` and so on.

        Raises
        ------
        BadRow
            One of the lines is not JSON, or no row of the schema.
        OtherSchema
            One of them is JSON and does not fit the schema.
        """
        try:
            return list(map(self._decoder.decode, lines))
        except msgspec.ValidationError as error:
            raise OtherSchema(f"does not fit the schema: {error}") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadRow(f"not JSON: {error}") from None
        except RecursionError:
            raise BadRow("not a row: nested too deeply") from None
