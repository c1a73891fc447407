"""Explores every interleaving of programs that use a bucket, request by request.

Nothing is sampled. A state is the bucket, the position of each program, and the faults that can
still happen. The exploration takes every possible step from each state once. Schedules that reach
the same state continue together, so all are covered and counted, though few are run.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import pytest

from tests.support.memory_store import MemoryStore
from tests.support.programs import ENOUGH_READ, MUTATING, UP, Point, Program, Request

_KEPT_FOR_GOOD = ("/avro/", "/quarantine/")


class Violation(AssertionError):
    """A promise was broken. The text names it, and the schedule that broke it."""


class Faults(NamedTuple):
    """Faults that can happen to the first program of a schedule, at any request.

    If the other programs are the same as the first, this covers faults of each of them.

    Parameters
    ----------
    lost
        Number of answers that get lost after the request was applied. The request is sent again.
    delayed
        Number of requests that get stuck, are sent again, and arrive once more at any later time.
    clocks
        Number of leaps of the program's clock: past the time for reading, or to its end.
    """

    lost: int = 0
    delayed: int = 0
    clocks: int = 0


class _State(NamedTuple):
    bucket: int
    points: tuple[Point, ...]
    faults: Faults
    resend: tuple[bool, ...]
    stuck: Request | None
    events: frozenset[str]


@dataclass
class Explored:
    """What an exploration covered.

    Parameters
    ----------
    states, steps
        Number of distinct states, and of steps between them.
    schedules
        Number of paths from the start to a state in which every program has ended.
    crash_points
        Number of distinct buckets that a crash may leave to a later run.
    """

    states: int = 0
    steps: int = 0
    schedules: int = 0
    crash_points: int = 0

    def __str__(self) -> str:
        return (
            f"{self.schedules:,} schedules through {self.states:,} states, "
            f"{self.crash_points:,} buckets that a crash may leave"
        )


class Exploration:
    """Explores all schedules.

    Parameters
    ----------
    programs
        The programs, by name.
    check
        Called with each distinct bucket; raises `AssertionError` on a broken promise. If every
        program dies at that moment, only the bucket is left.
    events
        Changes of the bucket by others, by name. Each happens once, at any time, or never.
    faults
        Faults that can happen to the programs.
    identical
        Whether a second put of an object of a table must have the same bytes. Programs of
        different code may put other bytes.
    """

    def __init__(
        self,
        programs: Mapping[str, Program],
        check: Callable[[MemoryStore], None],
        *,
        events: Mapping[str, Callable[[MemoryStore], None]] | None = None,
        faults: Faults | None = None,
        identical: bool = True,
    ) -> None:
        self._names = tuple(programs)
        self._programs = tuple(programs.values())
        self._check = check
        self._events = dict(events or {})
        self._faults = faults or Faults()
        self._buckets = _Buckets(identical)
        self._checked: set[int] = set()
        self._found: dict[_State, int] = {}
        self.explored = Explored()

    def run(self, store: MemoryStore) -> Explored:
        """Explore from a bucket.

        Raises
        ------
        Violation
            A promise was broken.
        """
        self._buckets.like(store)
        start = _State(
            self._buckets.number_of(store),
            tuple(program.start for program in self._programs),
            self._faults,
            (False,) * len(self._programs),
            None,
            frozenset(self._events),
        )
        said: list[str] = []
        try:
            self.explored.schedules = self._walk(start, said)
        except Violation as broken:
            raise Violation("\n".join([str(broken), "after", *said])) from broken
        self.explored.states = len(self._found)
        self.explored.crash_points = len(self._checked)
        return self.explored

    def _walk(self, start: _State, said: list[str]) -> int:
        """Walk depth first, without recursion; return the number of schedules."""
        path: list[tuple[_State, Iterator[tuple[str, _State]], list[int]]] = []

        def enter(state: _State) -> None:
            self._check_bucket(state.bucket)
            path.append((state, self._steps(state), [0, 0]))

        enter(start)
        while True:
            state, steps, totals = path[-1]
            for text, after in steps:
                self.explored.steps += 1
                totals[1] += 1
                known = self._found.get(after)
                if known is None:
                    said.append(text)
                    enter(after)
                    break
                totals[0] += known
            else:
                path.pop()
                # A schedule ends when no program can continue.
                count = totals[0] if totals[1] else 1
                self._found[state] = count
                if not path:
                    return count
                said.pop()
                path[-1][2][0] += count

    def _check_bucket(self, number: int) -> None:
        if number in self._checked:
            return
        self._checked.add(number)
        try:
            self._check(self._buckets.copy_of(number))
        except AssertionError as error:
            raise Violation(str(error)) from error

    def _steps(self, state: _State) -> Iterator[tuple[str, _State]]:
        if all(point.request is None for point in state.points):
            return
        for number, point in enumerate(state.points):
            if point.request is not None:
                yield from self._of_program(state, number, point, point.request)
        if state.stuck is not None:
            _, bucket = self._buckets.apply(state.bucket, state.stuck)
            yield (
                f"  stuck {state.stuck.method} {state.stuck.key} arrives",
                state._replace(bucket=bucket, stuck=None),
            )
        for name in sorted(state.events):
            store = self._buckets.copy_of(state.bucket)
            self._events[name](store)
            bucket = self._buckets.number_of(store)
            yield f"  {name}", state._replace(bucket=bucket, events=state.events - {name})

    def _of_program(
        self, state: _State, number: int, point: Point, request: Request
    ) -> Iterator[tuple[str, _State]]:
        text, answer, bucket = self._asked(number, point, state.bucket)
        for left, cost in _clocks(point.left):
            if cost > (state.faults.clocks if number == 0 else 0):
                continue
            after = self._programs[number].after(point, answer, left)
            faults = state.faults
            if cost:
                faults = faults._replace(clocks=faults.clocks - cost)
            points = _with(state.points, number, after)
            resend = _with(state.resend, number, False)
            yield (
                f"{text}, {left:.0f} s left" if cost else text,
                _State(bucket, points, faults, resend, state.stuck, state.events),
            )
        if number or request.method not in MUTATING or state.resend[number]:
            return
        if state.faults.lost:
            yield (
                f"{text}, answer lost",
                state._replace(
                    bucket=bucket,
                    resend=_with(state.resend, number, True),
                    faults=state.faults._replace(lost=state.faults.lost - 1),
                ),
            )
        if state.faults.delayed and state.stuck is None:
            yield (
                f"  {self._names[number]}: {request.method} {request.key} gets stuck",
                state._replace(
                    stuck=request,
                    resend=_with(state.resend, number, True),
                    faults=state.faults._replace(delayed=state.faults.delayed - 1),
                ),
            )

    @cache  # noqa: B019
    def _asked(self, number: int, point: Point, bucket: int) -> tuple[str, Hashable, int]:
        """Return a program's request at a point as text, its answer, and the bucket after it."""
        request = point.request
        assert request is not None
        answer, after = self._buckets.apply(bucket, request)
        text = f"  {self._names[number]}: {request.method} {request.key} -> {_short(answer)}"
        return text, answer, after


class _Buckets:
    """Buckets by number. Each distinct bucket is kept once, and each request to it is made once."""

    def __init__(self, identical: bool) -> None:
        self._identical = identical
        self._numbers: dict[frozenset[tuple[str, bytes]], int] = {}
        self._all: list[dict[str, tuple[bytes, datetime]]] = []
        self._applied: dict[tuple[int, Request], tuple[Hashable, int]] = {}

    def like(self, store: MemoryStore) -> None:
        """Make all copies equal to this one."""
        self._template = store

    def number_of(self, store: MemoryStore) -> int:
        frozen = frozenset((key, body) for key, (body, _) in store.kept.items())
        number = self._numbers.setdefault(frozen, len(self._all))
        if number == len(self._all):
            self._all.append(dict(store.kept))
        return number

    def copy_of(self, number: int) -> MemoryStore:
        store = MemoryStore(now=self._template.now, page_size=self._template.page_size)
        store.kept = dict(self._all[number])
        return store

    def apply(self, number: int, request: Request) -> tuple[Hashable, int]:
        """Return the answer to a request, and the bucket after it.

        Objects of tables and of the quarantine must stay unchanged.
        """
        found = self._applied.get((number, request))
        if found is not None:
            return found
        store = self.copy_of(number)
        answer = request.apply(store)
        for key, kept in self._all[number].items():
            if not any(area in key for area in _KEPT_FOR_GOOD):
                continue
            same = store.kept.get(key) == kept
            again = request.method == "create" and request.key == key and "/avro/" in key
            if again and self._identical:
                # S3 refused the put, but its bytes must be the same.
                same = same and request.arguments[1] == kept[0]
            if not same:
                raise Violation(f"{key} is written with other bytes, or removed")
        found = answer, self.number_of(store)
        self._applied[number, request] = found
        return found


def _with(values: tuple[Any, ...], number: int, value: Any) -> tuple[Any, ...]:
    return (*values[:number], value, *values[number + 1 :])


@cache
def _clocks(left: float) -> tuple[tuple[float, int], ...]:
    """Return the next possible times of a clock, and how many leaps each uses."""
    return (left, 0), *((other, 1) for other in (ENOUGH_READ, UP) if other < left)


def _short(answer: Hashable) -> str:
    text = answer.__name__ if isinstance(answer, type) else repr(answer)
    return text if len(text) < 60 else f"{text[:56]}..."


def shown(name: str, explored: Explored, capsys: pytest.CaptureFixture[str]) -> Explored:
    """Print what an exploration has looked at, and return it."""
    with capsys.disabled():
        print(f"\n  {name}: {explored}", end=" ")
    return explored
