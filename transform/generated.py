"""Generates, from a table's columns, types that decode an item and code that makes rows.

The code takes some dozens of items and makes one column of all of them before the next: a short
loop for each column is faster in the interpreter than a long one for each item.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal

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
    Epoch,
    Integer,
    Map,
    Nullable,
    Record,
    String,
    Timestamp,
)
from transform import numbers, times
from transform.attributes import is_base64, set_markers

UNFIT: Final = object()
"""Marks in a row a value that does not fit its column's type.

No encoder accepts it, so such a row is never written. `transform.row` then handles the record.
"""

# The first columns of a row, in the order of `transform.row`.
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

_NAMEABLE = re.compile(r'[^"\\\x00-\x1f\ud800-\udfff]+')


class Generated:
    """The generated types and code of one table.

    Parameters
    ----------
    table
        The table.
    type_attribute
        Name of the item's attribute that names its record type.

    Attributes
    ----------
    fields
        The fields of a `msgspec.Struct` for an item's attributes, each with its column's type. An
        optional attribute that is absent is ``UNSET``.
    attributes
        The attribute's name of each field.
    columns
        ``columns(items, narrowed)`` takes the items and, for each item, an empty list. It returns
        for each column a list of one value for each item, or ``UNFIT`` where the column does not
        hold the item's value. If a column holds a value only in part, the name of the value's field
        is appended to the item's list. It raises `msgspec.ValidationError` if a value does not fit
        and the code cannot tell which item has it.
    row
        The type of a row: the envelope's columns, the table's columns, ``rescued_attributes``.
    """

    def __init__(self, table: Table, type_attribute: str) -> None:
        source = _Source()
        self.fields, self.attributes = source.item(table.columns)
        if type_attribute not in self.attributes.values():
            # Only the record type's name fits: any other value would have to be rescued.
            only = Literal[table.record_type]  # type: ignore[name-defined]
            self.fields.append(("type", strict("_Type", [("S", only)])))
            self.attributes["type"] = type_attribute
        names = [*_ENVELOPE, *(column.name for column in table.columns), _RESCUED]
        self.row = _row_type("_Row", names)
        columns = zip(table.columns, source.columns(table.columns, "item"), strict=True)
        # The source has only numbered names, and values bound to them: no text of a schema becomes
        # code.
        code = (
            "def columns(items, narrowed):\n    return [\n"
            + "".join(f"        {_loop(column.type, each)},\n" for column, each in columns)
            + "    ]"
        )
        exec(code, source.names)  # noqa: S102
        self.columns: Callable[..., list[list[Any]]] = source.names["columns"]


def _loop(column_type: ColumnType, expression: str) -> str:
    if can_narrow(column_type):
        return f"[{expression} for item, lost in zip(items, narrowed)]"
    return f"[{expression} for item in items]"


def can_narrow(column_type: ColumnType) -> bool:
    """Return whether a column of a type may hold only a part of a value that fits."""
    match column_type:
        case Double() | Timestamp():
            return True
        case Nullable(of=inner) | Array(items=inner) | Map(values=inner):
            return can_narrow(inner)
        case Record(columns=columns):
            return any(can_narrow(column.type) for column in columns)
        case _:
            return False


def _row_type(name: str, columns: Sequence[str]) -> type[msgspec.Struct]:
    """Return the type of a row with these columns. Its encoder leaves out null columns."""
    places = {f"c{place}": column for place, column in enumerate(columns)}
    return msgspec.defstruct(
        name,
        [(place, Any, None) for place in places],
        rename=places,
        omit_defaults=True,
        gc=False,
    )


class _Source:
    """Makes types and expressions for columns, and keeps the values that the expressions name."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {
            "UNSET": UNSET,
            "UNFIT": UNFIT,
            "double": _double,
            "seconds": _epoch("seconds"),
            "millis": _epoch("milliseconds"),
            "micros": _micros,
            "is_short_number": numbers.SHORT_NUMBER.fullmatch,
            "iso": _iso,
            "date": _date,
            "is_base64": is_base64,
        }
        self._count = 0
        self._field = ""

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def bound(self, value: Any) -> str:
        """Return a new name under which the code finds a value when it runs."""
        name = self._name()
        self.names[name] = value
        return name

    # Types.

    def item(self, columns: Sequence[Column]) -> tuple[list[Any], dict[str, str]]:
        """Return the struct fields of an item, or of a map in it, and their attributes."""
        places = _places(columns)
        shared = _shared(columns)
        fields: list[Any] = []
        for place, column in enumerate(columns):
            if places[column.attribute] != place:
                continue
            if column.attribute in shared:
                fields.append((f"c{place}", msgspec.Raw | UnsetType, UNSET))
            elif column.has_default:
                fields.append((f"c{place}", _attribute_type(self, column.type) | UnsetType, UNSET))
            else:
                fields.append((f"c{place}", _attribute_type(self, column.type)))
        return fields, {f"c{place}": attribute for attribute, place in places.items()}

    # Expressions.

    def columns(self, columns: Sequence[Column], item: str) -> list[str]:
        """Return for each column the expression of an item's value."""
        places = _places(columns)
        shared = _shared(columns)
        expressions = []
        for column in columns:
            field = f"c{places[column.attribute]}"
            if item == "item":
                self._field = field
            found = f"{item}.{field}"
            expressions.append(self._column(column, found, column.attribute in shared))
        return expressions

    def _column(self, column: Column, found: str, shared: bool) -> str:
        if not (shared or column.has_default):
            return self._attribute(column.type, found)
        name = self._name()
        present = name
        if shared:
            decoder = msgspec.json.Decoder(_attribute_type(self, column.type))
            present = f"{self.bound(decoder.decode)}({name})"
        if not column.has_default:
            absent = "UNFIT"
        elif column.default is None:
            absent = "None"
        else:
            absent = self.bound(column.default)
        value = self._attribute(column.type, present)
        return f"({absent} if ({name} := {found}) is UNSET else {value})"

    def _attribute(self, column_type: ColumnType, found: str) -> str:
        """Return the expression of an attribute value, which must have exactly one marker."""
        nullable = isinstance(column_type, Nullable)
        inner = column_type.of if isinstance(column_type, Nullable) else column_type
        markers = list(_markers(self, inner))
        if len(markers) == 1 and not nullable:
            return self._marked(inner, markers[0], f"{found}.{markers[0]}")
        attribute, value = self._name(), self._name()
        alternatives: list[str] = []
        for marker in markers:
            others = [each for each in (*markers, *["NULL"] * nullable) if each != marker]
            alone = " and ".join(f"{attribute}.{each} is UNSET" for each in others)
            converted = self._marked(inner, marker, value)
            first = f"({attribute} := {found})" if not alternatives else attribute
            alternatives.append(
                f"{converted} if ({value} := {first}.{marker}) is not UNSET and {alone} else "
            )
        rest = f"{self.bound(_null(markers))}({attribute})" if nullable else "UNFIT"
        return f"({''.join(alternatives)}{rest})"

    def _marked(self, column_type: ColumnType, marker: str, found: str) -> str:
        """Return the expression of a marker's content."""
        value = self._name()
        first = f"({value} := {found})"
        match column_type:
            case String() | Boolean():
                return found
            case Date():
                return f"date({found})"
            case Timestamp(epoch=None):
                return f"iso({found}, {self._lost})"
            case Timestamp(epoch="microseconds"):
                return f"micros({found}, {self._lost})"
            case Enum(symbols=symbols):
                return f"({value} if {first} in {self.bound(frozenset(symbols))} else UNFIT)"
            case Double():
                short = f"len({first}) <= {numbers.DOUBLE_DIGITS} and is_short_number({value})"
                return f"(float({value}) if {short} else double({value}, {self._lost}))"
            case Bytes():
                return f"({value} if is_base64({first}) else UNFIT)"
            case Decimal(precision=precision, scale=scale):
                landed = self.bound(_landed_decimal(precision, scale).fullmatch)
                fixed = self.bound(_fixed_point(precision, scale))
                return f"({value} if {landed}({first}) else {fixed}({value}))"
            case Integer(bits=bits):
                other = f"{self.bound(_integer(bits))}({value})"
                return self._digits(value, found, 9 if bits == 32 else 18, other)
            case Timestamp(epoch="seconds"):
                # A number with so few digits is a time before the year 5138.
                other = f"seconds({value}, {self._lost})"
                return self._digits(value, found, 11, other, " * 1000")
            case Timestamp():
                return self._digits(value, found, 14, f"millis({value}, {self._lost})")
            case Array(items=items):
                return self._array(items, marker, found)
            case Map(values=values):
                key = self._name()
                entry = self._attribute(values, value)
                return f"{{{key}: {entry} for {key}, {value} in {found}.items()}}"
            case Record(columns=columns):
                make = self.bound(_row_type("_Record", [column.name for column in columns]))
                return f"{make}({', '.join(self.columns(columns, found))})"
            case Nullable():
                raise TypeError("a union of a union")

    @property
    def _lost(self) -> str:
        """The arguments of a function that may narrow: where it says so, and of which field."""
        return f'lost, "{self._field}"'

    @staticmethod
    def _digits(value: str, found: str, most: int, other: str, factor: str = "") -> str:
        """Return an expression that converts a few digits itself, and is ``other`` if not."""
        few = f"({value} := {found}).isdigit() and {value}.isascii() and len({value}) <= {most}"
        return f"(int({value}){factor} if {few} else {other})"

    def _array(self, items: ColumnType, marker: str, found: str) -> str:
        member = self._name()
        if marker == "L":
            each = self._attribute(items, member)
        else:
            of = items.of if isinstance(items, Nullable) else items
            each = self._marked(of, marker[0], member)
        return f"[{each} for {member} in {found}]"


def _null(markers: Sequence[str]) -> Callable[[Any], Any]:
    def null(attribute: Any) -> Any:
        alone = all(getattr(attribute, marker) is UNSET for marker in markers)
        return None if attribute.NULL is True and alone else UNFIT

    return null


def _integer(bits: int) -> Callable[[str], Any]:
    highest = (1 << (bits - 1)) - 1

    def integer(text: str) -> Any:
        number = numbers.integer(text)
        return number if number is not None and -highest - 1 <= number <= highest else UNFIT

    return integer


def _fixed_point(precision: int, scale: int) -> Callable[[str], Any]:
    def fixed_point(text: str) -> Any:
        number = numbers.fixed_point(text, precision, scale)
        return UNFIT if number is None else number

    return fixed_point


def _epoch(unit: Epoch) -> Callable[[str, list[str], str], Any]:
    return lambda text, lost, field: _nearest(times.from_epoch(text, unit), lost, field)


def _micros(text: str, lost: list[str], field: str) -> Any:
    # Nearly every such time narrows, so this is worth a way of its own. A number with so few
    # digits is a time before the year 5138.
    if text.isdigit() and text.isascii() and len(text) <= 17:
        millis, rest = divmod(int(text), 1000)
        if rest:
            lost.append(field)
        return millis
    return _nearest(times.from_epoch(text, "microseconds"), lost, field)


def _iso(text: str, lost: list[str], field: str) -> Any:
    found = times.from_javascript(text)
    return _nearest(times.from_iso(text), lost, field) if found is None else found


def _double(text: str, lost: list[str], field: str) -> Any:
    return _nearest(numbers.double(text), lost, field)


def _nearest(found: tuple[Any, bool] | None, lost: list[str], field: str) -> Any:
    if found is None:
        return UNFIT
    nearest, same = found
    if not same:
        lost.append(field)
    return nearest


def _date(text: str) -> Any:
    days = times.days(text)
    return UNFIT if days is None else days


def _landed_decimal(precision: int, scale: int) -> re.Pattern[str]:
    """Return the pattern of numbers that are landed unchanged, as most amounts of money are."""
    whole = f"(?:0|[1-9][0-9]{{0,{precision - scale - 1}}})" if precision > scale else "0"
    return re.compile(f"{whole}\\.[0-9]{{{scale}}}" if scale else whole)


def can_be_named(attribute: str) -> bool:
    """Return whether msgspec accepts an attribute's name: it takes none that JSON escapes."""
    return _NAMEABLE.fullmatch(attribute) is not None


def attributes_of(columns: Sequence[Column]) -> Iterator[str]:
    """Yield the attributes of columns, and those of the records in them."""
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


def _places(columns: Sequence[Column]) -> dict[str, int]:
    """Return for each attribute the index of the last column that is made of it."""
    return {column.attribute: place for place, column in enumerate(columns)}


def _shared(columns: Sequence[Column]) -> set[str]:
    """Return the attributes of more than one column: each such column decodes its own copy."""
    counts = Counter(column.attribute for column in columns)
    return {attribute for attribute, count in counts.items() if count > 1}


def _attribute_type(source: _Source, column_type: ColumnType) -> Any:
    """Return the type of a column's attribute values: a struct with a field for each marker.

    If more than one marker is possible, the absent ones are ``UNSET``.
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
    return strict("_Attribute", fields)


def strict(
    name: str, fields: Sequence[Any], rename: dict[str, str] | None = None
) -> type[msgspec.Struct]:
    """Return a struct type that accepts these fields, in any order, and no others."""
    return msgspec.defstruct(
        name, fields, rename=rename, kw_only=True, forbid_unknown_fields=True, gc=False
    )


def _markers(source: _Source, column_type: ColumnType) -> dict[str, Any]:
    """Return the markers that an attribute value of a column may have, and each content's type."""
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
            return {"M": strict("_Item", fields, attributes)}
        case Nullable():
            raise TypeError("a union of a union")
