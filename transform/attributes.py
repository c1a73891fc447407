"""Converts DynamoDB attribute values to column values. Each column has a compiled converter.

See docs/design.md#no-attribute-is-lost.

An attribute value is DynamoDB JSON, for example ``{"S": "text"}``: a map with one type marker. A
converter returns the value as it is landed (see `schemas.columns`), or raises `Misfit`. The column
does not hold some values completely, for example a time finer than a millisecond. The converter
then also appends to ``losses``, and the caller keeps the whole attribute in
``rescued_attributes``.
"""

from __future__ import annotations

import binascii
import enum
from collections.abc import Callable
from typing import Any

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


class Loss(enum.IntEnum):
    """Why a column does not hold an attribute completely, the gravest reason last."""

    INEXACT = 0
    """The column holds the value with fewer digits: a finer time, a longer number."""
    UNMODELLED = 1
    """The attribute has no column, or a member of it has no field."""
    UNFIT = 2
    """The value does not fit, and the nullable column or field is null."""


Converter = Callable[[Any, list[Loss]], Any]


class Misfit(Exception):
    """A value that its column cannot hold."""


def converter(column_type: ColumnType) -> Converter:
    """Return the function that turns an attribute value into a value of the column type.

    Raises
    ------
    Misfit
        Raised by the returned function: the attribute is not DynamoDB JSON, has another type, or
        is out of the column's range.
    """
    match column_type:
        case String():
            return _string
        case Boolean():
            return _boolean
        case Integer(bits=bits):
            return _integer(bits)
        case Double():
            return _double
        case Bytes():
            return _bytes
        case Decimal(precision=precision, scale=scale):
            return _decimal(precision, scale)
        case Timestamp():
            return _timestamp(column_type)
        case Date():
            return _date
        case Enum(symbols=symbols):
            return _enum(frozenset(symbols))
        case Nullable(of=inner):
            return _nullable(converter(inner))
        case Array(items=items):
            return _array(items)
        case Map(values=values):
            return _map(converter(values))
        case Record(columns=columns):
            return _record(columns)


def _marked(value: Any, marker: str) -> Any:
    """Return the content of an attribute value whose only marker is ``marker``."""
    if type(value) is dict and len(value) == 1 and marker in value:
        return value[marker]
    raise Misfit


def _text(value: Any, marker: str) -> str:
    # Most columns use this function, so it does not call _marked: one call each, not two.
    if type(value) is dict and len(value) == 1:
        text = value.get(marker)
        if type(text) is str:
            return text
    raise Misfit


def _string(value: Any, losses: list[Loss]) -> str:
    return _text(value, "S")


def _boolean(value: Any, losses: list[Loss]) -> bool:
    boolean = _marked(value, "BOOL")
    if type(boolean) is not bool:
        raise Misfit
    return boolean


def _integer(bits: int) -> Converter:
    lowest, highest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def convert(value: Any, losses: list[Loss]) -> int:
        number = numbers.integer(_text(value, "N"))
        if number is None or not lowest <= number <= highest:
            raise Misfit
        return number

    return convert


def _double(value: Any, losses: list[Loss]) -> float:
    found = numbers.double(_text(value, "N"))
    if found is None:
        raise Misfit
    nearest, same = found
    if not same:
        losses.append(Loss.INEXACT)
    return nearest


def is_base64(text: str) -> bool:
    """Return whether a text is padded base64 of RFC 4648, without other characters."""
    if len(text) % 4:
        # Python 3.11 accepts some excess padding.
        return False
    try:
        binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return False
    return True


def _bytes(value: Any, losses: list[Loss]) -> str:
    text = _text(value, "B")
    if not is_base64(text):
        raise Misfit
    return text


def _decimal(precision: int, scale: int) -> Converter:
    def convert(value: Any, losses: list[Loss]) -> str:
        text = numbers.fixed_point(_text(value, "N"), precision, scale)
        if text is None:
            raise Misfit
        return text

    return convert


def _timestamp(column_type: Timestamp) -> Converter:
    unit = column_type.epoch

    def convert(value: Any, losses: list[Loss]) -> int:
        if unit is None:
            found = times.from_iso(_text(value, "S"))
        else:
            found = times.from_epoch(_text(value, "N"), unit)
        if found is None:
            raise Misfit
        millis, same = found
        if not same:
            losses.append(Loss.INEXACT)
        return millis

    return convert


def _date(value: Any, losses: list[Loss]) -> int:
    days = times.days(_text(value, "S"))
    if days is None:
        raise Misfit
    return days


def _enum(symbols: frozenset[str]) -> Converter:
    def convert(value: Any, losses: list[Loss]) -> str:
        symbol = _text(value, "S")
        if symbol not in symbols:
            raise Misfit
        return symbol

    return convert


def _nullable(inner: Converter) -> Converter:
    def convert(value: Any, losses: list[Loss]) -> Any:
        if type(value) is dict and len(value) == 1 and value.get("NULL") is True:
            return None
        return inner(value, losses)

    return convert


# The marker of a set, and the marker that each member would have in a list.
_SETS = {String: ("SS", "S"), Enum: ("SS", "S"), Date: ("SS", "S"), Bytes: ("BS", "B")}
_NUMBER_SET = ("NS", "N")
_NUMERIC = (Integer, Double, Decimal)


def set_markers(items: ColumnType) -> tuple[str, str] | None:
    """Return the marker of a set of such items, and the marker of each member in a list."""
    if isinstance(items, Nullable):
        return set_markers(items.of)
    if isinstance(items, Timestamp):
        return _NUMBER_SET if items.epoch else _SETS[String]
    return _NUMBER_SET if isinstance(items, _NUMERIC) else _SETS.get(type(items))


def _array(items: ColumnType) -> Converter:
    convert_item = converter(items)
    markers = set_markers(items)

    def convert(value: Any, losses: list[Loss]) -> list[Any]:
        if markers is not None and type(value) is dict and markers[0] in value:
            members = _marked(value, markers[0])
            if type(members) is not list:
                raise Misfit
            return [convert_item({markers[1]: member}, losses) for member in members]
        members = _marked(value, "L")
        if type(members) is not list:
            raise Misfit
        return [convert_item(member, losses) for member in members]

    return convert


def _map(convert_value: Converter) -> Converter:
    def convert(value: Any, losses: list[Loss]) -> dict[str, Any]:
        entries = _marked(value, "M")
        if type(entries) is not dict:
            raise Misfit
        return {name: convert_value(entry, losses) for name, entry in entries.items()}

    return convert


def _record(columns: tuple[Column, ...]) -> Converter:
    fields = [(c.name, c.attribute, converter(c.type), c) for c in columns]
    modelled = frozenset(c.attribute for c in columns)

    def convert(value: Any, losses: list[Loss]) -> dict[str, Any]:
        entries = _marked(value, "M")
        if type(entries) is not dict:
            raise Misfit
        if not modelled.issuperset(entries):
            losses.append(Loss.UNMODELLED)
        record: dict[str, Any] = {}
        for name, attribute, convert_field, column in fields:
            if attribute not in entries:
                if not column.has_default:
                    raise Misfit
                if column.default is not None:
                    record[name] = column.default
                continue
            try:
                converted = convert_field(entries[attribute], losses)
            except Misfit:
                if not column.nullable:
                    raise
                losses.append(Loss.UNFIT)
                continue
            if converted is not None:
                record[name] = converted
        return record

    return convert
