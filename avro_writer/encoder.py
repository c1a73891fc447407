"""Rows to Avro binary: a function generated from the schema, so that each row costs little.

Written to https://avro.apache.org/docs/1.12.0/specification/#binary-encoding. The tests hold it to
fastavro, which reads what this writes.

Rows are encoded some dozens at a time and column by column: the interpreter does one thing many
times before it does the next (docs/decisions/encoder.md).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import CodeType
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
_BEGIN_2, _SMALL = _BEGIN[::2], _END[::2]


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


def decimal(precision: int, scale: int, before: bytes = b"") -> Callable[[str], bytes]:
    """Return a function from a landed decimal (``12.50``) to Avro's ``decimal`` of ``bytes``.

    That is two's complement, big endian, in no more bytes than it needs, and their number before
    them. The function raises `BadRow` for a text that is not a number with exactly ``scale``
    decimals and at most ``precision`` digits.

    Parameters
    ----------
    precision, scale
        The most digits, and how many of them are decimals.
    before
        Bytes to put before each number.
    """
    most_digits = max(precision, scale + 1)
    point = -scale - 1
    # Most money has one to three bytes: what is before them, as a part of one number.
    one, two, three = (
        int.from_bytes(before + long(size) + bytes(size), "big") for size in (1, 2, 3)
    )
    around = len(before) + 1

    def encode(text: str) -> bytes:
        digits = text
        if scale:
            if text[point:-scale] != ".":
                raise BadRow(f"{text!r} is not a decimal with {scale} decimals")
            digits = text.replace(".", "", 1)
        if digits.isdigit() and digits.isascii() and len(digits) <= precision:
            number = int(digits)
            if number < 0x800000:
                if number >= 0x8000:
                    return (three | number).to_bytes(around + 3, "big")
                if number >= 0x80:
                    return (two | number).to_bytes(around + 2, "big")
                return (one | number).to_bytes(around + 1, "big")
        else:
            unsigned = digits.removeprefix("-")
            if not (unsigned.isdigit() and unsigned.isascii()):
                raise BadRow(f"{text!r} is not a decimal")
            # Where all digits are decimals, the 0 before the point is not one of them.
            if len(unsigned) > precision and (len(unsigned) > most_digits or unsigned[0] != "0"):
                raise OtherSchema(f"{text!r} has more than {precision} digits")
            number = int(digits)
        size = (number if number >= 0 else ~number).bit_length() // 8 + 1
        return before + _SMALL[size] + number.to_bytes(size, "big", signed=True)

    return encode


class _Sizes(dict[int, bytes]):
    """What stands before each number that is not negative. Large ones are made when asked for."""

    def __init__(self, small: Iterable[bytes], before: bytes = b"") -> None:
        super().__init__(enumerate(small))
        self._before = before

    def __missing__(self, number: int) -> bytes:
        return self._before + long(number)


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


_VALUE_SMALL = [_VALUE + each for each in _SMALL]

# By names that nothing else has: a column's own constants are numbered.
_NAMES: dict[str, Any] = {
    "SMALL": _SMALL,
    "VALUE_SMALL": _VALUE_SMALL,
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
# Lists are faster than these, but they end where a length is not small.
_FOR_LONG = {"SMALL": _Sizes(_SMALL), "VALUE_SMALL": _Sizes(_VALUE_SMALL, _VALUE)}


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
        _joined(source.pieces(column.type, f"row.{field_name(index)}"))
        for index, column in enumerate(record.columns)
    ]
    # The source is made of column positions and of constants bound by name: nothing that a schema
    # says becomes code.
    lists = "".join(f"    [{column} for row in rows],\n" for column in columns)
    code = compile(f"def encode(rows): return [\n{lists}]", "<encoder>", "exec")
    usual = _defined(code, {**_NAMES, **source.constants})
    any_length = _defined(code, {**_NAMES, **_FOR_LONG, **source.constants})

    def encode(rows: Sequence[Any]) -> list[list[bytes]]:
        try:
            return usual(rows)
        except IndexError:
            return any_length(rows)

    return encode


def _defined(code: CodeType, namespace: dict[str, Any]) -> Encode:
    exec(code, namespace)  # noqa: S102
    encode: Encode = namespace["encode"]
    return encode


def rows_of(columns: Iterable[Sequence[bytes]]) -> list[bytes]:
    """Return the Avro binary of each row: what its columns are encoded to, one after another."""
    return list(map(b"".join, zip(*columns, strict=True)))


def _places(symbols: Sequence[str]) -> dict[str, bytes]:
    return {symbol: long(place) for place, symbol in enumerate(symbols)}


def _joined(pieces: Sequence[str]) -> str:
    """Return an expression for the bytes of several, one after another."""
    # From three on, joining them is faster.
    return " + ".join(pieces) if len(pieces) < 3 else f"join(({', '.join(pieces)}))"


def _blocks(name: str, bound: str, each: str) -> str:
    """Return an expression for an array or a map: one block if it has anything, and the end."""
    return f"(SMALL[len({name})] + join([{each}]) + EMPTY if {bound} else EMPTY)"


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

    def _named(self, value: str) -> tuple[str, str]:
        """Return a name for a value, and an expression that gives the name to the value."""
        if value.isidentifier():
            return value, value
        name = self._name()
        return name, f"({name} := {value})"

    def pieces(self, column_type: ColumnType, value: str) -> list[str]:
        """Return expressions whose bytes, one after another, are those of a value.

        Each of them can be an operand.

        Parameters
        ----------
        column_type
            The type of the value.
        value
            An expression for it.
        """
        match column_type:
            case String():
                return self._sized(f"{value}.encode()")
            case Bytes():
                return self._sized(value)
            case Boolean():
                return [f"BOOLEAN[{value}]"]
            case Integer(bits=bits):
                return [self._integer(bits, *self._named(value))]
            case Timestamp():
                return [self._timestamp(*self._named(value))]
            case Date():
                return [f"long({value})"]
            case Double():
                return [f"double({value})"]
            case Decimal(precision=precision, scale=scale):
                return [f"{self._bound(decimal(precision, scale))}({value})"]
            case Enum(symbols=symbols):
                return [f"{self._bound(_Symbols(_places(symbols)))}[{value}]"]
            case Nullable(of=inner):
                return [self._optional(inner, value)]
            case Array(items=items):
                item = self._name()
                name, bound = self._named(value)
                each = _joined(self.pieces(items, item))
                return [_blocks(name, bound, f"{each} for {item} in {name}")]
            case Map(values=values):
                key, entry = self._name(), self._name()
                name, bound = self._named(value)
                each = _joined([f"{self._bound(_Keys())}[{key}]", *self.pieces(values, entry)])
                return [_blocks(name, bound, f"{each} for {key}, {entry} in {name}.items()")]
            case Record(columns=columns):
                name, first = self._named(value)
                places = [f"{name}.{field_name(index)}" for index in range(len(columns))]
                places[0] = f"{first}.{field_name(0)}"
                types = (column.type for column in columns)
                return [each for of in map(self.pieces, types, places) for each in of]

    def _optional(self, inner: ColumnType, value: str) -> str:
        match inner:
            case Boolean():
                return f"OPTIONAL_BOOLEAN[{value}]"
            case Enum(symbols=symbols):
                return f"{self._bound(_Symbols(_optional(_places(symbols))))}[{value}]"
        name, bound = self._named(value)
        match inner:
            case Double():
                some = f"optional_double(2, {name})"
            case String():
                some = _joined(self._sized(f"{name}.encode()", "VALUE_SMALL"))
            case Integer(bits=bits):
                some = self._integer(bits, name, name, "VALUE_")
            case Timestamp():
                some = self._timestamp(name, name, "VALUE_")
            case Decimal(precision=precision, scale=scale):
                some = f"{self._bound(decimal(precision, scale, _VALUE))}({name})"
            case _:
                some = _joined(["VALUE", *self.pieces(inner, name)])
        return f"(NULL if {bound} is None else {some})"

    def _integer(self, bits: int, name: str, bound: str, before: str = "") -> str:
        """Return an expression for a number, made in place if it is usual: a call costs more."""
        rest = f"{'VALUE + ' if before else ''}long({name})"
        if bits > 32:
            # Microseconds, from 1970-01-26 to 3111.
            pieces = [f"{before}BEGIN_2[{name} & 0x1FFF]", f"BEGIN[{name} >> 13 & 0x3FFF]"]
            pieces += [f"BEGIN[{name} >> 27 & 0x3FFF]", f"END[{name} >> 41]"]
            rest = f"{_joined(pieces)} if {1 << 41} <= {name} < {1 << 55} else {rest}"
        two = f"{before}BEGIN_2[{name} & 0x1FFF] + END[{name} >> 13]"
        rest = f"{two} if {1 << 13} <= {name} < {1 << 27} else {rest}"
        return f"({before}SMALL[{name}] if 0 <= {bound} < {1 << 13} else {rest})"

    def _timestamp(self, name: str, bound: str, before: str = "") -> str:
        # From 1970-01-02 to 2039 in place.
        usual = f"{1 << 27} <= {bound} < {1 << 41}"
        made = (
            f"{before}BEGIN_2[{name} & 0x1FFF] + BEGIN[{name} >> 13 & 0x3FFF] + END[{name} >> 27]"
        )
        return f"({made} if {usual} else {'VALUE + ' if before else ''}long({name}))"

    def _sized(self, data: str, size: str = "SMALL") -> list[str]:
        name, bound = self._named(data)
        return [f"{size}[len({bound})]", name]
