"""Checks requests with AWS's own rules, from botocore's service models.

botocore itself checks types, required members and lower bounds before it sends a request. The
models also have upper bounds, patterns and enumerations, which only the services check.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import regex
from botocore.model import OperationModel, Shape
from botocore.validate import ParamValidator

# Some patterns write characters beyond 16 bits as surrogate pairs, as Java does.
_HALVES = re.compile(r"\\uD800\\uDC00-\\uDBFF\\uDFFF", re.IGNORECASE)


def faults(operation: OperationModel, parameters: dict[str, Any]) -> list[str]:
    """Return the parts of a request that AWS would refuse, one line each."""
    shape: Any = operation.input_shape
    report = ParamValidator().validate(parameters, shape)
    found = report.generate_report().splitlines() if report.has_errors() else []
    return [
        f"{operation.service_model.service_name}.{operation.name}: {each}"
        for each in dict.fromkeys([*found, *_value(parameters, shape, "")])
    ]


def _value(value: Any, shape: Any, where: str) -> Iterator[str]:
    match shape.type_name, value:
        case "structure", dict():
            for name, item in value.items():
                if name in shape.members:
                    yield from _value(item, shape.members[name], f"{where}.{name}".lstrip("."))
        case "list", list():
            yield from _bounds(len(value), shape, where, "items")
            for index, item in enumerate(value):
                yield from _value(item, shape.member, f"{where}[{index}]")
        case "map", dict():
            yield from _bounds(len(value), shape, where, "entries")
            for key, item in value.items():
                yield from _value(key, shape.key, f"{where} (key {key})")
                yield from _value(item, shape.value, f"{where}.{key}")
        case "string", str():
            yield from _bounds(len(value), shape, where, "characters")
            yield from _text(value, shape, where)
        case "blob", bytes():
            yield from _bounds(len(value), shape, where, "bytes")
        case (("integer" | "long" | "float" | "double"), int() | float()):
            yield from _bounds(value, shape, where, "")


def _bounds(size: float, shape: Shape, where: str, unit: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    found = f"{where} has {size} {unit}".rstrip()
    if least is not None and size < least:
        yield f"{found}, at least {least}"
    if most is not None and size > most:
        yield f"{found}, at most {most}"


def _text(value: str, shape: Shape, where: str) -> Iterator[str]:
    allowed, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    if allowed and value not in allowed:
        yield f"{where} is {value!r}, and has to be one of {', '.join(allowed)}"
    if pattern and not compiled(pattern).fullmatch(value):
        yield f"{where} is {value!r}, and has to match {pattern}"


@functools.cache
def compiled(pattern: str) -> regex.Pattern[str]:
    """Return a service model's pattern, ready to be used."""
    # `re` lacks the Unicode categories that the patterns use, such as `\p{L}`.
    return regex.compile(_HALVES.sub(r"\\U00010000-\\U0010FFFF", pattern))
