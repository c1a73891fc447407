"""What the Runtime API says to any runtime; `test_host` runs functions under two of them."""

from __future__ import annotations

import http.client
import json
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest

from emulation.functions.outcome import Answer, Ending
from emulation.functions.runtime_api import Event, RuntimeApi

INVOCATION = "/2018-06-01/runtime/invocation"
EVENT = Event("r-1", "arn:aws:lambda:us-east-1:123456789012:function:f", 5, b'{"a": 1}')


@contextmanager
def served() -> Iterator[RuntimeApi]:
    """Serve a Runtime API that has one event to give."""
    with selectors.DefaultSelector() as selector:
        api = RuntimeApi(selector)
        api.offer(EVENT)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                for key, events in selector.select(0.01):
                    key.data(events)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield api
        finally:
            stop.set()
            thread.join()
            api.close()


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    with served() as made:
        yield made


def call(api: RuntimeApi, method: str, path: str, body: bytes = b"", **fields: str) -> Any:
    with closing(http.client.HTTPConnection(api.address, timeout=10)) as connection:
        connection.request(method, path, body, fields)
        response = connection.getresponse()
        return response.status, dict(response.headers), json.loads(response.read())


def test_an_event_comes_with_what_lambda_says_of_it(api: RuntimeApi) -> None:
    status, fields, body = call(api, "GET", f"{INVOCATION}/next")
    assert (status, body) == (200, {"a": 1})
    assert fields["Lambda-Runtime-Aws-Request-Id"] == "r-1"
    assert fields["Lambda-Runtime-Deadline-Ms"] == "5"
    assert fields["Lambda-Runtime-Invoked-Function-Arn"] == EVENT.function_arn
    assert fields["Content-Type"] == "application/json"


def test_an_answer_is_taken_once_and_with_the_events_id_only(api: RuntimeApi) -> None:
    call(api, "GET", f"{INVOCATION}/next")
    for request_id, status in (("r-0", 400), ("r-1", 202), ("r-1", 400)):
        posted = call(api, "POST", f"{INVOCATION}/{request_id}/response", request_id.encode())
        assert posted[0] == status
    assert api.outcome == Answer("response", b"r-1")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("POST", f"{INVOCATION}/next"), ("GET", f"{INVOCATION}/r-1/response")],
)
def test_another_path_is_not_found_and_the_next_request_is_answered(
    api: RuntimeApi, method: str, path: str
) -> None:
    assert call(api, method, path)[0] == 404
    assert call(api, "GET", f"{INVOCATION}/next")[0] == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n\r\n",
        b"no HTTP\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * (3 << 20),
    ],
)
def test_what_cannot_be_read_ends_the_connection_and_no_other(api: RuntimeApi, sent: bytes) -> None:
    host, port = api.address.split(":")
    with (
        socket.create_connection((host, int(port)), timeout=10) as connection,
        suppress(ConnectionError),
    ):
        connection.sendall(sent)
        assert connection.recv(1) == b""
    assert call(api, "GET", f"{INVOCATION}/next")[0] == 200


def test_an_answer_above_the_limit_is_not_waited_for(api: RuntimeApi) -> None:
    call(api, "GET", f"{INVOCATION}/next")
    host, port = api.address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        path = f"{INVOCATION}/r-1/response"
        connection.sendall(f"POST {path} HTTP/1.1\r\nContent-Length: 6291557\r\n\r\n".encode())
        deadline = time.monotonic() + 10
        while api.outcome is not Ending.ANSWER_TOO_LARGE:
            assert time.monotonic() < deadline, api.outcome
            time.sleep(0.01)
