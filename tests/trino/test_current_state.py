"""The current state as a real Trino has it after refreshes, for any history.

The state machine's own definition runs on an interpreter that nobody here wrote. Its queries run
on Trino in the Trino spelling of `catalog.current.statements`.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from infra.naming import DATA_PREFIX
from schemas.table import parse_table
from tests.support.state_machine import Interpreter, interpreter
from tests.trino.conftest import BUCKET, DATABASE, TYPES, Lake
from tests.trino.happenings import (
    Happening,
    Mend,
    Step,
    history,
    may_be_forgotten,
    newest,
    row_of,
)
from tests.trino.refreshed import AT_FIRST, Place, Row, refresh_of, run_queries

pytestmark = pytest.mark.trino

HISTORIES = 4
PLACES = "histories"


@dataclass
class Refreshes:
    """Makes places for histories."""

    lake: Lake
    interpreter: Interpreter
    like: dict[str, Any]
    numbers: Iterator[int]

    @property
    def today(self) -> dt.date:
        return self.lake.history.today

    def happening(self, mend: Mend = lambda machine: machine) -> Happening:
        """A new place, where nothing has happened."""
        place = Place(
            self.lake.endpoint,
            self.lake.trino,
            BUCKET,
            f"{PLACES}{next(self.numbers)}",
            self.like,
            self.lake.history.first_date,
        )
        return Happening(place, self.interpreter, mend)


@pytest.fixture(scope="module")
def refreshes(lake: Lake) -> Iterator[Refreshes]:
    like = lake.endpoint.client("glue").get_table(DatabaseName=DATABASE, Name="demand")["Table"]
    with interpreter(lake.endpoint, partial(run_queries, lake.trino)) as made:
        yield Refreshes(lake, made, like, itertools.count())
    # Other tests compare the stack's databases with those of a local run.
    glue = lake.endpoint.client("glue")
    for database in glue.get_databases()["DatabaseList"]:
        if database["Name"].startswith(PLACES):
            glue.delete_database(Name=database["Name"])


# --- any history ------------------------------------------------------------------------------


def what_is_wrong(happening: Happening, today: dt.date) -> list[str]:
    """In what the table differs from the true state, and the views from each other."""
    truth = newest(happening.written.values())
    rows = happening.place.rows(happening.described)
    found = {row["record_key"]: row for row in rows}
    wrong = [] if len(found) == len(rows) else ["a record has two rows"]
    for key, row in truth.items():
        there = found.pop(key, None)
        if there is None:
            wrong += [] if may_be_forgotten(row, today) else [f"{key} is missing"]
        elif _shown(there) != _shown(row):
            wrong.append(f"{key} is {there['change_id']}, not {row['change_id']}")
    wrong += [f"{key} never was" for key in found]
    current, latest = happening.place.views(happening.described)
    if current != latest:
        wrong.append(f"_current and _latest differ in {set(current) ^ set(latest)}")
    return wrong


def _shown(row: Row) -> tuple[Any, ...]:
    names = ("change_id", "revision", "change_type", "is_deleted", "sequence_number", "status")
    return tuple(row[name] for name in (*names, "note"))


def happened(happening: Happening, seed: int, today: dt.date) -> list[str]:
    """Let a history happen, refresh once more, and return what is wrong then."""
    happening.happen(history(Random(seed), today))
    now = dt.datetime.now(dt.UTC)
    assert happening.refresh(now).status == "SUCCEEDED"
    assert happening.place.marks() == []
    return what_is_wrong(happening, today)


@settings(max_examples=HISTORIES, phases=[Phase.explicit, Phase.generate], database=None)
@given(seed=st.integers(0, 2**32))
def test_after_any_history_the_table_has_the_true_state(refreshes: Refreshes, seed: int) -> None:
    assert happened(refreshes.happening(), seed, refreshes.today) == []


def marks_deleted_before_the_merge(machine: dict[str, Any]) -> dict[str, Any]:
    states = machine["States"]
    states["NothingIsLate"]["Next"] = states["FindEarliest"]["Next"] = "ForgetMarks"
    states["ForgetMarks"]["Next"] = "Merge"
    states["Merge"]["Next"] = "MoveAnchor"
    return machine


def only_the_late_date_is_read(machine: dict[str, Any]) -> dict[str, Any]:
    texts = machine["States"]["KeepTexts"]["Result"]
    before, _, rest = texts["merge"].partition("WHERE partition_date >= least('{}', ")
    first, _, after = rest.partition(")\n  )\n  WHERE _newness")
    assert after
    texts["merge"] = (
        f"{before}WHERE (partition_date = '{{}}' OR partition_date >= {first})\n  )\n"
        f"  WHERE _newness{after}"
    )
    return machine


@pytest.mark.parametrize("bug", [marks_deleted_before_the_merge, only_the_late_date_is_read])
def test_the_histories_find_a_state_machine_that_is_wrong(refreshes: Refreshes, bug: Mend) -> None:
    assert any(happened(refreshes.happening(bug), seed, refreshes.today) for seed in range(8))


# --- one thing at a time ----------------------------------------------------------------------


def change(key: str, kind: str, at: dt.datetime, number: int = 0, status: str = "") -> Row:
    micros = (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    return {**row_of(key, number, kind, micros, 1000 + number), "status": status or kind}


def put(happening: Happening, day: dt.datetime, *rows: Row, marked: bool = False) -> None:
    steps = [Step("put", day, file=happening.place.new_name(), date=day.date(), rows=rows)]
    if marked:
        steps.append(replace(steps[0], does="mark"))
    happening.happen(steps)


@pytest.fixture
def days(refreshes: Refreshes) -> list[dt.datetime]:
    """The noons of today and of the days before, today first."""
    noon = dt.datetime.combine(refreshes.today, dt.time(12), dt.UTC)
    return [noon - dt.timedelta(days=number) for number in range(9)]


@pytest.mark.parametrize("comes_back", [False, True], ids=["as it is", "with the late date alone"])
def test_a_removed_record_does_not_come_back_when_its_insert_comes_again(
    refreshes: Refreshes, days: list[dt.datetime], comes_back: bool
) -> None:
    """Its tombstone is forgotten by then; with a merge that reads only the late date it would."""
    happening = refreshes.happening(
        only_the_late_date_is_read if comes_back else lambda machine: machine
    )
    put(happening, days[8], change("gone", "INSERT", days[8]))
    put(happening, days[7], change("gone", "REMOVE", days[7], 1), change("here", "INSERT", days[7]))
    assert happening.refresh(days[0], maintain=True).status == "SUCCEEDED"
    assert [row["record_key"] for row in happening.place.rows(AT_FIRST)] == ["here"]
    put(happening, days[8], change("gone", "INSERT", days[8]), marked=True)
    assert happening.refresh(days[0]).status == "SUCCEEDED"
    current, latest = happening.place.views(AT_FIRST)
    assert len(latest) == 1
    assert (current == latest) is not comes_back


def test_a_merge_of_what_the_table_has_changes_nothing(
    refreshes: Refreshes, days: list[dt.datetime]
) -> None:
    happening = refreshes.happening()
    put(happening, days[0], *(change(f"record {n}", "INSERT", days[0]) for n in range(50)))
    assert happening.refresh(days[0]).status == "SUCCEEDED"
    before, snapshots = happening.place.rows(AT_FIRST), happening.place.snapshots()
    # Once more with a change that the table has, and with an older one.
    put(happening, days[0], change("record 7", "INSERT", days[0]))
    put(happening, days[1], change("record 8", "INSERT", days[1]), marked=True)
    assert happening.refresh(days[0]).status == "SUCCEEDED"
    assert happening.place.rows(AT_FIRST) == before
    assert happening.place.snapshots() == snapshots
    put(happening, days[0], change("record 7", "MODIFY", days[0], 1))
    assert happening.refresh(days[0]).status == "SUCCEEDED"
    assert happening.place.snapshots() > snapshots


def test_refreshes_at_once_give_each_record_one_row(refreshes: Refreshes) -> None:
    """Iceberg lets one of two merges in conflict fail, and the state machine runs it again."""
    happening = refreshes.happening()
    steps = history(Random(1), refreshes.today)
    files = [step for step in steps if step.does in ("put", "mark")]
    machine = happening.definition
    now = dt.datetime.now(dt.UTC)
    for part in (files[: len(files) // 2], files[len(files) // 2 :]):
        happening.happen(part)
        names = [happening.place.new_name() for _ in range(3)]
        with ThreadPoolExecutor() as threads:
            done = threads.map(
                lambda name: refreshes.interpreter.run(machine, name=name, started=now), names
            )
        assert [each.status for each in done] == ["SUCCEEDED"] * 3
    assert what_is_wrong(happening, refreshes.today) == []


def test_a_value_of_an_added_column_is_not_lost_to_a_refresh_under_the_older_schema(
    refreshes: Refreshes, days: list[dt.datetime]
) -> None:
    happening = refreshes.happening()
    put(happening, days[4], change("record", "INSERT", days[4]))
    older = happening.definition
    happening.happen([Step("grow", days[3])])
    put(happening, days[4], change("record", "MODIFY", days[4], 1), marked=True)
    name = happening.place.new_name()
    assert refreshes.interpreter.run(older, name=name, started=days[3]).status == "SUCCEEDED"
    assert happening.place.marks() == []
    assert happening.refresh(days[0]).status == "SUCCEEDED"
    current, latest = happening.place.views(happening.described)
    assert "status_then" in latest[0]
    assert current == latest


# --- the tables of the pipeline ---------------------------------------------------------------


@pytest.mark.parametrize("record_type", TYPES)
def test_the_refreshed_view_of_a_type_answers_what_the_view_over_all_changes_answers(
    refreshes: Refreshes, record_type: str
) -> None:
    """Types and values of every kind, among them rows of an older schema, and changed records."""
    lake = refreshes.lake
    text = json.dumps(lake.schema(record_type))
    described = parse_table(record_type, text, f"{record_type}.json")
    machine = refresh_of(described, DATABASE, BUCKET, DATA_PREFIX)
    now = dt.datetime.now(dt.UTC)
    try:
        for number in range(2):
            name = f"{record_type}{number}"
            done = refreshes.interpreter.run(machine, name=name, started=now)
            assert done.status == "SUCCEEDED"
        current, latest = (
            lake.trino.cursor(f"SELECT * FROM {record_type}_{view} ORDER BY record_key")
            for view in ("current", "latest")
        )
        rows = current.fetchall()
    finally:
        # Other tests compare the stack with a local run, which has no such tables.
        lake.trino.rows(f"DROP TABLE IF EXISTS {DATABASE}_parquet.{record_type}")
    assert len(rows) > 3
    assert repr(rows) == repr(latest.fetchall())
    assert [c[:2] for c in current.description] == [c[:2] for c in latest.description]
