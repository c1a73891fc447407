"""A small HTTP proxy in front of an emulator. Its handler decides how to answer a request."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


@dataclass(frozen=True)
class Request:
    """A received request. Header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """An answer to a request."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class ProxyHandler(BaseHTTPRequestHandler):
    """Passes requests on. A subclass changes that in `serve`."""

    protocol_version = "HTTP/1.1"
    backend: str
    # The emulator checks a condition and writes in two steps. One request at a time makes a
    # conditional write atomic, as S3 promises.
    one_at_a_time: threading.Lock

    def serve(self, request: Request) -> None:
        """Answer a request."""
        self.answer(self.forward(request))

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, ValueError):
            # The client was killed, or no longer waits.
            self.close_connection = True

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.serve(Request(self.command, self.path, headers, self._body()))

    do_GET = do_PUT = do_DELETE = do_POST = do_HEAD = _serve

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def forward(self, request: Request) -> Answer:
        """Return the emulator's answer."""
        skipped = {*_HOP_BY_HOP, "expect"}
        headers = {k: v for k, v in request.headers.items() if k not in skipped}
        with self.one_at_a_time:
            connection = http.client.HTTPConnection(self.backend, timeout=30)
            try:
                connection.request(request.method, request.target, request.body, headers)
                answer = connection.getresponse()
                return Answer(answer.status, answer.getheaders(), answer.read())
            finally:
                connection.close()

    def answer(self, answer: Answer, *, promised: int | None = None) -> None:
        """Send an answer. ``promised`` is the length in its header, in bytes."""
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if answer.status != 204:
            length = len(answer.body) if promised is None else promised
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def proxy(target: str, handler: type[ProxyHandler]) -> Iterator[str]:
    """Serve on a free port of localhost, and yield the URL.

    Parameters
    ----------
    target
        URL of the endpoint behind.
    handler
        Answers the requests.
    """
    handler.backend = urlsplit(target).netloc
    handler.one_at_a_time = threading.Lock()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
