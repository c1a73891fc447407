"""The log lines of functions, and the lines that Lambda adds to them."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

_KEPT_LINES: Final = 10_000
_TAIL_BYTES: Final = 4096


@dataclass(frozen=True)
class FunctionLog:
    """One line of a function's log. ``timestamp`` is in milliseconds since 1970."""

    function_name: str
    log_group: str
    log_stream: str
    request_id: str
    timestamp: int
    message: str


LogSink = Callable[[FunctionLog], None]
"""Called with each line, in the thread that runs the function. It must not raise."""


class LogStreams(Protocol):
    """Takes lines, each for its log stream."""

    def open(self, group: str, stream: str, new_client: Callable[[], Any]) -> None:
        """Add a log stream. ``new_client`` makes the client that writes to it."""

    def add(self, line: FunctionLog) -> None:
        """Add a line of a stream that is open."""


class LogBook:
    """Keeps the last lines of each function, and passes all on to the sink and the log streams."""

    def __init__(self, sink: LogSink | None, streams: LogStreams) -> None:
        self._sink = sink
        self._streams = streams
        self._lock = threading.Lock()
        self._lines: dict[str, deque[str]] = {}

    def open(self, group: str, stream: str, new_client: Callable[[], Any]) -> None:
        """Add a log stream. ``new_client`` makes the client that writes to it."""
        self._streams.open(group, stream, new_client)

    def add(self, line: FunctionLog) -> None:
        """Keep a line, and pass it on."""
        self._streams.add(line)
        with self._lock:
            kept = self._lines.setdefault(line.function_name, deque(maxlen=_KEPT_LINES))
            kept.append(line.message)
        if self._sink is not None:
            self._sink(line)

    def lines(self, function_name: str) -> list[str]:
        """Return the last lines of a function, oldest first."""
        with self._lock:
            return list(self._lines.get(function_name, ()))


class InvocationLog:
    """The log of one invocation. It makes lines of what a process writes."""

    def __init__(
        self, book: LogBook, *, function_name: str, log_group: str, log_stream: str, request_id: str
    ) -> None:
        self._book = book
        self._function_name = function_name
        self._log_group = log_group
        self._log_stream = log_stream
        self._request_id = request_id
        self._partial = b""
        self._tail = b""

    @property
    def tail(self) -> bytes:
        """The last 4 KB of the log."""
        return self._tail

    def write(self, output: bytes) -> None:
        """Add what a process has written, which may end within a line."""
        *lines, self._partial = (self._partial + output).split(b"\n")
        for line in lines:
            self._add(line)

    def line(self, text: str) -> None:
        """Add a line of Lambda's after what the process has written so far."""
        if self._partial:
            self.write(b"\n")
        self._add(text.encode())

    def _add(self, line: bytes) -> None:
        self._tail = (self._tail + line + b"\n")[-_TAIL_BYTES:]
        self._book.add(
            FunctionLog(
                function_name=self._function_name,
                log_group=self._log_group,
                log_stream=self._log_stream,
                request_id=self._request_id,
                timestamp=time.time_ns() // 1_000_000,
                message=line.decode(errors="replace"),
            )
        )


def report_line(
    request_id: str,
    *,
    seconds: float,
    init_seconds: float | None,
    memory_megabytes: int,
    used_bytes: int,
    failure: str | None,
) -> str:
    """Return Lambda's REPORT line, which queries and alarms read.

    Parameters
    ----------
    seconds, init_seconds
        Time in the handler, and time to load it if this invocation started the process.
    failure
        Type of the error, if one ended the process.
    """
    milliseconds = seconds * 1000
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {milliseconds:.2f} ms",
        f"Billed Duration: {math.ceil(milliseconds + (init_seconds or 0) * 1000)} ms",
        f"Memory Size: {memory_megabytes} MB",
        f"Max Memory Used: {math.ceil(used_bytes / (1024 * 1024))} MB",
    ]
    if init_seconds is not None:
        fields.append(f"Init Duration: {init_seconds * 1000:.2f} ms")
    if failure is not None:
        fields += ["Status: error", f"Error Type: {failure}"]
    return "\t".join(fields)
