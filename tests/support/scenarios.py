"""The explorations: their runs, the landed objects, and the faults that can happen."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest import mock

from avro_writer import landed, quarantine
from avro_writer.attempt import NEWER_CODE_WAIT
from avro_writer.errors import ObjectsSetAside
from avro_writer.plan import Input, Plan
from tests.support import writer
from tests.support.exploration import Exploration, Explored, Faults
from tests.support.ledger import Ledger, landing_key
from tests.support.memory_store import MemoryStore, etag_of
from tests.support.programs import PLENTY, Change, Life, Program
from tests.support.runs import (
    AFTER_ALL_ROWS,
    BEFORE_A,
    BEFORE_B,
    FOLDER,
    NOW,
    closing,
    other_rules,
    other_schema,
    run_main,
    run_program,
)
from tests.support.writer import gz_lines, landed_row, ndjson

Events = Mapping[str, Callable[[MemoryStore], None]]
_KEYS_A_PAGE = 2

ONE = {"a": ndjson([landed_row(1)])}
TWO = {"a": ndjson([landed_row(1)]), "b": ndjson([landed_row(2)])}
TWO_DATES = {
    "a": ndjson([landed_row(1), landed_row(2, days=1)]),
    "b": ndjson([landed_row(3, days=1)]),
}
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
    before
        Brings the bucket to where the exploration begins.
    last
        Changes the code of the run that finishes all work.
    bounds
        Is in place for all runs.
    """

    name: str
    landed: Mapping[str, bytes]
    runs: tuple[Mapping[str, Any], ...] = ({}, {})
    ledger: Callable[[], Ledger] = Ledger
    events: Callable[[Ledger], Events] = field(default=lambda ledger: {})
    faults: Faults = field(default_factory=Faults)
    lanes: int = 1
    identical: bool = True
    before: Callable[[MemoryStore], None] = lambda store: None
    last: Change = contextlib.nullcontext
    bounds: Change = contextlib.nullcontext

    def explore(self) -> Explored:
        """Explore all schedules."""
        with self.bounds():
            runs = {
                name: run_program(name, **given)
                for name, given in zip("ABC", self.runs, strict=False)
            }
            return explore(
                self.landed,
                runs,
                faults=self.faults,
                events=self.events,
                ledger=self.ledger(),
                lanes=self.lanes,
                identical=self.identical,
                before=self.before,
                change=self.last,
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
    before: Callable[[MemoryStore], None] = lambda store: None,
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
    before(store)
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


def refused(method: str) -> Callable[[Ledger], Events]:
    def events(ledger: Ledger) -> Events:
        key = landing_key("a")
        return {
            f"S3 refuses to {method} a": lambda store: store.refuse(method, key),
            f"S3 does not refuse to {method} a": lambda store: store.give(method, key),
        }

    return events


def given_again(ledger: Ledger) -> Events:
    return {"S3 gives all again": lambda store: store.give()}


def set_aside(store: MemoryStore) -> None:
    """Have a run die between its outputs, S3 refuse to read what it has read, and the next come."""
    store.now = NOW
    kept = {key: store.kept.pop(key) for key in store.keys(landing_key("b"))}
    life = Life(run_main("before"))
    life.begin()
    while life.asked and not store.keys("data-pipeline/avro/"):
        life.go_on(life.asked.apply(store), PLENTY)
    life.kill()
    store.refuse("read", landing_key("a"))
    with contextlib.suppress(ObjectsSetAside):
        writer.run(
            store,
            now=lambda: NOW + timedelta(hours=1),
            run_id="before",
            folder=FOLDER,
            first_partition_date=AFTER_ALL_ROWS,
        )
    store.kept.update(kept)


def too_long_for_any_run(store: MemoryStore) -> None:
    """Put a plan whose object as many runs had no time for as have to try."""
    key = landing_key("a")
    landed = Input(key, etag_of(store.kept[key][0]), len(store.kept[key][0]))
    plan = Plan("0", "reading", "demand", (landed,), "before", 0.0, tries=2)
    store.put("data-pipeline/compaction/demand/1-0.json", plan.to_json())


# An object with a line that every version takes, and one with a line that only the newer one takes.
WITH_A_NEWER_ROW = {
    "a": ndjson([landed_row(1)]),
    "b": ndjson([landed_row(2), landed_row(3, added="x")]),
}


def landed_after(hours: float) -> Callable[[MemoryStore], None]:
    """Return what has all objects landed so many hours after `NOW`, by S3's time of them."""

    def before(store: MemoryStore) -> None:
        for key, (body, _) in store.kept.items():
            store.put(key, body, NOW + timedelta(hours=hours))

    return before


def all_good() -> Ledger:
    return Ledger(all_good=True)


def line_by_line() -> AbstractContextManager[object]:
    """Have each line of an object taken before the next is looked at."""
    return mock.patch.object(landed, "_BATCH_BYTES", 1)


@contextlib.contextmanager
def few_bad_lines() -> Iterator[None]:
    """Have two bad lines of an object be too many, and one more than is kept in an entry."""
    with (
        mock.patch.multiple(quarantine, _MOST_LINES=2, _MOST_DATA_BYTES=3),
        mock.patch.object(landed, "_BATCH_BYTES", 1),
    ):
        yield


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
    Scenario(
        "a run, S3 refuses to read an object and then does not",
        TWO_DATES,
        runs=({},),
        events=refused("read"),
        faults=Faults(delayed=1),
    ),
    Scenario(
        "a run, S3 refuses to delete an object and then does not",
        TWO_DATES,
        runs=({},),
        events=refused("delete"),
        faults=Faults(delayed=1),
    ),
    Scenario("two runs beside a plan that is set aside", TWO_DATES, before=set_aside),
    Scenario(
        "a run beside a plan that is set aside, S3 gives its object, a request arrives late",
        TWO_DATES,
        runs=({},),
        events=given_again,
        faults=Faults(delayed=1),
        before=set_aside,
    ),
    Scenario(
        "two runs, a plan is set aside, S3 gives its object",
        {"a": TWO_DATES["a"]},
        events=given_again,
        before=set_aside,
    ),
    Scenario(
        "two runs over an object that no run has time for",
        {"a": TWO_DATES["a"]},
        before=too_long_for_any_run,
    ),
    Scenario(
        "two runs over an object with too many bad lines",
        {"a": gz_lines(b"bad", landed_row(1), b"worse", landed_row(2))},
        bounds=few_bad_lines,
    ),
    Scenario("two runs with one request id", ONE, runs=({"request_id": "R"}, {"request_id": "R"})),
    Scenario(
        "an older run and a newer one, a row has a new column",
        {"a": WITH_A_NEWER_ROW["b"]},
        runs=({}, {"change": other_schema}),
        ledger=all_good,
        before=landed_after(BEFORE_A),
        last=other_schema,
        bounds=line_by_line,
    ),
    Scenario(
        "a run of old code over two objects, a row has a new column",
        WITH_A_NEWER_ROW,
        runs=({},),
        ledger=all_good,
        before=landed_after(BEFORE_A),
        last=other_schema,
        bounds=line_by_line,
    ),
    Scenario(
        "two runs of old code, a row waits for newer code in the eyes of one",
        {"a": WITH_A_NEWER_ROW["b"]},
        before=landed_after(BEFORE_B - NEWER_CODE_WAIT / timedelta(hours=1)),
        bounds=line_by_line,
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
    Scenario(
        "two runs, S3 refuses to read an object and then does not", ONE, events=refused("read")
    ),
    Scenario(
        "two runs, S3 refuses to delete an object and then does not", ONE, events=refused("delete")
    ),
    Scenario(
        "two runs beside a plan that is set aside, S3 gives its object",
        TWO_DATES,
        events=given_again,
        before=set_aside,
    ),
    Scenario(
        "an older run and a newer one over two objects, a row has a new column",
        WITH_A_NEWER_ROW,
        runs=({}, {"change": other_schema}),
        ledger=all_good,
        before=landed_after(BEFORE_A),
        last=other_schema,
        bounds=line_by_line,
    ),
)
