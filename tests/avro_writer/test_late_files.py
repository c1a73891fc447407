"""No refresh of the current state misses an Avro file, whatever date the file is of.

The promise is that of docs/exactly-once.md#files-of-earlier-dates.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
)

from avro_writer import attempt
from avro_writer.attempt import Held, Worker
from avro_writer.container import DateFile
from avro_writer.table_files import TableFiles, is_late
from tests.support import writer
from tests.support.exploration import Violation, shown
from tests.support.late_files import (
    LAYOUT,
    QUICK,
    Scenario,
    check_seen,
    explore_midnight,
    mark_before_file,
    only_the_first_put_is_marked,
    put_file,
    put_mark,
    refresh_since_the_last,
)
from tests.support.ledger import Ledger
from tests.support.memory_store import MemoryStore
from tests.support.programs import PLENTY, Life
from tests.support.runs import FOLDER, NOW
from tests.support.writer import FIRST_DATE, land, landed_row, ndjson


@pytest.mark.parametrize(
    ("file_date", "now", "late"),
    [
        ("2026-11-21", "2026-11-22T00:00+00:00", True),
        ("2026-11-22", "2026-11-22T23:59:59+00:00", False),
        ("2026-11-22", "2026-11-23T00:00+00:00", True),
        ("2026-11-22", "2026-11-23T01:00+02:00", False),
        ("2026-11-22", "2026-11-22T23:00-02:00", True),
        ("2027-01-01", "2026-11-22T12:00+00:00", False),
        ("2024-01-01", "2026-11-22T12:00+00:00", True),
        ("2023-12-31", "2026-11-22T12:00+00:00", False),
        ("0001-01-01", "2026-11-22T12:00+00:00", False),
    ],
)
def test_a_file_of_a_date_before_today_is_late(file_date: str, now: str, late: bool) -> None:
    assert is_late(file_date, datetime.fromisoformat(now), FIRST_DATE) == late


def marks_of(store: MemoryStore) -> list[str]:
    return [key.removeprefix(LAYOUT.late) for key in store.keys(LAYOUT.late)]


def test_each_late_file_of_a_plan_has_an_empty_mark_of_its_name() -> None:
    store = MemoryStore()
    rows = [landed_row(n, days=days) for n, days in enumerate((-2000, -2, -1, 0, 1))]
    land(store, "a", ndjson(rows))
    writer.run(store)
    files = {
        date: key.rsplit("/", 1)[-1].removesuffix(".avro")
        for key in store.keys("data-pipeline/avro/demand/")
        for date in [key.split("partition_date=")[1].split("/")[0]]
    }
    assert len(files) == 5
    assert marks_of(store) == [f"{day}/{files[day]}" for day in ("2026-11-20", "2026-11-21")]
    assert {store.kept[key][0] for key in store.keys(LAYOUT.late)} == {b""}


def test_marks_cost_one_request_for_each_late_file() -> None:
    puts = {}
    for days in (0, -1):
        store = MemoryStore()
        land(store, "a", ndjson([landed_row(1, days=days), landed_row(2, days=days + 1)]))
        writer.run(store)
        puts[days] = sum(kind == "put" for kind, _ in store.requests)
        others = [key for kind, key in store.requests if "/current/" in key and kind != "put"]
        assert not others
    assert puts[-1] == puts[0] + 1


@pytest.mark.parametrize("scenario", QUICK, ids=lambda each: each.name)
def test_no_refresh_misses_a_late_file(
    scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    explored = shown(scenario.name, scenario.explore(), capsys)
    assert explored.crash_points > 5


def test_no_refresh_misses_a_file_that_was_put_about_midnight(
    capsys: pytest.CaptureFixture[str],
) -> None:
    explored = shown("a run, a refresh, a day passes", explore_midnight(), capsys)
    assert explored.crash_points > 5


@contextlib.contextmanager
def _marks_after_all_files() -> Iterator[None]:
    """How far a run came says nothing of the marks."""
    put = attempt._put

    def put_all(worker: Worker, held: Held, files: Sequence[DateFile]) -> None:
        put(worker, held, files)
        for each in files:
            if each.date > held.plan.put_until:
                table = TableFiles(worker.store, worker.layout, date.min, worker.now)
                put_mark(table, each.date, held.plan.id)

    with (
        mock.patch.object(attempt, "_put", put_all),
        mock.patch.object(TableFiles, "put", put_file),
    ):
        yield


@contextlib.contextmanager
def _marks_after_the_commit() -> Iterator[None]:
    put, write = attempt._put, attempt._write
    dates: dict[str, list[str]] = {}

    def put_all(worker: Worker, held: Held, files: Sequence[DateFile]) -> None:
        dates[held.plan.id] = [each.date for each in files]
        put(worker, held, files)

    def write_and_mark(worker: Worker, held: Held, committed: Callable[..., None]) -> Held:
        held = write(worker, held, committed)
        if held.plan.state == "written":
            table = TableFiles(worker.store, worker.layout, date.min, worker.now)
            for each in dates[held.plan.id]:
                put_mark(table, each, held.plan.id)
        return held

    with (
        mock.patch.multiple(attempt, _put=put_all, _write=write_and_mark),
        mock.patch.object(TableFiles, "put", put_file),
    ):
        yield


@pytest.mark.parametrize(
    ("broken", "number"),
    [
        (mark_before_file, 1),
        (only_the_first_put_is_marked, 1),
        (_marks_after_all_files, 4),
        (_marks_after_the_commit, 1),
    ],
)
def test_a_rule_that_is_broken_is_found(
    broken: Callable[[], AbstractContextManager[object]], number: int
) -> None:
    with broken(), pytest.raises(Violation, match=r"no mark|no refresh"):
        QUICK[number].explore()


def _judged_before_the_put() -> AbstractContextManager[object]:
    def put(self: TableFiles, file: DateFile, file_id: str) -> None:
        late = is_late(file.date, self.now(), self.first_partition_date)
        put_file(self, file, file_id)
        if late:
            put_mark(self, file.date, file_id)

    return mock.patch.object(TableFiles, "put", put)


def _never_marked() -> AbstractContextManager[object]:
    return mock.patch.object(TableFiles, "put", put_file)


@pytest.mark.parametrize("broken", [_judged_before_the_put, _never_marked])
def test_a_day_that_passes_shows_a_broken_rule(
    broken: Callable[[], AbstractContextManager[object]],
) -> None:
    with broken(), pytest.raises(Violation, match="no refresh will ever see"):
        explore_midnight()


class Histories(RuleBasedStateMachine):
    """Runs and refreshes go on request by request, while days pass.

    A refresh sees the marked dates, and the dates since an hour before the last refresh that ended.
    """

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore(now=NOW, page_size=2)
        self.ledger = Ledger()
        self.numbers = itertools.count()
        self.lives: list[Life] = []

    @rule(hours=st.sampled_from([1, 13, 26]))
    def time_passes(self, hours: int) -> None:
        self.store.now += timedelta(hours=hours)

    @rule(days=st.lists(st.integers(-2, 1), min_size=1, max_size=2))
    def land(self, days: list[int]) -> None:
        today = (self.store.now.date() - NOW.date()).days
        rows = [landed_row(next(self.numbers), days=today + each) for each in days]
        self.ledger.land(self.store, f"{next(self.numbers):04d}", ndjson(rows))

    @precondition(lambda self: len(self.lives) < 3)
    @rule(requests=st.integers(1, 20))
    def begin_a_run(self, requests: int) -> None:
        name = f"run-{next(self.numbers)}"

        def main(store: Any, left: Callable[[], float]) -> None:
            self._run(store, name, left)

        self._begin(main, requests)

    @precondition(lambda self: len(self.lives) < 3)
    @rule(requests=st.sampled_from([1, 2, 3, 99]))
    def begin_a_refresh(self, requests: int) -> None:
        self._begin(lambda store, left: self._refresh(store), requests)

    @precondition(lambda self: self.lives)
    @rule(data=st.data(), requests=st.sampled_from([1, 2, 99]))
    def go_on(self, data: st.DataObject, requests: int) -> None:
        self._go_on(data.draw(st.sampled_from(self.lives)), requests)

    @precondition(lambda self: self.lives)
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        self.lives.pop(data.draw(st.integers(0, len(self.lives) - 1))).kill()

    def teardown(self) -> None:
        for life in self.lives:
            life.kill()
        self.store.now += timedelta(days=2)
        self._run(self.store, "last", lambda: PLENTY)
        self.ledger.check_end(self.store)
        self._refresh(self.store)
        check_seen(self.store)

    def _run(self, store: Any, name: str, left: Callable[[], float]) -> None:
        writer.run(
            store, run_id=name, now=lambda: self.store.now, clock_left=left, folder=FOLDER
        )  # fmt: skip

    def _refresh(self, store: Any) -> None:
        refresh_since_the_last(store, str(next(self.numbers)), lambda: self.store.now)

    def _begin(self, main: Any, requests: int) -> None:
        life = Life(main)
        life.begin()
        self.lives.append(life)
        self._go_on(life, requests)

    def _go_on(self, life: Life, requests: int) -> None:
        for _ in range(requests):
            if life.asked is None:
                break
            life.go_on(life.asked.apply(self.store), PLENTY)
        if life.asked is None:
            self.lives.remove(life)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=100, stateful_step_count=30)
