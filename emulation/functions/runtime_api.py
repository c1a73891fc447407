"""Lambda's Runtime API for one process: its runtime gets events here, and posts the answers.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import selectors
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal

from emulation.functions.invocation import MAX_RESPONSE_BYTES
from emulation.functions.outcome import Answer, Ending

_VERSION: Final = "/2018-06-01/runtime"
_POSTED: Final = re.compile(rf"{_VERSION}/invocation/(?P<id>[^/]+)/(?P<kind>response|error)")
_CHUNK: Final = 1 << 20
# A runtime describes an error to X-Ray in a header field of up to 1 MB.
_MAX_HEAD_BYTES: Final = 1 << 21
_END_OF_HEAD: Final = b"\r\n\r\n"


@dataclass(frozen=True)
class Event:
    """One invocation, as the runtime gets it.

    Parameters
    ----------
    request_id
        The invocation's id; the answer is posted with it.
    function_arn
        The ARN that the caller invoked.
    deadline
        When Lambda ends the invocation, in milliseconds since 1970.
    payload
        The event as JSON text in UTF-8.
    """

    request_id: str
    function_arn: str
    deadline: int
    payload: bytes


class RuntimeApi:
    """Serves one process on a port of its own; never waits, and is for one thread at a time.

    Parameters
    ----------
    selector
        The sockets are registered here. Whoever waits calls ``data(events)`` of each key that is
        ready.
    """

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._connections: set[_Connection] = set()
        self._polling: _Connection | None = None
        self._event: Event | None = None
        self._current: str | None = None
        self.client: str | None = None
        """The user agent that asked for the first event; None before it did."""
        self.outcome: Answer | Ending | None = None
        """What the runtime has told since the last event was offered."""

    @property
    def address(self) -> str:
        """Host and port, for the environment variable ``AWS_LAMBDA_RUNTIME_API``."""
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def offer(self, event: Event) -> None:
        """Give the runtime an event as soon as it asks for one."""
        self.outcome = None
        self._event = event
        self._hand_over()

    def close(self) -> None:
        """Close all sockets."""
        for connection in list(self._connections):
            connection.close()
        self._selector.unregister(self._listener)
        self._listener.close()

    def handle(self, connection: _Connection, head: _Head, body: bytes) -> None:
        """Answer one request."""
        if (head.method, head.path) == ("GET", f"{_VERSION}/invocation/next"):
            if self.client is None:
                self.client = head.fields.get("user-agent", "")
                self.outcome = Answer("ready")
            self._polling = connection
            self._hand_over()
        elif (head.method, head.path) == ("POST", f"{_VERSION}/init/error"):
            self.outcome = Answer("init/error", body, head.content_type)
            connection.send_status(202)
        elif head.method == "POST" and (posted := _POSTED.fullmatch(head.path)):
            if posted["id"] != self._current:
                connection.send_status(400, "InvalidRequestID")
                return
            self._current = None
            kind: Literal["error", "response"] = (
                "error" if posted["kind"] == "error" else "response"
            )
            self.outcome = Answer(kind, body, head.content_type)
            connection.send_status(202)
        else:
            connection.send_status(404, "NotFound")

    def refuse_size(self) -> None:
        """Take note of an answer that is larger than Lambda allows."""
        self.outcome = Ending.ANSWER_TOO_LARGE

    def forget(self, connection: _Connection) -> None:
        """Take note that a connection is closed."""
        self._connections.discard(connection)
        if self._polling is connection:
            self._polling = None

    def _accept(self, events: int) -> None:
        # The other end may have closed the connection already.
        with contextlib.suppress(OSError):
            accepted, _ = self._listener.accept()
            self._connections.add(_Connection(self, accepted, self._selector))

    def _hand_over(self) -> None:
        if self._polling is None or self._event is None:
            return
        connection, event = self._polling, self._event
        self._polling = self._event = None
        self._current = event.request_id
        trace = f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"
        connection.send(
            200,
            {
                "Lambda-Runtime-Aws-Request-Id": event.request_id,
                "Lambda-Runtime-Deadline-Ms": str(event.deadline),
                "Lambda-Runtime-Invoked-Function-Arn": event.function_arn,
                "Lambda-Runtime-Trace-Id": f"{trace};Parent={secrets.token_hex(8)};Sampled=0",
            },
            event.payload,
        )


@dataclass(frozen=True)
class _Head:
    """A request before its body, which has ``size`` bytes."""

    method: str
    path: str
    fields: Mapping[str, str]
    size: int

    @property
    def content_type(self) -> str:
        """What the body is, as the runtime says it."""
        return self.fields.get("content-type", "")

    @classmethod
    def parse(cls, text: bytes) -> _Head:
        """Read the request line and the header fields.

        Raises
        ------
        ValueError
            It is no HTTP, or a request that does not say its size.
        """
        first, *lines = text.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        parts = (line.partition(":") for line in lines)
        fields = {name.lower(): value.strip() for name, _, value in parts}
        size = fields.get("content-length", "0")
        if "transfer-encoding" in fields or not size.isdecimal():
            raise ValueError("the body's size is not known beforehand")
        return cls(method, path, fields, int(size))


class _Connection:
    """One connection of the runtime's: requests in, responses out, in turn."""

    def __init__(
        self, api: RuntimeApi, connected: socket.socket, selector: selectors.BaseSelector
    ) -> None:
        self._api = api
        self._socket = connected
        self._selector = selector
        self._received = bytearray()
        self._head: _Head | None = None
        self._unsent = memoryview(b"")
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connected, selectors.EVENT_READ, self._move)

    def send_status(self, status: int, error_type: str | None = None) -> None:
        """Respond with the Runtime API's status object, or its error object."""
        body = {"errorType": error_type, "errorMessage": ""} if error_type else {"status": "OK"}
        self.send(status, {}, json.dumps(body).encode())

    def send(self, status: int, fields: dict[str, str], body: bytes) -> None:
        """Respond with ``fields`` beside those that each response has, and a JSON body."""
        all_fields = {
            **fields,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
        }
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in all_fields.items())
        self._unsent = memoryview(f"{head}\r\n".encode("latin-1") + body)
        self._send()

    def close(self) -> None:
        """Close it, whatever has been sent."""
        self._selector.unregister(self._socket)
        self._socket.close()
        self._api.forget(self)

    def _move(self, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._send()
        elif events & selectors.EVENT_READ:
            self._receive()

    def _send(self) -> None:
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        waiting_for = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
        self._selector.modify(self._socket, waiting_for, self._move)

    def _receive(self) -> None:
        try:
            chunk = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        self._received += chunk
        if not chunk or not self._read_request():
            self.close()

    def _read_request(self) -> bool:
        """Hand on the request, if it is whole; return whether it may still become one."""
        if self._head is None:
            end = self._received.find(_END_OF_HEAD)
            if end < 0:
                return len(self._received) <= _MAX_HEAD_BYTES
            try:
                self._head = _Head.parse(bytes(self._received[:end]))
            except ValueError:
                return False
            del self._received[: end + len(_END_OF_HEAD)]
        head = self._head
        if head.size > MAX_RESPONSE_BYTES:
            self._api.refuse_size()
        elif len(self._received) >= head.size:
            body, self._head = bytes(self._received[: head.size]), None
            del self._received[: head.size]
            self._api.handle(self, head, body)
        return True
