"""The explorations: their runs, the landed objects, and the faults that can happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.exploration import Exploration, Explored, Faults
from tests.support.ledger import Ledger
from tests.support.memory_store import MemoryStore
from tests.support.programs import Program
from tests.support.runs import NOW, closing, other_rules, other_schema, run_program
from tests.support.writer import gz_lines, landed_row, ndjson

Events = Mapping[str, Callable[[MemoryStore], None]]
_KEYS_A_PAGE = 2

ONE = {"a": ndjson([landed_row(1)])}
TWO = {"a": ndjson([landed_row(1)]), "b": ndjson([landed_row(2)])}
WITH_BAD_LINES = {
    "a": ndjson([landed_row(1), landed_row(2, days=1), landed_row(1)]),
    "b": gz_lines(landed_row(3), b"bad"),
}
CORRUPT = {"a": b"no gzip"}
# The stricter of two versions of the code refuses it; the other accepts it as a row.
DISPUTED = {"a": gz_lines(landed_row(1), landed_row(2, table_name="disputed"))}


@dataclass(frozen=True)
class Scenario:
    """An exploration.

    Parameters
    ----------
    name
        Its subject.
    landed
        Bodies of landed objects, by name.
    runs
        For each run, its arguments without the name.
    ledger
        Makes the ledger.
    events
        Makes the events: changes by others.
    faults
        Faults that can happen to the first run.
    lanes
        Number of lanes at the end.
    identical
        As in `Exploration`.
    """

    name: str
    landed: Mapping[str, bytes]
    runs: tuple[Mapping[str, Any], ...] = ({}, {})
    ledger: Callable[[], Ledger] = Ledger
    events: Callable[[Ledger], Events] = field(default=lambda ledger: {})
    faults: Faults = field(default_factory=Faults)
    lanes: int = 1
    identical: bool = True

    def explore(self) -> Explored:
        """Explore all schedules."""
        runs = {
            name: run_program(name, **given) for name, given in zip("ABC", self.runs, strict=False)
        }
        return explore(
            self.landed,
            runs,
            faults=self.faults,
            events=self.events,
            ledger=self.ledger(),
            lanes=self.lanes,
            identical=self.identical,
        )


def explore(
    landed: Mapping[str, bytes],
    runs: Mapping[str, Program],
    *,
    faults: Faults | None = None,
    events: Callable[[Ledger], Events] | None = None,
    ledger: Ledger | None = None,
    lanes: int = 1,
    identical: bool = True,
    **last: Any,
) -> Explored:
    """Explore runs over the landed objects of one lane.

    Parameters
    ----------
    last
        Arguments of the last run, which finishes all work.
    """
    ledger = ledger or Ledger()
    store = MemoryStore(now=NOW, page_size=_KEYS_A_PAGE)
    for name, body in landed.items():
        ledger.land(store, name, body)
    happening = events(ledger) if events else None
    check = closing(ledger, lanes=lanes, **last)
    try:
        return Exploration(runs, check, events=happening, faults=faults, identical=identical).run(
            store
        )
    finally:
        for each in runs.values():
            each.end()


def _rewritten_and_new(ledger: Ledger) -> Events:
    return {
        "a is rewritten": ledger.event("a", ndjson([landed_row(1), landed_row(2)])),
        "b lands": ledger.event("b", ndjson([landed_row(3)])),
    }


def _twice() -> Ledger:
    return Ledger(twice=True)


def _not_exact() -> Ledger:
    return Ledger(exact=False)


QUICK = (
    Scenario("two runs over two objects, with a repeat and a bad line", WITH_BAD_LINES),
    Scenario("two runs over a corrupt object", CORRUPT),
    Scenario("two runs, an answer gets lost", ONE, faults=Faults(lost=1)),
    Scenario(
        "a run, a leap of its clock, a request that arrives late",
        TWO,
        runs=({},),
        faults=Faults(delayed=1, clocks=1),
    ),
    Scenario(
        "a run, its object is rewritten and another lands",
        ONE,
        runs=({},),
        ledger=_twice,
        events=_rewritten_and_new,
    ),
    Scenario(
        "two runs of different code",
        DISPUTED,
        runs=({"change": other_rules}, {}),
        ledger=_not_exact,
        identical=False,
    ),
    Scenario("two runs with different schemas", ONE, runs=({"change": other_schema}, {})),
    *(
        Scenario(
            f"the number of lanes changes, lane {lane} of the new two",
            ONE,
            runs=({}, {"lane": lane, "lanes": 2}),
            lanes=2,
        )
        for lane in (0, 1)
    ),
)

DEEP = (
    Scenario("two runs, a leap of the first one's clock", ONE, faults=Faults(clocks=1)),
    Scenario("two runs, a request of the first arrives late", ONE, faults=Faults(delayed=1)),
)
