"""Pairs of schemas, an older and a newer of one table, and rows that show how they differ."""

from __future__ import annotations

import base64
import datetime
import decimal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Avro = Any


def decimal_type(precision: int, scale: int) -> Avro:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


TIMESTAMP = {"type": "long", "logicalType": "timestamp-millis"}
DATE = {"type": "int", "logicalType": "date"}

_SCALARS: list[Avro] = [
    *("string", "boolean", "int", "long", "double", "bytes", TIMESTAMP, DATE),
    *(decimal_type(4, 2), decimal_type(6, 2), decimal_type(6, 3)),
]
_DEFAULTS = {"string": "none", "boolean": False, "int": 0, "long": 0, "double": 0.5}


@dataclass(frozen=True)
class Pair:
    """The schema of a field as it was and as it is to be; None where there is no such field."""

    old: Avro | None
    new: Avro | None


# Given the place in the schema, which the types there are named by: so both sides use one name.
TypePair = Callable[[str], tuple[Avro, Avro]]


def _scalars(old: Avro, new: Avro) -> TypePair:
    return lambda place: (old, new)


def _enums(old: set[str], new: set[str]) -> TypePair:
    def at(place: str) -> tuple[Avro, Avro]:
        both = [
            {"type": "enum", "name": f"Enum{place}", "symbols": sorted(each)} for each in (old, new)
        ]
        return both[0], both[1]

    return at


def _within(kind: str, key: str, inner: TypePair) -> TypePair:
    def at(place: str) -> tuple[Avro, Avro]:
        old, new = inner(f"{place}_{kind}")
        return {"type": kind, key: old}, {"type": kind, key: new}

    return at


def _nullable(which: tuple[bool, bool], inner: TypePair) -> TypePair:
    def at(place: str) -> tuple[Avro, Avro]:
        old, new = inner(place)
        return (
            ["null", old] if which[0] and not isinstance(old, list) else old,
            ["null", new] if which[1] and not isinstance(new, list) else new,
        )

    return at


def _mixed(first: TypePair, second: TypePair) -> TypePair:
    return lambda place: (first(place)[0], second(f"{place}_other")[1])


def _records(fields: list[tuple[str, TypePair, bool]]) -> TypePair:
    def at(place: str) -> tuple[Avro, Avro]:
        old, new = _fields(fields, place)
        return (
            {"type": "record", "name": f"Record{place}", "fields": old},
            {"type": "record", "name": f"Record{place}", "fields": new},
        )

    return at


def _fields(fields: list[tuple[str, TypePair, bool]], place: str) -> tuple[list[Avro], list[Avro]]:
    old = [{"name": "kept", "type": "string"}]
    new = [{"name": "kept", "type": "string"}]
    for index, (side, make, with_default) in enumerate(fields):
        name = f"field{index}"
        before, after = make(f"{place}_{index}")
        if side != "new":
            old.append(_field(name, before, with_default))
        if side != "old":
            new.append(_field(name, after, with_default))
    return old, new


def _field(name: str, avro: Avro, with_default: bool) -> Avro:
    field = {"name": name, "type": avro}
    if isinstance(avro, list):
        field["default"] = None
    elif with_default and isinstance(avro, str) and avro in _DEFAULTS:
        field["default"] = _DEFAULTS[avro]
    return field


_symbols = st.sets(st.sampled_from(["A", "B", "C"]), min_size=1)
_same = st.sampled_from(_SCALARS).map(lambda each: _scalars(each, each))
_leaves = st.one_of(
    _same,
    st.builds(_scalars, st.sampled_from(_SCALARS), st.sampled_from(_SCALARS)),
    st.builds(_enums, _symbols, _symbols),
)


def _nested(inner: st.SearchStrategy[TypePair]) -> st.SearchStrategy[TypePair]:
    return st.one_of(
        st.builds(lambda each: _within("array", "items", each), inner),
        st.builds(lambda each: _within("map", "values", each), inner),
        st.builds(_nullable, st.tuples(st.booleans(), st.booleans()), inner),
        st.builds(_records, _field_lists(inner)),
        st.builds(_mixed, inner, inner),
    )


def _field_lists(
    types: st.SearchStrategy[TypePair],
) -> st.SearchStrategy[list[tuple[str, TypePair, bool]]]:
    side = st.sampled_from(["both", "both", "both", "old", "new"])
    return st.lists(st.tuples(side, types, st.booleans()), max_size=3)


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Two schemas of a table, the new one changed in any way but by names and default values."""
    types = st.recursive(_leaves, _nested, max_leaves=4)
    old, new = _fields(draw(_field_lists(types)), "")
    return Pair(
        {"type": "record", "name": "T", "fields": old},
        {"type": "record", "name": "T", "fields": new},
    )


@dataclass(frozen=True)
class Value:
    """A value as fastavro takes it, and as the transform lands it."""

    python: Any
    landed: Any


def rows(schema: Avro) -> list[Value]:
    """Return rows that have, between them, each symbol, each null, empty lists and full ones."""
    return _values(schema)


def _values(avro: Avro) -> list[Value]:
    if isinstance(avro, list):
        return [Value(None, None), *_values(avro[1])]
    kind = avro if isinstance(avro, str) else avro.get("logicalType", avro["type"])
    match kind:
        case "string":
            return [Value("text", "text")]
        case "boolean":
            return [Value(True, True)]
        case "int" | "long":
            return [Value(-7, -7)]
        case "double":
            return [Value(0.25, 0.25)]
        case "bytes":
            return [Value(b"raw", base64.b64encode(b"raw").decode())]
        case "decimal":
            number = decimal.Decimal(1).scaleb(avro["precision"]) - 1
            number = number.scaleb(-avro["scale"])
            return [Value(number, str(number))]
        case "timestamp-millis":
            at = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
            return [Value(at, int(at.timestamp() * 1000))]
        case "date":
            return [Value(datetime.date(2026, 11, 1), 20758)]
        case "enum":
            return [Value(symbol, symbol) for symbol in avro["symbols"]]
        case "array":
            items = _values(avro["items"])
            return [Value([], []), Value([i.python for i in items], [i.landed for i in items])]
        case "map":
            named = {f"k{index}": each for index, each in enumerate(_values(avro["values"]))}
            return [
                Value({}, {}),
                Value(
                    {key: each.python for key, each in named.items()},
                    {key: each.landed for key, each in named.items()},
                ),
            ]
        case _:
            return _rows(avro["fields"])


def _rows(fields: list[Avro]) -> list[Value]:
    by_name = {field["name"]: _values(field["type"]) for field in fields}
    return [
        Value(
            {name: values[index % len(values)].python for name, values in by_name.items()},
            {name: values[index % len(values)].landed for name, values in by_name.items()},
        )
        for index in range(max(len(values) for values in by_name.values()))
    ]


def shown(old: Avro, new: Avro, value: Any) -> Any:
    """Return what a reader of ``new`` has to show of a value that was written with ``old``."""
    if value is None:
        return None
    old, new = (each[1] if isinstance(each, list) else each for each in (old, new))
    if not isinstance(old, dict) or not isinstance(new, dict):
        return value
    if old["type"] == "array":
        return [shown(old["items"], new["items"], each) for each in value]
    if old["type"] == "map":
        return {key: shown(old["values"], new["values"], each) for key, each in value.items()}
    if old["type"] == "record":
        before = {field["name"]: field["type"] for field in old["fields"]}
        return {
            field["name"]: shown(before[field["name"]], field["type"], value[field["name"]])
            if field["name"] in before
            else field["default"]
            for field in new["fields"]
        }
    return value


def physical(avro: Avro) -> Avro:
    """Return a schema without logical types: what resolution alone goes by."""
    if isinstance(avro, list):
        return [physical(each) for each in avro]
    if isinstance(avro, dict):
        if "logicalType" in avro:
            return avro["type"]
        return {key: physical(value) for key, value in avro.items()}
    return avro
