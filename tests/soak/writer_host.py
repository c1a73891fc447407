"""The packaged writer, run as often as asked, each time in a process of its own.

    python -I -S writer_host.py PACKAGE_FOLDER

The package is imported once, and each run is forked: it begins as a cold start ends. Each line of
standard input asks for one thing, as JSON, and is answered by a line of standard error: ``start``
(an event) by the number of its process, ``wait`` and ``kill`` (that number) by how it ended, which
is 0, another exit code, or the negative number of the signal.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any


class Context:
    """What the handler asks of Lambda's context."""

    # A retry of the same invocation: it does not wait for a run that may be dead.
    aws_request_id = "soak"

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self._end - time.monotonic()) * 1000)


def main() -> None:
    """Do what each line asks until there is none."""
    sys.path.insert(0, sys.argv[1])
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        if "start" in asked:
            answer = _start(asked["start"], asked["seconds"])
        else:
            answer = _end(asked["pid"], kill=asked["kill"])
        sys.stderr.write(f"{answer}\n")
        sys.stderr.flush()


def _start(event: Any, seconds: float) -> int:
    from avro_writer.handler import handler

    child = os.fork()
    if child:
        return child
    status = 1
    try:
        # Its errors are in its log; standard error is the host's.
        os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
        handler(event, Context(seconds))
        status = 0
    finally:
        sys.stdout.flush()
        os._exit(status)


def _end(child: int, *, kill: bool) -> int:
    if kill:
        # Not waited for before, so the number is still its own.
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main()
