"""A peer in its own process: it does its parts of the work when told to, and says what they cost.

One line of JSON on standard input is one order, one line on standard output its answer:

    {"round": null}        every part once      → {"parts": {name: part}, "peak_rss": bytes}
    {"keep": "folder"}     the same, and the outputs are left in the folder → {}

A part is ``{"cpu": s, "wall": s, "records": n, "bytes_out": n}``. Its clocks run from an
invocation's payload as bytes to its answer as bytes, or to its object in the store; what a round
reads from disk, and what it does between invocations, is not in it. `bench/node/peer.mjs` speaks
the same.
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
        How many records it was for.
    bytes_out
        Bytes that it wrote or answered.
    """

    cpu: float = 0.0
    wall: float = 0.0
    records: int = 0
    bytes_out: int = 0

    def add(self, other: Part) -> None:
        """Add what another cost."""
        self.cpu += other.cpu
        self.wall += other.wall
        self.records += other.records
        self.bytes_out += other.bytes_out

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Count the time of what is done within."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.cpu += time.process_time() - cpu
        self.wall += time.perf_counter() - wall


class Peer(Protocol):
    """What `serve` needs of a peer."""

    def round(self, keep: Path | None) -> dict[str, Part]:
        """Do every part once; leave the outputs in the folder, if one is given."""


def timed(payloads: Iterable[bytes], handle: Callable[[bytes], bytes], records: int) -> Part:
    """Return what it costs to answer each payload; nothing of an answer is kept."""
    part = Part(records=records)
    for payload in payloads:
        with part.clock():
            answer = handle(payload)
        part.bytes_out += len(answer)
        del answer
    return part


def peak_rss() -> int:
    """Return the most memory that this process had, in bytes.

    From ``/proc``: getrusage counts what the process that started this one had before.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def serve(make: Callable[[], Peer]) -> None:
    """Make the peer and take orders until there are no more."""
    answers = sys.stdout
    # A function's log is its standard output; it is written, and nobody reads it.
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
