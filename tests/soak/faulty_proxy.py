"""An S3 endpoint on a bad day: requests and answers get lost, late, doubled, cut off or refused."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

FAULTS = (
    "request lost",
    "answer lost",
    "answer cut off",
    "request doubled",
    "request late and doubled",
    "answer late",
    "503 SlowDown",
    "500 InternalError",
)
_LATE_SECONDS = 0.3
_REFUSALS = {"503 SlowDown": (503, "SlowDown"), "500 InternalError": (500, "InternalError")}
_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


@dataclass
class BadDay:
    """Which faults there are, how often, and how many there were.

    Parameters
    ----------
    random
        Decides.
    share
        Share of the requests that a fault befalls, 0 to 1.
    """

    random: random.Random
    share: float
    counts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> str | None:
        """Return what befalls the next request."""
        with self.lock:
            self.counts["requests"] += 1
            if self.random.random() >= self.share:
                return None
            fault = self.random.choice(FAULTS)
            self.counts[fault] += 1
            return fault


@contextmanager
def faulty_proxy(target: str, day: BadDay) -> Iterator[str]:
    """Serve on a free port of localhost, and yield the URL.

    Parameters
    ----------
    target
        URL of the endpoint behind.
    day
        What befalls requests.
    """

    class Handler(_Handler):
        backend = urlsplit(target).netloc
        # The emulator looks and puts in two steps: one request at a time keeps S3's promise that
        # a conditional write is one.
        one_at_a_time = threading.Lock()

    Handler.day = day
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    backend: str
    one_at_a_time: threading.Lock
    day: BadDay

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, ValueError):
            # The writer was killed, or has given up waiting.
            self.close_connection = True

    def _serve(self) -> None:
        body = self._body()
        fault = self.day.next()
        if fault in _REFUSALS:
            status, code = _REFUSALS[fault]
            xml = f"<Error><Code>{code}</Code><Message>later</Message></Error>".encode()
            self._answer(status, [("Content-Type", "application/xml")], xml, len(xml))
            return
        if fault == "request lost":
            self.close_connection = True
            return
        if fault == "request late and doubled":
            # The client has no answer and sends it again, and then the first arrives as well.
            threading.Timer(_LATE_SECONDS, self._forward, (body,)).start()
            self.close_connection = True
            return
        status, headers, answer = self._forward(body)
        if fault == "request doubled":
            status, headers, answer = self._forward(body)
        if fault == "answer late":
            time.sleep(_LATE_SECONDS)
        if fault == "answer lost":
            self.close_connection = True
            return
        end = len(answer) // 2 if fault == "answer cut off" else len(answer)
        self._answer(status, headers, answer[:end], len(answer))
        if end < len(answer):
            self.close_connection = True

    do_GET = do_PUT = do_DELETE = do_POST = _serve

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

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        skipped = {*_HOP_BY_HOP, "expect"}
        headers = {k: v for k, v in self.headers.items() if k.lower() not in skipped}
        with self.one_at_a_time:
            connection = http.client.HTTPConnection(self.backend, timeout=30)
            try:
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.getheaders(), answer.read()
            finally:
                connection.close()

    def _answer(
        self, status: int, headers: list[tuple[str, str]], body: bytes, promised: int
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(promised))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
