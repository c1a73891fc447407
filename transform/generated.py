"""A table's columns as types to decode an item into, and as code that makes a row of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

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
from transform import numbers, times
from transform.attributes import is_base64, set_markers

# What a row begins with, in the order of `transform.row`.
_ENVELOPE = (
    "change_id",
    "change_type",
    "changed_at",
    "changed_at_micros",
    "is_deleted",
    "is_expired",
    "record_key",
    "table_name",
    "sequence_number",
)
_RESCUED = "rescued_attributes"


class NotAsTyped(Exception):
    """A value is not what its column's type says: the general way has to say what becomes of it."""


class Generated:
    """Decoding and making rows of one table.

    Parameters
    ----------
    table
        The table.
    type_attribute
        Name of the item's attribute that names its record type.

    Attributes
    ----------
    fields
        The fields of a `msgspec.Struct` for an item's attributes, each of its column's type;
        absent is ``UNSET``.
    attributes
        The attribute's name of each field.
    row
        ``row(item, *envelope, rescued_attributes)`` returns what encodes to the row, or raises
        `NotAsTyped`.
    """

    def __init__(self, table: Table, type_attribute: str) -> None:
        source = _Source()
        self.fields, self.attributes = source.item(table.columns)
        if type_attribute not in self.attributes.values():
            self.fields.append(("type", msgspec.Raw, msgspec.Raw()))
            self.attributes["type"] = type_attribute
        arguments = [*_ENVELOPE, _RESCUED]
        source.line(0, f"def row(item, {', '.join(arguments)}):")
        values = source.columns(table.columns, "item", 1)
        make = source.bound(
            _row_type(
                "_Row",
                [
                    *((name, name) for name in _ENVELOPE),
                    *zip(values, (column.name for column in table.columns), strict=True),
                    (_RESCUED, _RESCUED),
                ],
            )
        )
        source.line(1, f"return {make}({', '.join([*_ENVELOPE, *values, _RESCUED])})")
        self.row = source.compiled("row")


def _row_type(name: str, fields: Sequence[tuple[str, str]]) -> type[msgspec.Struct]:
    """Return the type of rows: fields and their columns' names. A null column is left out."""
    return msgspec.defstruct(
        name,
        [(field, Any, None) for field, _ in fields],
        rename=dict(fields),
        omit_defaults=True,
        gc=False,
    )


class _Source:
    def __init__(self) -> None:
        self._lines: list[str] = []
        self._names: dict[str, Any] = {
            "UNSET": UNSET,
            "NotAsTyped": NotAsTyped,
            "integer": numbers.integer,
            "double": numbers.double,
            "fixed_point": numbers.fixed_point,
            "from_iso": times.from_iso,
            "from_epoch": times.from_epoch,
            "days": times.days,
            "is_base64": is_base64,
        }
        self._count = 0

    def line(self, depth: int, text: str) -> None:
        self._lines.append("    " * depth + text)

    def name(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def bound(self, value: Any) -> str:
        """Return a new name for a value that is there when the code runs."""
        name = self.name()
        self._names[name] = value
        return name

    def compiled(self, name: str) -> Any:
        # The source is made of numbered names and of values bound by name: nothing that a schema
        # says becomes code.
        exec("\n".join(self._lines), self._names)  # noqa: S102
        return self._names[name]

    # Types.

    def item(self, columns: Sequence[Column]) -> tuple[list[tuple[str, Any, Any]], dict[str, str]]:
        """Return a struct's fields for an item, or for a map in it, and their attributes."""
        places = {column.attribute: f"c{place}" for place, column in enumerate(columns)}
        shared = _shared(columns)
        fields = [
            (
                f"c{place}",
                (msgspec.Raw if column.attribute in shared else _attribute_type(self, column.type))
                | UnsetType,
                UNSET,
            )
            for place, column in enumerate(columns)
            if places[column.attribute] == f"c{place}"
        ]
        return fields, {place: attribute for attribute, place in places.items()}

    # Code.

    def columns(self, columns: Sequence[Column], item: str, depth: int) -> list[str]:
        """Write what converts each column of an item; return the names that the values have."""
        values = []
        places = {column.attribute: f"c{place}" for place, column in enumerate(columns)}
        shared = _shared(columns)
        for column in columns:
            attribute, value = self.name(), self.name()
            values.append(value)
            self.line(depth, f"{attribute} = {item}.{places[column.attribute]}")
            self.line(depth, f"if {attribute} is UNSET:")
            if column.has_default:
                self.line(depth + 1, f"{value} = {self.bound(column.default)}")
            else:
                self.line(depth + 1, "raise NotAsTyped")
            self.line(depth, "else:")
            if column.attribute in shared:
                decoder = msgspec.json.Decoder(_attribute_type(self, column.type))
                self.line(depth + 1, f"{attribute} = {self.bound(decoder.decode)}({attribute})")
            self._attribute(column.type, attribute, value, depth + 1)
        return values

    def _attribute(self, column_type: ColumnType, attribute: str, value: str, depth: int) -> None:
        """Write what sets ``value`` from an attribute value: exactly one marker may be there."""
        nullable = isinstance(column_type, Nullable)
        inner = column_type.of if isinstance(column_type, Nullable) else column_type
        markers = list(_markers(self, inner))
        if len(markers) == 1 and not nullable:
            self._marked(inner, markers[0], f"{attribute}.{markers[0]}", value, depth)
            return
        for marker in markers:
            others = [each for each in (*markers, *["NULL"] * nullable) if each != marker]
            self.line(depth, f"{value} = {attribute}.{marker}")
            self.line(depth, f"if {value} is not UNSET:")
            self.line(
                depth + 1,
                f"if {' or '.join(f'{attribute}.{each} is not UNSET' for each in others)}: "
                "raise NotAsTyped",
            )
            self._marked(inner, marker, value, value, depth + 1)
            self.line(depth, "else:")
            depth += 1
        if nullable:
            self.line(depth, f"if {attribute}.NULL is not True: raise NotAsTyped")
            self.line(depth, f"{value} = None")
        else:
            self.line(depth, "raise NotAsTyped")

    def _marked(
        self, column_type: ColumnType, marker: str, found: str, value: str, depth: int
    ) -> None:
        """Write what sets ``value`` from what stands under a marker."""
        match column_type:
            case String() | Boolean():
                if found != value:
                    self.line(depth, f"{value} = {found}")
            case Enum(symbols=symbols):
                self.line(depth, f"{value} = {found}")
                self._unless(f"{value} in {self.bound(frozenset(symbols))}", depth)
            case Integer(bits=bits):
                self._digits(found, value, 9 if bits == 32 else 18, "{}", depth)
                highest = (1 << (bits - 1)) - 1
                self.line(depth + 1, f"{value} = integer({value})")
                self._unless(
                    f"{value} is not None and {-highest - 1} <= {value} <= {highest}", depth + 1
                )
            case Decimal(precision=precision, scale=scale):
                self.line(depth, f"{value} = {found}")
                as_landed = self.bound(_landed_decimal(precision, scale).fullmatch)
                self.line(depth, f"if not {as_landed}({value}):")
                self.line(depth + 1, f"{value} = fixed_point({value}, {precision}, {scale})")
                self._unless(f"{value} is not None", depth + 1)
            case Date():
                self.line(depth, f"{value} = days({found})")
                self._unless(f"{value} is not None", depth)
            case Bytes():
                self.line(depth, f"{value} = {found}")
                self._unless(f"is_base64({value})", depth)
            case Double():
                self._exact(f"double({found})", value, depth)
            case Timestamp(epoch=None):
                self._exact(f"from_iso({found})", value, depth)
            case Timestamp(epoch="seconds"):
                # So many digits are a time before the year 5138.
                self._digits(found, value, 11, "{} * 1000", depth)
                self._exact(f"from_epoch({value}, 'seconds')", value, depth + 1)
            case Timestamp(epoch="milliseconds"):
                self._digits(found, value, 14, "{}", depth)
                self._exact(f"from_epoch({value}, 'milliseconds')", value, depth + 1)
            case Timestamp():
                self._exact(f"from_epoch({found}, 'microseconds')", value, depth)
            case Array(items=items):
                self._array(items, marker, found, value, depth)
            case Map(values=values):
                self._map(values, found, value, depth)
            case Record(columns=columns):
                inner = self.columns(columns, found, depth)
                make = self.bound(
                    _row_type(
                        "_Record", [(f"{v}_", c.name) for v, c in zip(inner, columns, strict=True)]
                    )
                )
                self.line(depth, f"{value} = {make}({', '.join(inner)})")
            case Nullable():
                raise TypeError("a union of a union")

    def _unless(self, condition: str, depth: int) -> None:
        self.line(depth, f"if not ({condition}): raise NotAsTyped")

    def _digits(self, found: str, value: str, most: int, millis: str, depth: int) -> None:
        """Write what sets ``value`` if there are few digits and nothing else; leave off at else."""
        self.line(depth, f"{value} = {found}")
        self.line(depth, f"if {value}.isdigit() and {value}.isascii() and len({value}) <= {most}:")
        self.line(depth + 1, f"{value} = {millis.format(f'int({value})')}")
        self.line(depth, "else:")

    def _exact(self, call: str, value: str, depth: int) -> None:
        self.line(depth, f"{value} = {call}")
        self._unless(f"{value} is not None and {value}[1]", depth)
        self.line(depth, f"{value} = {value}[0]")

    def _array(self, items: ColumnType, marker: str, found: str, value: str, depth: int) -> None:
        if items == String():
            self.line(
                depth, f"{value} = {f'[each.S for each in {found}]' if marker == 'L' else found}"
            )
            return
        member, converted, values = self.name(), self.name(), self.name()
        self.line(depth, f"{values} = []")
        self.line(depth, f"for {member} in {found}:")
        if marker == "L":
            self._attribute(items, member, converted, depth + 1)
        else:
            of = items.of if isinstance(items, Nullable) else items
            self._marked(of, marker[0], member, converted, depth + 1)
        self.line(depth + 1, f"{values}.append({converted})")
        self.line(depth, f"{value} = {values}")

    def _map(self, of: ColumnType, found: str, value: str, depth: int) -> None:
        if of == String():
            self.line(depth, f"{value} = {{key: each.S for key, each in {found}.items()}}")
            return
        key, entry, converted, values = self.name(), self.name(), self.name(), self.name()
        self.line(depth, f"{values} = {{}}")
        self.line(depth, f"for {key}, {entry} in {found}.items():")
        self._attribute(of, entry, converted, depth + 1)
        self.line(depth + 1, f"{values}[{key}] = {converted}")
        self.line(depth, f"{value} = {values}")


def _landed_decimal(precision: int, scale: int) -> re.Pattern[str]:
    """Return what a number looks like that is landed as DynamoDB has it: most money is."""
    whole = f"[1-9][0-9]{{0,{precision - scale - 1}}}"
    if precision == scale:
        whole = "(?!)"
    elif scale:
        whole = f"(?:0|{whole})"
    return re.compile(f"{whole}\\.[0-9]{{{scale}}}" if scale else whole)


def can_be_named(attribute: str) -> bool:
    """Say whether a struct's field can have an attribute's name: msgspec takes no escapes in it."""
    return '"' not in attribute and "\\" not in attribute and min(attribute, default="") >= " "


def attributes_of(columns: Sequence[Column]) -> Iterator[str]:
    """Yield the attributes of columns, those of the records in them included."""
    types: list[ColumnType] = []
    for column in columns:
        yield column.attribute
        types.append(column.type)
    for each in types:
        match each:
            case Nullable(of=inner) | Array(items=inner) | Map(values=inner):
                types.append(inner)
            case Record(columns=inner_columns):
                yield from attributes_of(inner_columns)


def _shared(columns: Sequence[Column]) -> set[str]:
    """Return the attributes that more than one column is made of: each decodes it for itself."""
    counts = Counter(column.attribute for column in columns)
    return {attribute for attribute, count in counts.items() if count > 1}


def _attribute_type(source: _Source, column_type: ColumnType) -> Any:
    """Return the type of the attribute values of a column: a struct with a field for each marker.

    Where more than one marker may come, each is ``UNSET`` unless it comes.
    """
    nullable = isinstance(column_type, Nullable)
    markers = _markers(source, column_type.of if isinstance(column_type, Nullable) else column_type)
    fields: list[Any]
    if len(markers) == 1 and not nullable:
        fields = list(markers.items())
    else:
        if nullable:
            markers["NULL"] = bool
        fields = [(marker, each | UnsetType, UNSET) for marker, each in markers.items()]
    return msgspec.defstruct("_Attribute", fields, forbid_unknown_fields=True, gc=False)


def _markers(source: _Source, column_type: ColumnType) -> dict[str, Any]:
    """Return the markers that an attribute value of a column may have, with what stands there."""
    match column_type:
        case String() | Enum() | Date() | Timestamp(epoch=None):
            return {"S": str}
        case Integer() | Double() | Decimal() | Timestamp():
            return {"N": str}
        case Boolean():
            return {"BOOL": bool}
        case Bytes():
            return {"B": str}
        case Array(items=items):
            members = list[_attribute_type(source, items)]  # type: ignore[misc, valid-type]
            markers = set_markers(items)
            return {"L": members} | ({markers[0]: list[str]} if markers else {})
        case Map(values=values):
            return {"M": dict[str, _attribute_type(source, values)]}  # type: ignore[misc]
        case Record(columns=columns):
            fields, attributes = source.item(columns)
            return {
                "M": msgspec.defstruct(
                    "_Item", fields, rename=attributes, forbid_unknown_fields=True, gc=False
                )
            }
        case Nullable():
            raise TypeError("a union of a union")
