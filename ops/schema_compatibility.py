"""Finds the harm that a change of a table's schema does to existing files and rows.

See docs/design.md#changing-a-schema.

Files stay for years while schemas change, and Athena reads all of them with the newest schema. One
harm is a file that it cannot read. The worse harm is a file that it reads wrongly without an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from catalog import hive_type
from schemas import Table
from schemas.columns import (
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


class Effect(StrEnum):
    """The effect of a change on data written before it."""

    UNREADABLE = "unreadable"
    """Readers fail on older files."""
    MISREAD = "misread"
    """Readers show wrong values without an error."""
    MIXED = "mixed"
    """Readers show the written values, but their meaning differs before and after the change."""
    QUARANTINED = "quarantined"
    """Landed rows that are not yet written do not fit, and go to quarantine."""
    DEFAULTED = "defaulted"
    """Files older than the column show the new default in place of the old."""


@dataclass(frozen=True)
class Finding:
    """A harmful change.

    Parameters
    ----------
    file
        The schema's file.
    field
        The field as a dotted path (``venue.city``), empty for the whole schema.
    effect
        The effect.
    refused
        Whether it must not be deployed. Otherwise it is a warning.
    problem
        The change and its consequence.
    remedy
        What to do instead.
    """

    file: str
    field: str
    effect: Effect
    refused: bool
    problem: str
    remedy: str

    def __str__(self) -> str:
        """Return the finding in one line."""
        level = "refused" if self.refused else "warning"
        where = f"{self.file}, field {self.field}" if self.field else self.file
        return f"{level}: {where}: {self.problem}. {self.remedy}."


NEW_COLUMN: Final = "Keep the column as it was and add a new column instead"
_KEEP_NAME: Final = "Keep it: no table shows the name of a type"
_BY_NAME: Final = "Avro matches types by name, so readers may refuse older files"

# https://avro.apache.org/docs/1.12.0/specification/#schema-resolution
_PROMOTIONS: Final = {
    "int": {"int", "long", "double"},
    "long": {"long", "double"},
    "double": {"double"},
    "boolean": {"boolean"},
    "string": {"string", "bytes"},
    "bytes": {"bytes", "string"},
}


def compare(old: Table, new: Table, file: str) -> tuple[Finding, ...]:
    """Return what is harmful in the change from one schema of a table to another.

    Readers still read older files correctly after these changes: adding a column with a default,
    removing a column, reordering, adding symbols to an enum, making a column nullable, ``int`` to
    ``long`` or ``double``, and more digits before the decimal point
    (docs/aws-contracts.md#schema-evolution). Removing a column is a warning unless the schema lists
    it as removed, because landed rows still have it.

    Parameters
    ----------
    old, new
        The table before and after the change.
    file
        The file's name for the findings.
    """
    return tuple(_Comparison(file).tables(old, new))


def compare_columns(
    old: tuple[Column, ...], new: tuple[Column, ...], file: str
) -> tuple[Finding, ...]:
    """Return what is harmful in the change from some columns to others, as `compare` does."""
    return tuple(_Comparison(file).columns(old, new, ""))


@dataclass(frozen=True)
class _Comparison:
    file: str

    def refuse(self, field: str, effect: Effect, problem: str, remedy: str) -> Finding:
        return Finding(self.file, field, effect, True, problem, remedy)

    def warn(self, field: str, effect: Effect, problem: str, remedy: str) -> Finding:
        return Finding(self.file, field, effect, False, problem, remedy)

    def tables(self, old: Table, new: Table) -> Iterator[Finding]:
        for what in ("name", "namespace"):
            was, is_now = old.avro.get(what), new.avro.get(what)
            if was != is_now:
                # Trino 476 still reads such files. But the specification requires equal names, and
                # older versions of Avro's Java library compare them with their namespace.
                yield self.refuse(
                    "",
                    Effect.UNREADABLE,
                    f"the record's {what} was {was!r} and is {is_now!r}: {_BY_NAME}",
                    _KEEP_NAME,
                )
        yield from self.columns(old.columns, new.columns, "", new.removed)

    def columns(
        self,
        old: tuple[Column, ...],
        new: tuple[Column, ...],
        where: str,
        removed: tuple[str, ...] = (),
    ) -> Iterator[Finding]:
        before = {column.name: column for column in old}
        names = {column.name for column in new}
        gone = [column for column in old if column.name not in names]
        for column in new:
            here = _path(where, column.name)
            if column.name in before:
                yield from self.kept(before[column.name], column, here)
                continue
            renamed = next((each for each in gone if each.attribute == column.attribute), None)
            yield from self.added(column, renamed, here)
            if renamed:
                gone.remove(renamed)
        for column in gone:
            if column.name in removed:
                continue
            yield self.warn(
                _path(where, column.name),
                Effect.QUARANTINED,
                "it is removed: landed rows of the old schema that are not yet written go to "
                "quarantine, and no query shows the column of older files",
                "Deploy when little is landed, and never give the name to another type"
                if where
                else 'Put its name into "removed": [...] in the file: such rows are then written '
                "without it. Never give the name to another type",
            )

    def added(self, column: Column, renamed: Column | None, here: str) -> Iterator[Finding]:
        history = f"it was {renamed.name}, a rename: " if renamed else ""
        remedy = f"Keep {renamed.name} and add this column beside it" if renamed else ""
        if not column.has_default:
            yield self.refuse(
                here,
                Effect.UNREADABLE,
                f"{history}a new column without a default, which older files do not have: every "
                "query on them would fail",
                remedy or 'Make it nullable with "default": null, or give it a default',
            )
        elif renamed:
            yield self.refuse(
                here,
                Effect.MISREAD,
                f"{history}readers would show {_shown(column.default)} for older files, which "
                "have the values under the old name",
                remedy,
            )

    def kept(self, old: Column, new: Column, here: str) -> Iterator[Finding]:
        yield from self.types(old.type, new.type, here)
        if old.attribute != new.attribute:
            yield self.warn(
                here,
                Effect.MIXED,
                f"its attribute was {old.attribute!r} and is {new.attribute!r}: rows do not show "
                "from which of the two their value is",
                "Deploy it if both attributes mean the same or the old one was never used; "
                "otherwise add a new column instead",
            )
        if old.has_default and not new.has_default:
            yield self.refuse(
                here,
                Effect.UNREADABLE,
                "the default is removed, but every query on files older than the column needs it",
                "Keep the default",
            )
        elif old.has_default and old.default != new.default:
            yield self.warn(
                here,
                Effect.DEFAULTED,
                f"the default was {_shown(old.default)} and is {_shown(new.default)}: files older "
                "than the column show the new one",
                "Keep the default unless you want that",
            )

    def types(self, old: ColumnType, new: ColumnType, here: str) -> Iterator[Finding]:
        if isinstance(old, Nullable) and not isinstance(new, Nullable):
            yield self.refuse(
                here,
                Effect.UNREADABLE,
                "it was nullable and is not: readers fail on a null in older files",
                'Keep ["null", ...]',
            )
        old = old.of if isinstance(old, Nullable) else old
        new = new.of if isinstance(new, Nullable) else new
        match old, new:
            case Record(), Record():
                yield from self.names(old, new, here)
                yield from self.columns(old.columns, new.columns, here)
            case Array(items=was), Array(items=is_now):
                yield from self.types(was, is_now, here)
            case Map(values=was), Map(values=is_now):
                yield from self.types(was, is_now, here)
            case Enum(), Enum():
                yield from self.names(old, new, here)
                yield from self.symbols(old, new, here)
            case Decimal(), Decimal():
                yield from self.decimals(old, new, here)
            case Timestamp(), Timestamp():
                yield from self.epochs(old, new, here)
            case Integer(bits=32), Integer() | Double():
                return
            case _ if old != new:
                yield self.replaced(old, new, here)

    def names(self, old: Record | Enum, new: Record | Enum, here: str) -> Iterator[Finding]:
        if old.name != new.name:
            yield self.refuse(
                here,
                Effect.UNREADABLE,
                f"the type's name was {old.name!r} and is {new.name!r}: {_BY_NAME}",
                _KEEP_NAME,
            )

    def symbols(self, old: Enum, new: Enum, here: str) -> Iterator[Finding]:
        dropped = [symbol for symbol in old.symbols if symbol not in new.symbols]
        if dropped:
            yield self.refuse(
                here,
                Effect.UNREADABLE,
                f"the enum no longer has {', '.join(dropped)}: queries on older files fail, in "
                "Trino even where no row has it",
                "Keep the symbol even if it is no longer used",
            )

    def decimals(self, old: Decimal, new: Decimal, here: str) -> Iterator[Finding]:
        if old.scale != new.scale:
            yield self.refuse(
                here,
                Effect.MISREAD,
                f"it was {hive_type(old)} and is {hive_type(new)}: readers put the decimal point "
                "of older files' numbers in the wrong place, without an error",
                NEW_COLUMN,
            )
        elif old.precision > new.precision:
            yield self.refuse(
                here,
                Effect.MISREAD,
                f"it was {hive_type(old)} and is {hive_type(new)}: readers show numbers of older "
                "files with more digits than the column may have, without an error",
                NEW_COLUMN,
            )

    def epochs(self, old: Timestamp, new: Timestamp, here: str) -> Iterator[Finding]:
        if old.epoch == new.epoch:
            return
        if old.epoch is not None and new.epoch is not None:
            yield self.refuse(
                here,
                Effect.MIXED,
                f'"epoch" was {old.epoch} and is {new.epoch}: the same number now means another '
                "time, and rows do not show which unit they used",
                NEW_COLUMN,
            )
        else:
            yield self.warn(
                here,
                Effect.MIXED,
                f"the attribute was {_source(old)} and is {_source(new)}: a value in the old form "
                "no longer fits the column",
                "Deploy it if every value now has the new form; otherwise add a new column instead",
            )

    def replaced(self, old: ColumnType, new: ColumnType, here: str) -> Finding:
        change = f"it was {_named(old)} and is {_named(new)}"
        if _physical(new) in _PROMOTIONS.get(_physical(old), ()):
            return self.refuse(
                here,
                Effect.MISREAD,
                f"{change}: Avro lets readers convert one to the other, so they show wrong values "
                "of older files without an error",
                NEW_COLUMN,
            )
        return self.refuse(
            here, Effect.UNREADABLE, f"{change}: older files could not be read", NEW_COLUMN
        )


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _shown(default: object) -> str:
    return "null" if default is None else repr(default)


def _source(timestamp: Timestamp) -> str:
    return f"a number of {timestamp.epoch}" if timestamp.epoch else "ISO 8601 text"


def _physical(column_type: ColumnType) -> str:
    """Return the Avro type that a column type is written as."""
    match column_type:
        case String():
            return "string"
        case Boolean():
            return "boolean"
        case Integer(bits=32) | Date():
            return "int"
        case Integer() | Timestamp():
            return "long"
        case Double():
            return "double"
        case Bytes() | Decimal():
            return "bytes"
        case Nullable(of=inner):
            return _physical(inner)
        case Enum():
            return "enum"
        case Array():
            return "array"
        case Map():
            return "map"
        case Record():
            return "record"


def _named(column_type: ColumnType) -> str:
    """Return a column type's name in a schema file."""
    match column_type:
        case Decimal():
            return hive_type(column_type)
        case Timestamp():
            return "timestamp-millis"
        case Date():
            return "date"
        case Enum() | Record():
            return f"{_physical(column_type)} {column_type.name}"
        case _:
            return _physical(column_type)
