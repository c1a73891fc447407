"""Checks inputs with the types of the installed pulumi-aws package.

Pulumi's mocks accept any input. The package's annotations have the provider's own schema of each
resource type: the inputs, their names in the protocol, their types, and which are required. All of
it is read from there.
"""

from __future__ import annotations

import collections.abc
import enum
import importlib
import inspect
import json
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any, Union, get_args, get_origin

import pulumi
import pulumi_aws
from pulumi import _types as pulumi_types
from pulumi.runtime import rpc

from estate.resources.computed import PROVIDER_TYPE
from estate.resources.graph import Resource


def faults(resource: Resource) -> list[str]:
    """Return the inputs that the provider's schema does not allow, one line each."""
    inputs = dict(resource.inputs)
    if resource.type == PROVIDER_TYPE:
        # A provider's structured inputs are sent as JSON.
        inputs = {key: _from_json(value) for key, value in inputs.items()}
    return list(_object(inputs, inputs_of(resource.type), f"{resource.described}: "))


def inputs_of(token: str) -> type:
    """Return the package's class of a resource type's inputs."""
    if token == PROVIDER_TYPE:
        return pulumi_aws.provider.ProviderArgs
    package, module, _ = token.split(":")
    found: Any = rpc.get_resource_module(package, module, "")
    assert found and token in found.mod_info["classes"], f"pulumi-aws has no {token}"
    info = found.mod_info
    resource = getattr(importlib.import_module(info["fqn"]), info["classes"][token])
    inputs: type = getattr(sys.modules[resource.__module__], f"{resource.__name__}Args")
    return inputs


def _from_json(text: Any) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _object(value: Mapping[str, Any], cls: type, prefix: str) -> Iterator[str]:
    known = pulumi_types.input_type_types(cls)
    wire = pulumi_types.input_type_py_to_pulumi_names(cls)
    parameters = inspect.signature(cls).parameters
    for name, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and wire[name] not in value:
            yield f"{prefix}{wire[name]} is missing"
    for key, item in value.items():
        if key not in known:
            yield f"{prefix}{key} is no input"
        else:
            yield from _value(item, known[key], f"{prefix}{key}")


def _value(value: Any, hint: Any, where: str) -> Iterator[str]:
    """Yield the faults of a value: none if one of the allowed types accepts it."""
    found: list[list[str]] = [list(_single(value, each, where)) for each in _alternatives(hint)]
    if all(found):
        # Of several types the one whose own parts are at fault was meant.
        yield from max(found, key=lambda lines: max(line.count(".") for line in lines))


def _alternatives(hint: Any) -> list[Any]:
    """Return the types that an annotation allows for a present and known value."""
    if get_origin(hint) not in (Union, types.UnionType):
        return [hint]
    wrappers = (pulumi.Output, collections.abc.Awaitable)
    return [
        alternative
        for each in get_args(hint)
        if each is not type(None) and (get_origin(each) or each) not in wrappers
        for alternative in _alternatives(each)
    ]


def _single(value: Any, hint: Any, where: str) -> Iterator[str]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (list, collections.abc.Sequence):
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _value(item, arguments[0], f"{where}[{index}]")
            return
    elif origin in (dict, collections.abc.Mapping):
        if isinstance(value, dict):
            for key, item in value.items():
                yield from _value(item, arguments[1], f"{where}.{key}")
            return
    elif pulumi_types.is_input_type(hint):
        if isinstance(value, dict):
            yield from _object(value, hint, f"{where}.")
            return
    elif _is_of(value, hint):
        return
    yield f"{where} is {value!r}, and has to be {getattr(hint, '__name__', hint)}"


def _is_of(value: Any, hint: Any) -> bool:
    if hint is Any:
        return True
    if issubclass(hint, enum.Enum):
        return value in {each.value for each in hint}
    if issubclass(hint, pulumi.Archive | pulumi.Asset):
        return isinstance(value, dict) and value.keys() <= {"path", "uri", "assets", "text"}
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    # In Python, a bool is an int.
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
