"""Rows of a newer schema wait for newer code, whichever of the two was deployed first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from avro_writer.attempt import NEWER_CODE_WAIT
from avro_writer.run import Report
from schemas import avro_schema
from telemetry import Log
from tests.support.memory_store import MemoryStore
from tests.support.runs import other_schema
from tests.support.writer import avro_rows, gz_lines, land, landed_row, ndjson, quarantined, run

LANDING = "data-pipeline/landing/"
MINUTES = timedelta(minutes=1)
LINES: dict[str, Any] = {"row": landed_row(1), "bad": b"bad"}


def ids(store: MemoryStore) -> list[str]:
    return sorted(each["change_id"] for rows in avro_rows(store).values() for each in rows)


def run_newer(store: MemoryStore) -> Report:
    with other_schema():
        return run(store)


def test_a_run_of_older_code_leaves_rows_with_a_new_column_to_the_newer() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([landed_row(1)]))
    newer = land(store, "b", ndjson([landed_row(2, added="x"), landed_row(3)]))
    land(store, "c", ndjson([landed_row(4)]))
    store.now += 15 * MINUTES
    report = run(store)
    assert ids(store) == ["c-1", "c-4"]
    assert store.keys(LANDING) == [newer]
    assert (report.plans, report.objects_awaiting_newer_code, report.objects_set_aside) == (1, 1, 0)
    run_newer(store)
    assert ids(store) == ["c-1", "c-2", "c-3", "c-4"]
    assert {each["added"] for each in avro_rows(store)["2026-11-22"] if "added" in each} == {
        "x",
        None,
    }
    assert quarantined(store) == [] and store.keys(LANDING) == []


@pytest.mark.parametrize("before", ["", "aa", "abc"])
@pytest.mark.parametrize("after", ["", "z", "xyz"])
@pytest.mark.parametrize("taken", [["row"], ["bad"], ["row", "bad"]])
def test_lines_that_were_taken_before_the_one_that_waits_are_written_once(
    before: str, after: str, taken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avro_writer.landed._BATCH_BYTES", 1)
    store = MemoryStore()
    for name in {*before, *after}:
        land(store, name, ndjson([landed_row(ord(name))]))
    newer = land(store, "m", gz_lines(*(LINES[each] for each in taken), landed_row(2, added="x")))
    older = run(store)
    assert ids(store) == sorted(f"c-{ord(name)}" for name in {*before, *after})
    assert older.plans == bool(before) + bool(after), "what was read before it is written first"
    assert store.keys(LANDING) == [newer] and store.keys("data-pipeline/compaction/") == []
    assert quarantined(store) == [], "a bad line waits with its object"
    assert older.objects_awaiting_newer_code == 1
    run_newer(store)
    numbers = {2, *map(ord, before + after), *([1] if "row" in taken else [])}
    assert ids(store) == sorted(f"c-{n}" for n in numbers)
    bad = [number for number, line in enumerate(taken, 1) if line == "bad"]
    assert [each["line"] for each in quarantined(store)] == bad


@pytest.mark.parametrize("late", [0, 1])
def test_every_row_may_wait_in_a_lane_and_then_go_to_quarantine_with_its_reason(late: int) -> None:
    store = MemoryStore()
    for number in range(5):
        land(store, f"{number}", ndjson([landed_row(number, added="x")]))
    store.now += NEWER_CODE_WAIT - MINUTES
    report = run(store)
    assert (report.plans, report.objects_awaiting_newer_code) == (0, 5)
    assert report.oldest_landed_age == (NEWER_CODE_WAIT - MINUTES).total_seconds()
    assert len(store.keys(LANDING)) == 5 and store.keys("data-pipeline/quarantine/") == []
    store.now += MINUTES * (1 + late)
    run(store)
    assert store.keys(LANDING) == [] and ids(store) == []
    assert all("unknown field `added`" in each["reason"] for each in quarantined(store))


@pytest.mark.parametrize(
    ("column", "value", "change"),
    [
        ("channel", "FAX", lambda field: field["type"]["symbols"].append("FAX")),
        ("max_price", "12345678901.50", lambda field: field["type"][1].update(precision=18)),
        ("requested_seats", 1 << 40, lambda field: field.update(type="long")),
        ("requested_seats", None, lambda field: field.update(type=["null", "int"])),
    ],
)
def test_every_change_that_a_schema_allows_waits_for_newer_code(
    column: str,
    value: Any,
    change: Callable[[Any], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    land(store, "a", ndjson([landed_row(1, **{column: value})]))
    run(store)
    assert quarantined(store) == [] and ids(store) == []
    schema = avro_schema("demand")
    (field,) = (each for each in schema["fields"] if each["name"] == column)
    change(field)
    monkeypatch.setattr("avro_writer.run.avro_schema", lambda record_type: schema)
    run(store)
    assert quarantined(store) == [] and ids(store) == ["c-1"]


def test_what_no_schema_takes_does_not_wait() -> None:
    store = MemoryStore()
    land(store, "a", gz_lines(landed_row(1), b"no JSON"))
    report = run(store)
    assert (ids(store), len(quarantined(store))) == (["c-1"], 1)
    assert report.objects_awaiting_newer_code == 0
    assert store.requests.count(("list", f"{LANDING}demand/lanes=1/2026/11/22/10/a.gz")) == 0


def test_of_thousands_that_wait_some_are_named_and_all_are_counted() -> None:
    store = MemoryStore()
    for number in range(30):
        land(store, f"{number:02d}", ndjson([landed_row(number, added="x")]))
    with mock.patch.object(Log, "warning") as warning:
        report = run(store)
    assert (report.objects_awaiting_newer_code, warning.call_count) == (30, 20)


def test_an_object_that_waits_costs_a_run_one_read_and_one_look_at_its_age() -> None:
    store = MemoryStore()
    newer = land(store, "b", ndjson([landed_row(2, added="x")] * 500))
    run(store)
    assert [kind for kind, key in store.requests if key == newer] == ["get", "list"]
