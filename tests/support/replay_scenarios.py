"""The explorations of replays: what is kept as failed, who chooses what, and the faults."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import mock

from ops.failed import current
from ops.replay import objects
from ops.replay.objects import Selection
from schemas import table
from tests.support.exploration import Exploration, Explored, Faults
from tests.support.memory_store import MemoryStore
from tests.support.programs import Change
from tests.support.replaying import (
    bad_line,
    changed,
    closing,
    error_lines,
    put_errors,
    put_quarantine,
    replay_program,
    unfit,
)
from tests.support.runs import NOW, wider_schema


def two_dates(store: MemoryStore) -> None:
    put_errors(store, "a", error_lines(changed(1), unfit(2), changed(3, days=1)))


def an_error_and_a_bad_line(store: MemoryStore) -> None:
    put_errors(store, "a", error_lines(changed(1), b"no json"))
    put_quarantine(store, "p", [bad_line(2)])


def one(store: MemoryStore) -> None:
    put_errors(store, "a", error_lines(changed(1)))


def two(store: MemoryStore) -> None:
    put_errors(store, "a", error_lines(changed(1), changed(2)))


def three(store: MemoryStore) -> None:
    put_errors(store, "a", error_lines(changed(1), changed(2), changed(3)))


@contextlib.contextmanager
def one_row_a_choice() -> Iterator[None]:
    with mock.patch.object(objects, "_MOST_ROWS", 1):
        yield


def other_schema() -> AbstractContextManager[Any]:
    """Code with a column more: its files have other bytes."""
    described = replace(table("demand"), avro=wider_schema())
    return mock.patch.object(current, "table", lambda record_type: described)


def without(number: int) -> Selection:
    """What somebody chooses who leaves one record out."""
    return Selection(record=lambda record: changed(number) != record.data)


def rewritten(store: MemoryStore) -> None:
    """Firehose writes the object again, with a record more."""
    put_errors(store, "a", error_lines(changed(1), changed(2)))


@dataclass(frozen=True)
class Scenario:
    name: str
    before: Callable[[MemoryStore], None]
    selections: tuple[Selection, ...] = (Selection(), Selection())
    changes: tuple[Change, ...] = (contextlib.nullcontext, contextlib.nullcontext)
    events: Mapping[str, Callable[[MemoryStore], None]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    bounds: Change = contextlib.nullcontext

    def explore(self, last: Change = contextlib.nullcontext) -> Explored:
        store = MemoryStore(now=NOW, page_size=2)
        self.before(store)
        with self.bounds():
            programs = {
                name: replay_program(name, selection, change)
                for name, selection, change in zip(
                    "AB", self.selections, self.changes, strict=False
                )
            }
            try:
                check = closing(change=last)
                return Exploration(programs, check, events=self.events, faults=self.faults).run(
                    store
                )
            finally:
                for each in programs.values():
                    each.end()


QUICK = (
    Scenario("two replays over two dates and a record that fails", two_dates),
    Scenario(
        "two replays of two choices",
        two,
        bounds=one_row_a_choice,
    ),
    Scenario(
        "two replays over an error and a bad line",
        an_error_and_a_bad_line,
    ),
    Scenario(
        "two replays that choose differently",
        three,
        selections=(without(1), without(3)),
    ),
    Scenario(
        "two replays, an answer gets lost",
        two_dates,
        faults=Faults(lost=1),
    ),
    Scenario(
        "two replays, a request of the first arrives late",
        one,
        faults=Faults(delayed=1),
    ),
    Scenario(
        "two replays of different code",
        two_dates,
        changes=(other_schema, contextlib.nullcontext),
    ),
    Scenario(
        "a replay, Firehose writes its object again",
        one,
        selections=(Selection(),),
        events={"a is written again": rewritten},
    ),
)

# These take longer, and `make soak` explores them.
DEEP = (
    Scenario(
        "two replays of three choices",
        three,
        bounds=one_row_a_choice,
    ),
)
