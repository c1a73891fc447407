"""CPU time of alternatives, round by round in turn, so that what disturbs one disturbs all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """CPU microseconds an operation: the median of the rounds, the least, and the most."""

    median: float
    least: float
    most: float


def measure(
    alternatives: Mapping[str, Callable[[], object]], operations: int, rounds: int
) -> dict[str, Measured]:
    """Return what each alternative costs.

    Parameters
    ----------
    alternatives
        Each does the same number of operations when called.
    operations
        How many.
    rounds
        How often each is called, after one call that does not count.
    """
    for run in alternatives.values():
        run()
    costs: dict[str, list[float]] = {name: [] for name in alternatives}
    for _ in range(rounds):
        for name, run in alternatives.items():
            started = time.process_time()
            run()
            costs[name].append((time.process_time() - started) / operations * 1e6)
    return {
        name: Measured(statistics.median(each), min(each), max(each))
        for name, each in costs.items()
    }
