"""An S3 endpoint on a bad day: requests and answers get lost, late, doubled, cut off or refused."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from tests.support.proxy import Answer, ProxyHandler, Request, proxy

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
        pass

    Handler.day = day
    with proxy(target, Handler) as url:
        yield url


class _Handler(ProxyHandler):
    day: BadDay

    def serve(self, request: Request) -> None:
        fault = self.day.next()
        if fault in _REFUSALS:
            status, code = _REFUSALS[fault]
            xml = f"<Error><Code>{code}</Code><Message>later</Message></Error>".encode()
            self.answer(Answer(status, [("Content-Type", "application/xml")], xml))
            return
        if fault == "request lost":
            self.close_connection = True
            return
        if fault == "request late and doubled":
            # The client has no answer and sends it again, and then the first arrives as well.
            threading.Timer(_LATE_SECONDS, self.forward, (request,)).start()
            self.close_connection = True
            return
        answer = self.forward(request)
        if fault == "request doubled":
            answer = self.forward(request)
        if fault == "answer late":
            time.sleep(_LATE_SECONDS)
        if fault == "answer lost":
            self.close_connection = True
            return
        if fault == "answer cut off":
            half = replace(answer, body=answer.body[: len(answer.body) // 2])
            self.answer(half, promised=len(answer.body))
            self.close_connection = len(half.body) < len(answer.body)
            return
        self.answer(answer)
