"""Takes an invocation's payload as bytes if the runtime can pass it on so.

Lambda's managed Python runtime parses each payload with simplejson before it calls the handler, and
it writes what the handler returns as JSON. Both cost more than the transform itself. The runtime's
client lets a function replace these two steps: ``LambdaRuntimeClient.marshaller``, "a class
attribute that determines the unmarshalling and marshalling logic of a function's event and
response. It allows for function authors to override the default implementation"
(https://github.com/aws/aws-lambda-python-runtime-interface-client,
awslambdaric/lambda_runtime_client.py). See docs/decisions/payloads-as-bytes.md.

AWS may change its client at any time. If anything is not as expected, the runtime's own marshaller
handles the invocation: the function is then slower, and its answers are the same.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

_CLIENT = "awslambdaric.lambda_runtime_client"
_JSON = "application/json"


def take_payloads_as_bytes() -> bool:
    """Replace the marshaller of the runtime's client, and return whether that was possible.

    It is not possible if the process has no such client, or a client that works differently. The
    runtime then calls the handler with JSON values.
    """
    # The managed runtime imports its client before it imports a handler.
    client: Any = getattr(sys.modules.get(_CLIENT), "LambdaRuntimeClient", None)
    try:
        default = client.marshaller
        content, _ = default.marshal_response(b"{}")
        if content != b"{}" or not callable(default.unmarshal_request):
            return False
        client.marshaller = _AsBytes(default)
        return isinstance(client.marshaller, _AsBytes)
    except Exception:
        # The function must load, whatever error the client raises.
        return False


def as_bytes(event: Any) -> bytes:
    """Return an event, JSON text or JSON values, as JSON text."""
    if isinstance(event, bytes):
        return event
    if isinstance(event, str):
        return event.encode()
    if isinstance(event, bytearray | memoryview):
        return bytes(event)
    return msgspec.json.encode(event)


class JsonValues(dict[str, Any]):
    """A JSON object as values, which any runtime can write, and its text.

    Parameters
    ----------
    text
        The object as JSON text.
    """

    def __init__(self, text: bytes) -> None:
        super().__init__(msgspec.json.decode(text))
        self.text = text


class _Answers:
    """Chooses the form of each answer, by how the answers before it were written."""

    def __init__(self) -> None:
        self._unwritten: bytes | None = None
        self._bytes_are_safe: bool | None = None

    def form(self, text: bytes) -> JsonValues | bytes:
        """Return bytes if every answer so far went through this module's marshaller."""
        if self._unwritten is not None:
            self._bytes_are_safe = False
        self._unwritten = None if self._bytes_are_safe is False else text
        return text if self._bytes_are_safe else JsonValues(text)

    def written(self, text: bytes) -> None:
        """Record that this module's marshaller writes an answer."""
        if text is self._unwritten:
            self._unwritten = None
            self._bytes_are_safe = True


_answers = _Answers()


def returnable(text: bytes) -> JsonValues | bytes:
    """Return an answer in the form in which the handler can return it.

    Another marshaller may turn bytes into a JSON string. So the form is bytes only if this module's
    marshaller wrote every answer so far. The first answer is JSON values.

    Parameters
    ----------
    text
        The answer, an object, as JSON text.
    """
    return _answers.form(text)


class _AsBytes:
    """A marshaller that passes bytes on unchanged. It leaves all else to the ``default`` one."""

    # `copy` looks up attributes of a new instance before it has this one.
    _default: Any = None

    def __init__(self, default: Any) -> None:
        self._default = default

    def unmarshal_request(self, *arguments: Any, **named: Any) -> Any:
        """Return a payload as bytes, or what the default marshaller makes of it."""
        try:
            return _payload(*arguments, **named)
        except (TypeError, ValueError):
            return self._default.unmarshal_request(*arguments, **named)

    def marshal_response(self, *arguments: Any, **named: Any) -> Any:
        """Return what to answer, and its content type."""
        try:
            content = _text(*arguments, **named)
        except TypeError:
            return self._default.marshal_response(*arguments, **named)
        _answers.written(content)
        return content, _JSON

    def __getattr__(self, name: str) -> Any:
        # A later client may use more attributes of its marshaller.
        return getattr(self._default, name)


def _payload(request: Any, content_type: Any = _JSON) -> bytes:
    """Return a payload as bytes.

    The parameters are those of ``unmarshal_request``. A call with others is a TypeError.

    Raises
    ------
    TypeError, ValueError
        The payload is not JSON text.
    """
    if content_type not in (_JSON, None) or not isinstance(
        request, bytes | str | bytearray | memoryview
    ):
        raise TypeError("the payload is not JSON text")
    return as_bytes(request)


def _text(response: Any) -> bytes:
    """Return an answer of the handler's as bytes.

    The parameters are those of ``marshal_response``. A call with others is a TypeError.

    Raises
    ------
    TypeError
        The handler did not return it.
    """
    if isinstance(response, JsonValues):
        return response.text
    if isinstance(response, bytes):
        return response
    raise TypeError("the handler returns no such answer")
