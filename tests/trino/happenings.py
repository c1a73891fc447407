"""Histories of changes, of their files, and of refreshes between them, killed and overlapping.

A history is a list of small steps in one order, so that it is the same each time. Refreshes run
in threads of their own, and make a call only when it is their turn.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from schemas.table import Table
from tests.support.state_machine import Interpreter, Killed, Outcome, Task
from tests.trino.refreshed import AT_FIRST, GROWN, TOMBSTONE_DAYS, Place, Row

RECORDS, DAYS_OF_CHANGES, DAYS_OF_FILES = 40, 6, 8

_ACTORS = ("a", "b")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PATIENCE_SECONDS = 120

Definition = Mapping[str, Any]
Mend = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Step:
    """One thing that happens.

    Parameters
    ----------
    does
        ``put`` a file, ``mark`` it, ``grow`` the schema; ``start``, ``go`` on with, ``kill`` or
        ``finish`` a refresh.
    at
        When it happens.
    """

    does: str
    at: dt.datetime
    actor: str = ""
    file: str = ""
    date: dt.date | None = None
    rows: tuple[Row, ...] = ()
    given: tuple[str, ...] = ()


def history(random: Random, today: dt.date) -> list[Step]:
    """Return a history of the days before a day."""
    begin = dt.datetime.combine(today, dt.time(), dt.UTC) - dt.timedelta(days=DAYS_OF_FILES)
    # The day on which all comes that is more than a day late, as a replay brings it.
    replayed_on = random.randrange(5, DAYS_OF_FILES)
    is_quiet_before = random.random() < 0.5
    deliveries = list(_deliveries(random, begin, replayed_on))
    grown_on = random.randrange(2, replayed_on)
    steps: list[Step] = []
    waiting: list[Step] = []
    refreshes = _Refreshes(random)
    for day in range(DAYS_OF_FILES + 1):
        at = begin + dt.timedelta(days=day)
        # Files whose date was today when they were named, and that come a little after midnight.
        clock = at + dt.timedelta(minutes=2)
        for step in waiting:
            steps += [*refreshes.some(clock), _moved(step, clock)]
            clock += dt.timedelta(minutes=1)
        waiting = []
        clock = at + dt.timedelta(hours=random.randrange(1, 12))
        if day == grown_on:
            steps.append(Step("grow", clock))
        if day == (1 if is_quiet_before else replayed_on):
            steps += refreshes.whole(clock)
        refreshes.may_start = day > replayed_on or not is_quiet_before
        puts = list(_files(random, [r for due, r in deliveries if due == day], at.date(), clock))
        for number, step in enumerate(puts):
            ordinary = step.does == "put" and step.date == at.date()
            if ordinary and number >= len(puts) - 2 and random.random() < 0.5:
                waiting.append(step)
                continue
            clock += dt.timedelta(minutes=7)
            steps += [*refreshes.some(clock), _moved(step, clock)]
        if day == replayed_on:
            steps += refreshes.killed(clock)
    steps += [Step("finish", clock, actor) for actor in _ACTORS]
    return steps


def _moved(step: Step, at: dt.datetime) -> Step:
    return Step(step.does, at, step.actor, step.file, step.date, step.rows, step.given)


@dataclass
class _Refreshes:
    """Steps of refreshes, which happen between the others."""

    random: Random
    started: set[str] = field(default_factory=set)
    count: int = 0
    may_start: bool = True

    def whole(self, at: dt.datetime) -> Iterator[Step]:
        """One that runs to its end."""
        yield from self._alone(at)
        yield Step("finish", at, _ACTORS[0])

    def killed(self, at: dt.datetime) -> Iterator[Step]:
        """One that is killed somewhere."""
        yield from self._alone(at)
        for _ in range(self.random.choice([3, 4, 4, 5, 6, 9, 14])):
            yield Step("go", at, _ACTORS[0])
        yield Step("kill", at, _ACTORS[0])

    def _alone(self, at: dt.datetime) -> Iterator[Step]:
        for actor in _ACTORS:
            yield Step("finish", at, actor)
        self.started.clear()
        yield Step("start", at, _ACTORS[0])

    def some(self, at: dt.datetime) -> Iterator[Step]:
        for actor in _ACTORS:
            chance = self.random.random()
            if actor not in self.started:
                if chance < 0.12 and self.count < 3 and self.may_start:
                    self.count += 1
                    self.started.add(actor)
                    asked = self.random.choice([(), (), (), ("maintain",), ("rebuild",)])
                    yield Step("start", at, actor, given=asked)
                    for _ in range(self.random.randrange(9)):
                        yield Step("go", at, actor)
            elif chance < 0.06:
                self.started.discard(actor)
                yield Step("kill", at, actor)
            elif chance < 0.25:
                self.started.discard(actor)
                yield Step("finish", at, actor)
            else:
                for _ in range(self.random.randrange(3)):
                    yield Step("go", at, actor)


def _files(random: Random, rows: list[Row], today: dt.date, at: dt.datetime) -> Iterator[Step]:
    """The files of two runs of the writer on a day, each with its mark if it is late."""
    runs = [[row for row in rows if random.random() < 0.5], []]
    runs[1] = [row for row in rows if row not in runs[0]]
    for number, run in enumerate(runs):
        for date in sorted({_date(row) for row in run}):
            of_date = tuple(row for row in run if _date(row) == date)
            file = f"{today}-{number}"
            yield Step("put", at, file=file, date=date, rows=of_date)
            if date < today:
                yield Step("mark", at, file=file, date=date)


def _date(row: Row) -> dt.date:
    return (_EPOCH + dt.timedelta(microseconds=row["changed_at_micros"])).date()


def _deliveries(random: Random, begin: dt.datetime, replayed_on: int) -> Iterator[tuple[int, Row]]:
    """The changes of all records, each with the days on which it comes, once or more."""
    first = (begin - _EPOCH) // dt.timedelta(microseconds=1)
    for record in range(RECORDS):
        micros, sequence, alive = first, 8, False
        for number in range(random.randrange(1, 7)):
            if number == 0 or random.random() < 0.85:
                micros += random.randrange(1, DAYS_OF_CHANGES * 86_400_000_000 // 5)
            sequence += 1
            kind = random.choice(["MODIFY", "MODIFY", "REMOVE"]) if alive else "INSERT"
            alive = kind != "REMOVE"
            row = row_of(f"record {record}", number, kind, micros, sequence)
            day = (micros - first) // 86_400_000_000
            if day > DAYS_OF_CHANGES:
                break
            late = [day, day, day, day, day + 1, max(day, replayed_on)]
            yield random.choice(late), row
            if random.random() < 0.2:
                yield random.choice(late), row
            if random.random() < 0.15:
                corrected = {**row, "revision": 1, "status": f"{row['status']}, corrected"}
                yield random.choice(late), corrected


def row_of(key: str, number: int, kind: str, micros: int, sequence: int) -> Row:
    """Return the row of a record's change; some have no sequence number, as those of exports."""
    status = f"{kind} {number}"
    moment = _EPOCH + dt.timedelta(milliseconds=micros // 1000)
    return {
        "change_id": f"{key} {number}",
        "change_type": kind,
        "changed_at": moment,
        "changed_at_micros": micros,
        "is_deleted": kind == "REMOVE",
        "is_expired": False,
        "record_key": key,
        "table_name": "things",
        "sequence_number": None if number == 0 and key.endswith("5") else str(sequence),
        "rescued_attributes": None,
        "revision": 0,
        "status": status,
        "note": None if number % 3 == 0 else f"note {number}",
        "price": None,
        "seen_at": None if number % 2 == 0 else moment,
        "added_later": {"status_then": status, "moments": [moment]},
    }


@dataclass
class Refreshing:
    """A refresh that goes on when it may.

    Parameters
    ----------
    interpreter, definition, name, started, given
        As `Interpreter.run` takes them.
    """

    interpreter: Interpreter
    definition: Definition
    name: str
    started: dt.datetime
    given: Mapping[str, Any]
    outcome: Outcome | None = None

    def __post_init__(self) -> None:
        self._may, self._did = threading.Semaphore(0), threading.Semaphore(0)
        self._is_killed = self._is_finishing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.outcome = self.interpreter.run(
                self.definition,
                name=self.name,
                started=self.started,
                given=self.given,
                watch=self._watch,
            )
        finally:
            self._did.release()

    def _watch(self, task: Task, call: Callable[[], Any]) -> Any:
        self._may.acquire()
        try:
            if self._is_killed:
                raise Killed
            answer = call()
            # It would wait for another, which only goes on when the history does.
            if task.state == "ListRunning" and self._is_finishing:
                self._is_killed = not answer["Executions"][-1]["ExecutionArn"].endswith(self.name)
            return answer
        finally:
            self._did.release()

    def go(self) -> None:
        """Let it make its next call, if there is one."""
        if self._thread.is_alive():
            self._may.release()
            assert self._did.acquire(timeout=_PATIENCE_SECONDS)

    def kill(self) -> None:
        """End it before its next call."""
        self._is_killed = True
        self.finish()

    def finish(self) -> Outcome | None:
        """Let it run to its end."""
        self._is_finishing = True
        self._may.release(10_000)
        self._thread.join(_PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        return self.outcome


@dataclass
class Happening:
    """Lets a history happen at a place.

    Parameters
    ----------
    place, interpreter
        Where, and what runs the refreshes.
    mend
        Changes the definition of the state machine.
    """

    place: Place
    interpreter: Interpreter
    mend: Mend = lambda definition: definition
    described: Table = AT_FIRST
    written: dict[tuple[str, int], Row] = field(default_factory=dict)
    actors: dict[str, Refreshing] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)

    def happen(self, steps: list[Step]) -> None:
        """Do all steps in order."""
        for step in steps:
            getattr(self, f"_{step.does}")(step)

    def refresh(self, at: dt.datetime, **given: bool) -> Outcome:
        """Run a refresh to its end, with nothing between its calls."""
        return self.interpreter.run(
            self.definition, name=self.place.new_name(), started=at, given=given
        )

    @property
    def definition(self) -> dict[str, Any]:
        """The definition of the state machine as the schema is now."""
        return self.mend(self.place.refresh(self.described))

    def _put(self, step: Step) -> None:
        assert step.date is not None
        names = {each.name for each in self.described.record.columns}
        rows = [{n: v for n, v in row.items() if n in names} for row in step.rows]
        # Copies of a row are alike. Which of two unlike ones a query takes is the engine's choice.
        rows = [self.written.setdefault((r["change_id"], r["revision"]), r) for r in rows]
        self.place.put(self.described, step.date, step.file, rows)

    def _mark(self, step: Step) -> None:
        assert step.date is not None
        self.place.mark(step.date, step.file)

    def _grow(self, step: Step) -> None:
        self.place.grow(GROWN)
        self.described = GROWN

    def _start(self, step: Step) -> None:
        self.actors[step.actor] = Refreshing(
            self.interpreter,
            self.definition,
            self.place.new_name(),
            step.at,
            dict.fromkeys(step.given, True),
        )

    def _go(self, step: Step) -> None:
        self.actors[step.actor].go()

    def _kill(self, step: Step) -> None:
        self.actors.pop(step.actor).kill()

    def _finish(self, step: Step) -> None:
        if actor := self.actors.pop(step.actor, None):
            outcome = actor.finish()
            assert outcome is not None
            self.outcomes.append(outcome)


def newest(rows: Iterable[Row]) -> dict[str, Row]:
    """Return the newest change of each record, by the rule of the pipeline."""

    def age(row: Row) -> tuple[Any, ...]:
        sequence = row["sequence_number"]
        length = -1 if sequence is None else len(sequence)
        key = (row["changed_at_micros"], length, sequence or "")
        return (*key, row["change_id"], row["revision"])

    found: dict[str, Row] = {}
    for row in rows:
        known = found.get(row["record_key"])
        if known is None or age(row) > age(known):
            found[row["record_key"]] = row
    return found


def may_be_forgotten(row: Row, today: dt.date) -> bool:
    """Whether a removed record is so old that the table may lack it."""
    oldest = today - dt.timedelta(days=TOMBSTONE_DAYS)
    return bool(row["is_deleted"]) and _date(row) <= oldest
