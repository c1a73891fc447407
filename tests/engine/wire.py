"""Values as they cross between a program and the engine, and as plain Python.

The protocol has no type for a secret, an output, an unknown value or an archive: each is an object
or a text with a signature, of which Pulumi's SDK has the constants.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import rpc

UNKNOWN: str = rpc.UNKNOWN
"""The text that stands for a value which is not known before the deployment."""

_SIGNATURE = rpc._special_sig_key
_SECRET = rpc._special_secret_sig
_OUTPUT = rpc._special_output_value_sig
_ARCHIVE = rpc._special_archive_sig


def received(struct: Struct) -> dict[str, Any]:
    """Return what a program sent, with secrets and outputs as their values."""
    opened = _opened(MessageToDict(struct))
    return dict(opened)


def sent(values: Mapping[str, Any]) -> Struct:
    """Return the message that carries ``values`` to a program."""
    return ParseDict(
        {name: _wired(value) for name, value in values.items() if value is not None}, Struct()
    )


def with_archives(value: Any) -> Any:
    """Return a received value with its archives as Pulumi's objects."""
    match value:
        case {"path": str(path), **rest} if rest.get(_SIGNATURE) == _ARCHIVE:
            return pulumi.FileArchive(path)
        case dict():
            return {name: with_archives(item) for name, item in value.items()}
        case list():
            return [with_archives(item) for item in value]
        case _:
            return value


def texts(value: Any) -> Iterator[str]:
    """Give each text in a received value."""
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from texts(item)
        case list():
            for item in value:
                yield from texts(item)


def _opened(value: Any) -> Any:
    match value:
        case dict() if value.get(_SIGNATURE) in (_SECRET, _OUTPUT):
            return _opened(value.get("value", UNKNOWN))
        case dict():
            return {name: _opened(item) for name, item in value.items()}
        case list():
            return [_opened(item) for item in value]
        case _:
            return value


def _wired(value: Any) -> Any:
    match value:
        case pulumi.FileArchive():
            return {_SIGNATURE: _ARCHIVE, "path": value.path}
        case dict():
            return {name: _wired(item) for name, item in value.items()}
        case list():
            return [_wired(item) for item in value]
        case _:
            return value
