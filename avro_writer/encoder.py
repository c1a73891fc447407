"""Rows to Avro binary: a function generated from the schema, so that each row costs little.

Written to https://avro.apache.org/docs/1.12.0/specification/#binary-encoding. The tests hold it to
fastavro, which reads what this writes.

Rows are encoded some dozens at a time and column by column: the interpreter does one thing many
times before it does the next (docs/decisions/encoder.md).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from avro_writer.rows import BadRow, OtherSchema, field_name
from schemas.columns import (
    Array,
    Boolean,
    Bytes,
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

Encode = Callable[[Sequence[Any]], list[list[bytes]]]

# The branches of a union with null, which comes first.
_NULL, _VALUE = b"\x00", b"\x02"
_BOOLEAN = {False: b"\x00", True: b"\x01"}
_TWO_BYTES = 1 << 14
# Of 14 bits the two bytes that begin a longer number, and the one or two that end any.
_BEGIN = [bytes((each & 0x7F | 0x80, each >> 7 | 0x80)) for each in range(_TWO_BYTES)]
_END = [
    bytes((each,)) if each < 0x80 else bytes((each & 0x7F | 0x80, each >> 7))
    for each in range(_TWO_BYTES)
]
# Zigzag doubles what is not negative: the same for 13 bits of it.
_BEGIN_2 = _BEGIN[::2]


def long(number: int) -> bytes:
    """Return an integer as Avro writes ``int`` and ``long``: zigzag, seven bits a byte.

    Parameters
    ----------
    number
        Of at most 64 bits.
    """
    if number < 0:
        rest = ~(number << 1)
        if rest < _TWO_BYTES:
            return _END[rest]
        written = _BEGIN[rest & 0x3FFF]
        rest >>= 14
    elif number < _TWO_BYTES // 2:
        return _END[number << 1]
    else:
        written = _BEGIN_2[number & 0x1FFF]
        rest = number >> 13
    while rest >= _TWO_BYTES:
        written += _BEGIN[rest & 0x3FFF]
        rest >>= 14
    return written + _END[rest]


def decimal(precision: int, scale: int) -> Callable[[str], bytes]:
    """Return a function from a landed decimal (``12.50``) to Avro's ``decimal`` of ``bytes``.

    That is two's complement, big endian, in no more bytes than it needs, and their number before
    them. The function raises `BadRow` for a text that is not a number with exactly ``scale``
    decimals and at most ``precision`` digits.
    """
    most_digits = max(precision, scale + 1)
    point = -scale - 1

    def encode(text: str) -> bytes:
        digits = text
        if scale:
            if text[point:-scale] != ".":
                raise BadRow(f"{text!r} is not a decimal with {scale} decimals")
            digits = text.replace(".", "", 1)
        unsigned = digits.removeprefix("-")
        if not (unsigned.isdigit() and unsigned.isascii()):
            raise BadRow(f"{text!r} is not a decimal")
        # Where all digits are decimals, the 0 before the point is not one of them.
        if len(unsigned) > precision and (len(unsigned) > most_digits or unsigned[0] != "0"):
            raise OtherSchema(f"{text!r} has more than {precision} digits")
        number = int(digits)
        if 0 <= number < 0x800000:
            # Most money. The length is a ``long``, and so is twice itself.
            if number < 0x80:
                return (0x0200 | number).to_bytes(2, "big")
            if number < 0x8000:
                return (0x040000 | number).to_bytes(3, "big")
            return (0x06000000 | number).to_bytes(4, "big")
        size = (number if number >= 0 else ~number).bit_length() // 8 + 1
        return _END[2 * size] + number.to_bytes(size, "big", signed=True)

    return encode


class _Lengths(dict[int, bytes]):
    """Lengths ready made, after what stands before them; long ones are made when asked for."""

    def __init__(self, before: bytes = b"") -> None:
        super().__init__((each, before + long(each)) for each in range(1 << 12))
        self._before = before

    def __missing__(self, length: int) -> bytes:
        return self._before + long(length)


class _Keys(dict[str, bytes]):
    """Keys of maps, which are few: each is made once."""

    _MOST, _LONGEST = 4096, 64

    def __missing__(self, key: str) -> bytes:
        text = key.encode()
        made = long(len(text)) + text
        if len(text) <= self._LONGEST and len(self) < self._MOST:
            self[key] = made
        return made


class _Symbols(dict[str | None, bytes]):
    """An enum's symbols."""

    def __missing__(self, value: str) -> bytes:
        raise OtherSchema(f"{value!r} is no symbol of the enum")


def _optional(made: Mapping[Any, bytes]) -> dict[Any, bytes]:
    return {None: _NULL, **{value: _VALUE + each for value, each in made.items()}}


# By names that nothing else has: a column's own constants are numbered.
_NAMES: dict[str, Any] = {
    "LENGTH": _Lengths(),
    "VALUE_LENGTH": _Lengths(_VALUE),
    "BOOLEAN": _BOOLEAN,
    "OPTIONAL_BOOLEAN": _optional(_BOOLEAN),
    "NULL": _NULL,
    "VALUE": _VALUE,
    "EMPTY": b"\x00",
    "BEGIN": _BEGIN,
    "BEGIN_2": _BEGIN_2,
    "VALUE_BEGIN_2": [_VALUE + each for each in _BEGIN_2],
    "END": _END,
    "long": long,
    "double": struct.Struct("<d").pack,
    "optional_double": struct.Struct("<Bd").pack,
    "join": b"".join,
}


def compile_encoder(record: Record) -> Encode:
    """Return a function from rows to the Avro binary of their columns.

    It returns a list for each column, of what its value in each row is encoded to; `rows_of` makes
    rows of them.

    Parameters
    ----------
    record
        All columns of the table.

    Raises
    ------
    BadRow
        By the function returned: a row has a value that its column cannot hold.
    """
    source = _Source()
    columns = [
        f"    [{source.value(column.type, f'row.{field_name(index)}')} for row in rows],\n"
        for index, column in enumerate(record.columns)
    ]
    namespace = {**_NAMES, **source.constants}
    # The source is made of column positions and of constants bound by name: nothing that a schema
    # says becomes code.
    exec("def encode(rows): return [\n" + "".join(columns) + "]", namespace)  # noqa: S102
    encode: Encode = namespace["encode"]
    return encode


def rows_of(columns: Iterable[Sequence[bytes]]) -> list[bytes]:
    """Return the Avro binary of each row: what its columns are encoded to, one after another."""
    return list(map(b"".join, zip(*columns, strict=True)))


def _places(symbols: Sequence[str]) -> dict[str, bytes]:
    return {symbol: long(place) for place, symbol in enumerate(symbols)}


class _Source:
    """Expressions for values, and the constants in them."""

    def __init__(self) -> None:
        self.constants: dict[str, Any] = {}
        self._names = 0

    def _name(self) -> str:
        self._names += 1
        return f"v{self._names}"

    def _bound(self, constant: Any) -> str:
        name = self._name()
        self.constants[name] = constant
        return name

    def value(self, column_type: ColumnType, value: str) -> str:
        """Return an expression for the bytes of a value, which an expression is given for."""
        match column_type:
            case String():
                return self._sized(f"{value}.encode()")
            case Bytes():
                return self._sized(value)
            case Boolean():
                return f"BOOLEAN[{value}]"
            case Integer():
                name = self._name()
                # Most counts: zigzag doubles what is not negative.
                small = f"0 <= ({name} := {value}) < {_TWO_BYTES // 2}"
                return f"(END[{name} + {name}] if {small} else long({name}))"
            case Timestamp():
                return self._timestamp(value, "BEGIN_2", "long")
            case Date():
                return f"long({value})"
            case Double():
                return f"double({value})"
            case Decimal(precision=precision, scale=scale):
                return f"{self._bound(decimal(precision, scale))}({value})"
            case Enum(symbols=symbols):
                return f"{self._bound(_Symbols(_places(symbols)))}[{value}]"
            case Nullable(of=inner):
                return self._optional(inner, value)
            case Array(items=items):
                name, item = self._name(), self._name()
                return self._blocks(name, value, f"{self.value(items, item)} for {item} in {name}")
            case Map(values=values):
                name, key, entry = self._name(), self._name(), self._name()
                pair = f"{self._bound(_Keys())}[{key}] + {self.value(values, entry)}"
                return self._blocks(name, value, f"{pair} for {key}, {entry} in {name}.items()")
            case Record(columns=columns):
                name = self._name()
                places = [f"{name}.{field_name(index)}" for index in range(len(columns))]
                places[0] = f"({name} := {value}).{field_name(0)}"
                return " + ".join(map(self.value, (column.type for column in columns), places))

    def _optional(self, inner: ColumnType, value: str) -> str:
        match inner:
            case Boolean():
                return f"OPTIONAL_BOOLEAN[{value}]"
            case Enum(symbols=symbols):
                return f"{self._bound(_Symbols(_optional(_places(symbols))))}[{value}]"
        name = self._name()
        match inner:
            case Double():
                some = f"optional_double(2, {name})"
            case String():
                some = self._sized(f"{name}.encode()", "VALUE_LENGTH")
            case Timestamp():
                some = self._timestamp(name, "VALUE_BEGIN_2", "VALUE + long")
            case _:
                some = f"VALUE + {self.value(inner, name)}"
        return f"(NULL if ({name} := {value}) is None else {some})"

    def _timestamp(self, value: str, begin: str, long: str) -> str:
        name = self._name()
        # From 1970-01-02 to 2039 in place: a call costs a third more.
        usual = f"{1 << 27} <= ({name} := {value}) < {1 << 41}"
        made = f"{begin}[{name} & 0x1FFF] + BEGIN[{name} >> 13 & 0x3FFF] + END[{name} >> 27]"
        return f"({made} if {usual} else {long}({name}))"

    def _sized(self, data: str, size: str = "LENGTH") -> str:
        name = self._name()
        return f"{size}[len({name} := {data})] + {name}"

    def _blocks(self, name: str, value: str, each: str) -> str:
        """Return an expression for an array or a map: one block if it has anything, and the end."""
        block = f"LENGTH[len({name})] + join([{each}]) + EMPTY"
        return f"({block} if ({name} := {value}) else EMPTY)"
