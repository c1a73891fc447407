"""A record type with every kind of column, as it was at first and as it is now, and its items.

The type exists in these tests alone: a schema file beside the four real ones, and nothing else.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

NAME = "kinds"

Schema = dict[str, Any]
Value = dict[str, Any]

_PRIMITIVES = ("string", "boolean", "int", "long", "double", "bytes")


def _numbered(*texts: str) -> list[Value]:
    return [{"N": text} for text in texts]


def _text(*texts: str) -> list[Value]:
    return [{"S": text} for text in texts]


def _binary(*contents: bytes) -> list[Value]:
    return [{"B": base64.b64encode(content).decode()} for content in contents]


VALUES: dict[str, list[Value]] = {
    "string": _text("", "null", 'état 🎫 "quoted"\n\\t', "a", "\u2028 \u0000 '"),
    "boolean": [{"BOOL": True}, {"BOOL": False}],
    "int": _numbered("0", "-2147483648", "2147483647"),
    "long": _numbered("0", "-9223372036854775808", "9223372036854775807", "1E3"),
    "double": _numbered("0", "0.1", "-1.5", "1E+100", "-1E-100", "123456.789"),
    "bytes": _binary(b"", bytes(range(256)), b"\x00\xff"),
    "money": _numbered("0", "-0.01", "1.1", "9999999999.99", "-9999999999.99", "12"),
    "whole": _numbered("0", "-1", "9" * 38, "-" + "9" * 38, "1"),
    "fine": _numbered("0", "9" * 18 + "." + "9" * 20, "-0." + "0" * 19 + "1", "1.50"),
    "fraction": _numbered("0", "0." + "9" * 38, "-0." + "0" * 37 + "1", "-0.5"),
    "moment": _text(
        "0001-01-01T00:00:00.000Z",
        "9999-12-31T23:59:59.999Z",
        "1969-12-31T23:59:59.999Z",
        "1582-10-10T12:00:00.001Z",
        "2026-11-22T10:00:00.250+02:00",
    ),
    "day": _text("0001-01-01", "9999-12-31", "1969-12-31", "1582-10-10", "2024-02-29"),
    "color": _text("RED", "GREEN", "BLUE"),
}
"""Values of each kind as items hold them, the largest and the smallest among them."""


def _decimal(precision: int, scale: int) -> Schema:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def _type(kind: str, place: str) -> Any:
    """The Avro type of a kind; a type with a name has the same one in every version of a schema."""
    logical: dict[str, Schema] = {
        "money": _decimal(12, 2),
        "whole": _decimal(38, 0),
        "fine": _decimal(38, 20),
        "fraction": _decimal(38, 38),
        "moment": {"type": "long", "logicalType": "timestamp-millis"},
        "day": {"type": "int", "logicalType": "date"},
    }
    if kind in _PRIMITIVES:
        return kind
    if kind in logical:
        return logical[kind]
    return {"type": "enum", "name": f"Color_{place}", "symbols": ["RED", "GREEN", "BLUE"]}


def _field(name: str, kind: Any, **more: Any) -> Schema:
    return {"name": name, "type": kind, **more}


def _nullable(name: str, kind: Any) -> Schema:
    return {"name": name, "type": ["null", kind], "default": None}


def _array(items: Any) -> Schema:
    return {"type": "array", "items": items}


def _map(values: Any) -> Schema:
    return {"type": "map", "values": values}


def _all_kinds(place: str) -> Schema:
    """A record with a field of each kind, and one that may be null."""
    fields = [_field(f"a_{kind}", _type(kind, f"{place}_a")) for kind in VALUES]
    fields += [_nullable(f"maybe_{kind}", _type(kind, f"{place}_b")) for kind in VALUES]
    return {"type": "record", "name": f"All_{place}", "fields": fields}


def _person(name: str, *, now: bool) -> Schema:
    """A record that has grown: wider numbers, and fields that were not there at first."""
    fields = [_field("name", "string"), _field("age", "long" if now else "int")]
    if now:
        fields += [
            _field("country", "string", default="US"),
            _field(
                "mood",
                {"type": "enum", "name": f"{name}Mood", "symbols": ["FINE", "BAD"]},
                default="FINE",
            ),
            _nullable("balance", _decimal(38, 20)),
            _nullable("nicknames", _array("string")),
        ]
    return {"type": "record", "name": name, "fields": fields}


def schema(*, now: bool) -> Schema:
    """The schema file of the type, as it is now or as it was at first."""
    fields: list[Schema] = []
    for kind in VALUES:
        fields += [
            _field(f"a_{kind}", _type(kind, "a")),
            _field(f"list_{kind}", _array(_type(kind, "list"))),
            _field(f"map_{kind}", _map(_type(kind, "map"))),
        ]
    fields += [
        _field("by_seconds", {"type": "long", "logicalType": "timestamp-millis"}, epoch="seconds"),
        _field(
            "by_millis", {"type": "long", "logicalType": "timestamp-millis"}, epoch="milliseconds"
        ),
        _field(
            "by_micros", {"type": "long", "logicalType": "timestamp-millis"}, epoch="microseconds"
        ),
        _field("wider_integer", "long" if now else "int"),
        _field("int_to_double", "double" if now else "int"),
        _field("long_to_double", "double" if now else "long"),
        _field("wider_list", _array("long" if now else "int")),
        _field("wider_map", _map("double" if now else "long")),
        _field(
            "size",
            {
                "type": "enum",
                "name": "Size",
                "symbols": ["XL", "SMALL", "LARGE"] if now else ["SMALL", "LARGE"],
            },
        ),
        _field("person", _person("Person", now=now)),
        _field("people", _array(_person("Member", now=now))),
        _field("people_by_name", _map(_person("Entry", now=now))),
    ]
    if not now:
        fields.append(_nullable("retired", "string"))
        return _table(fields)
    for kind in VALUES:
        fields += [
            _nullable(f"maybe_{kind}", _type(kind, "maybe")),
            _nullable(f"list_maybe_{kind}", _array(["null", _type(kind, "list_maybe")])),
        ]
    fields += [
        _field("default_string", "string", default="as before"),
        _field("default_boolean", "boolean", default=True),
        _field("default_int", "int", default=-7),
        _field("default_long", "long", default=9223372036854775807),
        _field("default_double", "double", default=0.5),
        _field("default_enum", _type("color", "default"), default="BLUE"),
        _nullable("all_kinds", _all_kinds("one")),
        _nullable("list_all_kinds", _array(_all_kinds("list"))),
        _nullable("map_all_kinds", _map(_all_kinds("map"))),
        _nullable("deep", _array(_map(_array(["null", _decimal(38, 20)])))),
    ]
    # Readers go by names: the order of the columns is of no account.
    return _table(list(reversed(fields)))


def _table(fields: list[Schema]) -> Schema:
    return {
        "type": "record",
        "name": "Kinds",
        "namespace": "demand_capture",
        "doc": "Every kind of column.",
        "fields": fields,
    }


def items(*, now: bool) -> Iterator[Value]:
    """Items of the type: every value of every kind, in every place; the last is all but empty."""
    for turn in range(max(map(len, VALUES.values()))):
        yield _item(turn, now=now)
    yield {name: _emptied(value) for name, value in _item(0, now=now).items() if _is_needed(name)}


def _is_needed(name: str) -> bool:
    return not name.startswith(("maybe_", "default_", "list_maybe_", "all_", "list_all", "map_all"))


def _emptied(value: Value) -> Value:
    if "L" in value:
        return {"L": []}
    return value


def _item(turn: int, *, now: bool) -> Value:
    def value(kind: str) -> Value:
        return VALUES[kind][turn % len(VALUES[kind])]

    def people() -> Value:
        person: Value = {"name": {"S": "Zoë"}, "age": {"N": str(30 + turn)}}
        if now and turn % 2:
            person |= {
                "country": {"S": "FR"},
                "mood": {"S": "BAD"},
                "balance": VALUES["fine"][turn % 4],
                "nicknames": {"L": [{"S": "Z"}, {"S": ""}]},
                "age": {"N": "9223372036854775807"},
            }
        return {"M": person}

    def everything(*, nulls: bool) -> Value:
        fields = {f"a_{kind}": value(kind) for kind in VALUES}
        if not nulls:
            fields |= {f"maybe_{kind}": value(kind) for kind in VALUES}
        return {"M": fields}

    item: Value = {}
    for kind, values in VALUES.items():
        item[f"a_{kind}"] = value(kind)
        item[f"list_{kind}"] = {"L": values[turn % len(values) :] + values[: turn % len(values)]}
        item[f"map_{kind}"] = {"M": {f"key {i} é": each for i, each in enumerate(values)}}
        if now:
            item[f"maybe_{kind}"] = value(kind)
            item[f"list_maybe_{kind}"] = {"L": [value(kind), {"NULL": True}, value(kind)]}
    large = "4611686018427387904" if now else str(2147483647 - turn)
    item |= {
        "by_seconds": {"N": str(-62_135_596_800 + turn)},
        "by_millis": {"N": str(253_402_300_799_999 - turn)},
        "by_micros": {"N": str(1_795_377_695_718_000 + 1000 * turn)},
        "wider_integer": {"N": large},
        "int_to_double": {"N": "0.25" if now else str(-turn)},
        "long_to_double": {"N": "1E+20" if now else str(2**52 + turn)},
        "wider_list": {"L": [{"N": large}, {"N": "0"}]},
        "wider_map": {"M": {"k": {"N": "2.5" if now else str(-(2**40))}}},
        "size": {"S": "XL" if now else ("SMALL", "LARGE")[turn % 2]},
        "person": people(),
        "people": {"L": [people(), people()]},
        "people_by_name": {"M": {"one": people()}},
    }
    if not now:
        return item | {"retired": {"S": "gone"}}
    number = VALUES["fine"][turn % 4]
    return item | {
        "default_string": {"S": ""},
        "default_boolean": {"BOOL": False},
        "default_int": {"N": "1"},
        "default_long": {"N": "2"},
        "default_double": {"N": "3.5"},
        "default_enum": {"S": "RED"},
        "all_kinds": everything(nulls=bool(turn % 2)),
        "list_all_kinds": {"L": [everything(nulls=True), everything(nulls=False)]},
        "map_all_kinds": {"M": {"": everything(nulls=False)}},
        "deep": {"L": [{"M": {"k": {"L": [number, {"NULL": True}]}}}, {"M": {}}]},
    }
