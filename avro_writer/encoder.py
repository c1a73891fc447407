"""Rows to Avro binary: a function generated from the schema, so that each row costs little.

Written to https://avro.apache.org/docs/1.12.0/specification/#binary-encoding. The tests hold it to
fastavro, which reads what this writes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from avro_writer.rows import BadRow, field_name
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

Encode = Callable[[Any, bytearray], None]


def long(number: int) -> bytes:
    """Return an integer as Avro writes ``int`` and ``long``: zigzag, seven bits a byte."""
    rest = (number << 1) ^ (number >> 63)
    if rest < 0x80:
        return _BYTES[rest]
    size = (rest.bit_length() + 6) // 7
    if size > 8:
        return _BYTES[rest & 0x7F | 0x80] + _unsigned(rest >> 7)
    return _unsigned(rest)


def _unsigned(rest: int) -> bytes:
    """Return a number below 2**63 with seven bits in each byte, the lowest first."""
    size = (rest.bit_length() + 6) // 7
    high = b""
    if size > 8:
        rest, high = rest & 0xFFFFFFFFFFFFFF, _BYTES[rest >> 56]
        size = 8
    # In three steps, each of which moves halves apart, the bits come to lie seven to a byte.
    rest = rest & 0xFFFFFFF | (rest & 0xFFFFFFF0000000) << 4
    rest = rest & 0x3FFF00003FFF | (rest & 0xFFFC0000FFFC000) << 2
    rest = rest & 0x7F007F007F007F | (rest & 0x3F803F803F803F80) << 1
    return (rest | _CONTINUED[size + bool(high)]).to_bytes(size, "little") + high


def unscaled(text: str, precision: int, scale: int) -> bytes:
    """Return a landed decimal (``12.50``) as Avro's ``decimal``: two's complement, big endian.

    Raises
    ------
    BadRow
        The text is not a number with exactly ``scale`` decimals and at most ``precision`` digits.
    """
    digits = text
    if scale:
        if text[-scale - 1 : -scale] != ".":
            raise BadRow(f"{text!r} is not a decimal with {scale} decimals")
        digits = text[: -scale - 1] + text[-scale:]
    unsigned = digits[1:] if digits[:1] == "-" else digits
    if not (unsigned.isascii() and unsigned.isdigit()):
        raise BadRow(f"{text!r} is not a decimal")
    if len(unsigned) > max(precision, scale + 1):
        raise BadRow(f"{text!r} has more than {precision} digits")
    number = int(digits)
    magnitude = number if number >= 0 else ~number
    return number.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True)


_BYTES = [bytes([each]) for each in range(256)]
# The eighth bit of every byte but the last, by the number of bytes.
_CONTINUED = [sum(0x80 << 8 * each for each in range(min(size - 1, 8))) for size in range(10)]
# Lengths of most texts, and most counts, ready made.
_SMALL = 1 << 12
_LONGS = [long(each) for each in range(_SMALL)]


def compile_encoder(record: Record) -> Encode:
    """Return a function that appends a row's Avro binary to a buffer.

    Parameters
    ----------
    record
        All columns of the table.

    Raises
    ------
    BadRow
        By the function returned: a value that its column cannot hold. The buffer then has the
        beginning of the row, which is the caller's to take back.
    """
    source = _Source()
    source.line(0, "def encode(row, out):")
    source.record(record, "row", 1)
    namespace: dict[str, Any] = {
        "BadRow": BadRow,
        "SMALL": _SMALL,
        "LONGS": _LONGS,
        "long": long,
        "unscaled": unscaled,
        "pack_double": struct.Struct("<d").pack,
        **source.constants,
    }
    # The source is made of column positions and of constants bound by name: nothing that a schema
    # says becomes code.
    exec("\n".join(source.lines), namespace)  # noqa: S102
    encode: Encode = namespace["encode"]
    return encode


class _Source:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {}
        self._names = 0

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def name(self) -> str:
        self._names += 1
        return f"v{self._names}"

    def record(self, record: Record, row: str, depth: int) -> None:
        for index, column in enumerate(record.columns):
            value = self.name()
            self.line(depth, f"{value} = {row}.{field_name(index)}")
            self.value(column.type, value, depth)

    def value(self, column_type: ColumnType, value: str, depth: int) -> None:
        match column_type:
            case String():
                self._sized(f"{value}.encode()", depth)
            case Bytes():
                self._sized(value, depth)
            case Boolean():
                self.line(depth, f"out.append({value})")
            case Integer():
                small = f"LONGS[{value}] if 0 <= {value} < SMALL"
                self.line(depth, f"out += {small} else long({value})")
            case Timestamp() | Date():
                self.line(depth, f"out += long({value})")
            case Double():
                self.line(depth, f"out += pack_double({value})")
            case Decimal(precision=precision, scale=scale):
                self._sized(f"unscaled({value}, {precision}, {scale})", depth)
            case Enum():
                self._enum(column_type, value, depth)
            case Nullable(of=inner):
                self.line(depth, f"if {value} is None:")
                self.line(depth + 1, "out.append(0)")
                self.line(depth, "else:")
                self.line(depth + 1, "out.append(2)")
                self.value(inner, value, depth + 1)
            case Array(items=items):
                self._block(value, depth)
                item = self.name()
                self.line(depth + 1, f"for {item} in {value}:")
                self.value(items, item, depth + 2)
                self.line(depth, "out.append(0)")
            case Map(values=values):
                self._block(value, depth)
                key, entry = self.name(), self.name()
                self.line(depth + 1, f"for {key}, {entry} in {value}.items():")
                self._sized(f"{key}.encode()", depth + 2)
                self.value(values, entry, depth + 2)
                self.line(depth, "out.append(0)")
            case Record():
                self.record(column_type, value, depth)

    def _sized(self, data: str, depth: int) -> None:
        name = self.name()
        self.line(depth, f"{name} = {data}")
        self.line(depth, f"n = len({name})")
        self.line(depth, "out += LONGS[n] if n < SMALL else long(n)")
        self.line(depth, f"out += {name}")

    def _block(self, value: str, depth: int) -> None:
        self.line(depth, f"if {value}:")
        self.line(depth + 1, f"out += long(len({value}))")

    def _enum(self, column_type: Enum, value: str, depth: int) -> None:
        symbols = self.name()
        self.constants[symbols] = {s: long(i) for i, s in enumerate(column_type.symbols)}
        self.line(depth, f"n = {symbols}.get({value})")
        self.line(depth, "if n is None:")
        self.line(depth + 1, f"raise BadRow(repr({value}) + ' is no symbol of the enum')")
        self.line(depth, "out += n")
