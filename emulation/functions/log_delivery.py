"""Puts the log lines of functions into CloudWatch Logs, with each function's role.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from emulation.functions.logs import FunctionLog

# The limits of one PutLogEvents request. Each event counts some bytes more than its message.
MAX_BATCH_EVENTS: Final = 10_000
MAX_BATCH_BYTES: Final = 1_048_576
EVENT_OVERHEAD_BYTES: Final = 26

# Lines that come within this time are put in one request.
_GATHERING_SECONDS: Final = 0.25
_LOG: Final = logging.getLogger(__name__)


class LogDelivery:
    """Puts log lines into their log streams in the background. Safe for any number of threads.

    As on Lambda, a function does not wait for its log. If its role may not write the log, the
    lines are lost and the function does not notice. There is a warning here.
    """

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str], _LogStream] = {}
        self._waiting: list[FunctionLog] = []
        self._changed = threading.Condition()
        self._is_busy = self._is_hurried = self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="lambda-logs", daemon=True)
        self._thread.start()

    def open(self, group: str, stream: str, new_client: Callable[[], Any]) -> None:
        """Add a log stream. ``new_client`` makes the client that writes to it."""
        with self._changed:
            self._streams[group, stream] = _LogStream(group, stream, new_client)

    def add(self, line: FunctionLog) -> None:
        """Add a line of a stream that is open."""
        with self._changed:
            self._waiting.append(line)
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until each line so far is put or lost."""
        with self._changed:
            self._is_hurried = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not (self._waiting or self._is_busy))
            self._is_hurried = False

    def close(self) -> None:
        """Put the lines so far, and stop."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if not self._waiting:
                    return
                self._changed.wait_for(
                    lambda: self._is_hurried or self._is_closed, _GATHERING_SECONDS
                )
                lines, self._waiting = self._waiting, []
                self._is_busy = True
            try:
                self._put(lines)
            finally:
                with self._changed:
                    self._is_busy = False
                    self._changed.notify_all()

    def _put(self, lines: Iterable[FunctionLog]) -> None:
        of_stream: dict[tuple[str, str], list[FunctionLog]] = {}
        for line in lines:
            of_stream.setdefault((line.log_group, line.log_stream), []).append(line)
        for key, own in of_stream.items():
            self._streams[key].put(own)


class _LogStream:
    """One log stream. It is created before the first event is put into it."""

    def __init__(self, group: str, stream: str, new_client: Callable[[], Any]) -> None:
        self._name = {"logGroupName": group, "logStreamName": stream}
        self._new_client = new_client
        self._client: Any = None
        self._is_there = self._has_warned = False

    def put(self, lines: list[FunctionLog]) -> None:
        try:
            self._client = self._client or self._new_client()
            if not self._is_there:
                self._client.create_log_stream(**self._name)
                self._is_there = True
            for batch in batches(lines):
                self._client.put_log_events(**self._name, logEvents=batch)
        except (ClientError, BotoCoreError) as error:
            if not self._has_warned:
                self._has_warned = True
                _LOG.warning("the log of %s cannot be written: %s", lines[0].function_name, error)


def batches(lines: Iterable[FunctionLog]) -> Iterator[list[dict[str, Any]]]:
    """Return lines as the events of PutLogEvents requests, within its limits and by time."""
    batch: list[dict[str, Any]] = []
    size = 0
    for line in sorted(lines, key=lambda each: each.timestamp):
        message = f"{line.message}\n".encode()[: MAX_BATCH_BYTES - EVENT_OVERHEAD_BYTES]
        counted = len(message) + EVENT_OVERHEAD_BYTES
        if batch and (size + counted > MAX_BATCH_BYTES or len(batch) == MAX_BATCH_EVENTS):
            yield batch
            batch, size = [], 0
        batch.append({"timestamp": line.timestamp, "message": message.decode(errors="ignore")})
        size += counted
    if batch:
        yield batch
