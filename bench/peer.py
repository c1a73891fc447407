"""A peer in its own process: it does the parts of the work on request, and reports their costs.

Each line of JSON on standard input is an order, and each line on standard output its answer:

    {"round": null}        do every part once
    {"keep": "folder"}     the same, and leave the outputs in the folder
    answer                 {"parts": {name: part}, "peak_rss": bytes}

A part is ``{"cpu": s, "wall": s, "records": n, "bytes_out": n}``. Its time is from the payload of
each invocation as bytes to the answer as bytes, or to the object in the store. Reading from disk,
and work between invocations, do not count. `bench/node/peer.mjs` has the same protocol.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass
class Part:
    """What one part of a round cost.

    Parameters
    ----------
    cpu, wall
        Seconds; CPU is user and system time of all threads.
    records
        The number of records.
    bytes_out
        Bytes that were written or answered.
    """

    cpu: float = 0.0
    wall: float = 0.0
    records: int = 0
    bytes_out: int = 0

    def add(self, other: Part) -> None:
        """Add the cost of another part."""
        self.cpu += other.cpu
        self.wall += other.wall
        self.records += other.records
        self.bytes_out += other.bytes_out

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Add the time of the ``with`` block."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.cpu += time.process_time() - cpu
        self.wall += time.perf_counter() - wall


class Peer(Protocol):
    """What `serve` needs of a peer."""

    def round(self, keep: Path | None) -> dict[str, Part]:
        """Do every part once; leave the outputs in the folder, if one is given."""


def timed(payloads: Iterable[bytes], handle: Callable[[bytes], bytes], records: int) -> Part:
    """Return the cost of answering all payloads; the answers are discarded."""
    part = Part(records=records)
    for payload in payloads:
        with part.clock():
            answer = handle(payload)
        part.bytes_out += len(answer)
        del answer
    return part


def peak_rss() -> int:
    """Return the peak memory of this process in bytes, on Linux.

    It is from ``/proc``, because getrusage includes the memory of the parent at the fork.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def serve(make: Callable[[], Peer]) -> None:
    """Make the peer, and carry out orders until the input ends."""
    answers = sys.stdout
    # The functions write their logs to standard output. They are discarded.
    with Path(os.devnull).open("w") as sys.stdout:
        peer = make()
        for line in sys.stdin:
            order = json.loads(line)
            parts = peer.round(Path(order["keep"]) if order.get("keep") else None)
            answer: dict[str, Any] = {
                "parts": {name: asdict(part) for name, part in parts.items()},
                "peak_rss": peak_rss(),
            }
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
