"""Runs the peers in turns, round by round, so that a disturbance affects all of them."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.comparison import compare
from bench.workload import Workload

ROOT = Path(__file__).resolve().parents[1]
_NODE = ROOT / "bench" / "node"
_LEAST_NODE = 20


@dataclass
class Costs:
    """The cost of a part per record in each round: microseconds of CPU and wall time, bytes."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    bytes_out: float = 0.0


@dataclass
class Measured:
    """The cost of a peer: its parts, the peak memory of its process in bytes, and its rows."""

    parts: dict[str, Costs] = field(default_factory=dict)
    peak_rss: int = 0
    rows: int = 0

    def cpu(self, part: str) -> float:
        """Return the median CPU time of a part, in microseconds per record."""
        return statistics.median(self.parts[part].cpu)


class PeerFailed(Exception):
    """A peer cannot be installed, or its process ended too early."""


def node_command() -> list[str] | None:
    """Return the command of the Node peer, with its packages installed, or None without Node.

    Raises
    ------
    PeerFailed
        npm cannot install the packages.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    if int(version.stdout.strip().removeprefix("v").split(".")[0]) < _LEAST_NODE:
        return None
    if not (_NODE / "node_modules" / ".package-lock.json").exists():
        done = subprocess.run([npm, "ci"], cwd=_NODE, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise PeerFailed(f"npm ci failed in {_NODE}: {done.stderr.strip()[-500:]}")
    return [node, str(_NODE / "peer.mjs")]


def commands(packages: Iterable[Path] = ()) -> dict[str, list[str]]:
    """Return the command of each peer that can run here.

    Parameters
    ----------
    packages
        The unpacked packages of the functions, from which the project's handlers come. By
        default, they come from this tree.
    """
    found = {
        name: [sys.executable, "-m", f"bench.peers.{name}"]
        for name in ("project", "usual", "floor")
    }
    places = [*map(str, packages), str(ROOT)]
    # Without -P this tree would come first.
    packaged = ["env", f"PYTHONPATH={os.pathsep.join(places)}", sys.executable, "-P"]
    found["project"] = [*packaged, *found["project"][1:]]
    node = node_command()
    return {**found, **({"node": node} if node else {})}


def run(
    workload: Workload,
    peers: dict[str, list[str]],
    rounds: int,
    expected: dict[str, dict[str, bytes]],
    progress: Callable[[str], None],
) -> dict[str, Measured]:
    """Return the cost of each peer, after comparing its rows with the reference implementation.

    Parameters
    ----------
    workload
        The input of the peers.
    peers
        The command of each peer.
    rounds
        How often each peer is measured. The round whose rows are compared is a warm-up and does
        not count.
    expected
        `bench.comparison.expected_rows`; a peer that is not in it has no output.
    progress
        Called with a message before each step.

    Raises
    ------
    PeerFailed, PeersDiffer
        A peer ended too early, or wrote wrong rows.
    """
    with ExitStack() as stack:
        processes = {}
        for name, command in peers.items():
            progress(f"{name}: starting")
            processes[name] = stack.enter_context(_Process(name, command, workload))
        measured = {name: Measured() for name in peers}
        for name, process in processes.items():
            with tempfile.TemporaryDirectory() as folder:
                process.ask({"keep": folder})
                if name in expected:
                    progress(f"{name}: comparing its rows with the reference")
                    rows = compare(name, Path(folder), workload, expected[name])
                    measured[name].rows = rows
        for number in range(1, rounds + 1):
            for name, process in processes.items():
                progress(f"round {number} of {rounds}: {name}")
                _add(measured[name], process.ask({"round": None}))
        return measured


def _add(measured: Measured, answer: dict[str, Any]) -> None:
    measured.peak_rss = answer["peak_rss"]
    for name, part in answer["parts"].items():
        costs = measured.parts.setdefault(name, Costs())
        costs.cpu.append(part["cpu"] / part["records"] * 1e6)
        costs.wall.append(part["wall"] / part["records"] * 1e6)
        costs.bytes_out = part["bytes_out"] / part["records"]


class _Process:
    def __init__(self, name: str, command: Sequence[str], workload: Workload) -> None:
        self._name = name
        self._process = subprocess.Popen(  # noqa: S603
            [*command, str(workload.folder), str(workload.seed), str(workload.count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout  # noqa: S101 - pipes
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self._process.stdout.readline()
        if not line:
            raise PeerFailed(f"the peer {self._name} ended; its output above says why")
        answer: dict[str, Any] = json.loads(line)
        return answer
