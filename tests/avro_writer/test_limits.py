"""Time, disk, memory, requests and fairness: what holds beside every row in its place."""

from __future__ import annotations

import errno
import gzip
import io
import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import pytest

from avro_writer import compaction, landed, outputs, s3_store
from avro_writer.compaction import Capacity
from avro_writer.container import DateFiles
from avro_writer.deadline import MARGIN
from avro_writer.errors import DiskFull, OutOfTime
from avro_writer.landed import CorruptObject, unzip
from avro_writer.lanes import Lane
from avro_writer.plan import Input, Plan
from avro_writer.run import Report, Run
from tests.support.ledger import landing_key
from tests.support.memory_store import MemoryStore
from tests.support.writer import (
    avro_rows,
    gz_lines,
    land,
    landed_row,
    ndjson,
    quarantined,
    run,
)


def at_leisure() -> None:
    """There is time."""


def written(store: MemoryStore) -> list[str]:
    return sorted(each["change_id"] for rows in avro_rows(store).values() for each in rows)


class Slow:
    """A store whose requests take a second each, and the clock that they move."""

    def __init__(self, store: MemoryStore, seconds: float) -> None:
        self.store, self.left = store, seconds

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self.store, name)
        if name in ("objects", "folders", "read", "find", "create", "replace", "delete"):
            self.left -= 1
        return inner


def runs_until_empty(store: MemoryStore, seconds: float, **given: Any) -> int:
    """Let runs of so many seconds come one after another; return how many it took."""
    for number in range(1, 200):
        slow = Slow(store, seconds)
        run(slow, clock_left=lambda slow=slow: slow.left, **given)  # type: ignore[misc]
        store.now += timedelta(hours=1)
        if not store.keys("data-pipeline/landing/") + store.keys("data-pipeline/compaction/"):
            return number
    raise AssertionError("it never ends")


def test_a_plan_that_one_run_has_no_time_to_read_gets_smaller() -> None:
    store = MemoryStore()
    for number in range(60):
        land(store, f"{number:03d}", ndjson([landed_row(number)]))
    assert runs_until_empty(store, MARGIN + 30) < 15
    assert len(written(store)) == 60
    assert len(store.keys("data-pipeline/avro/")) > 2, "of one plan of 60 it made several"


@pytest.mark.parametrize(("direction", "marks", "most"), [(1, 0, 10), (-1, 79, 15)])
def test_a_plan_of_more_dates_than_a_run_can_put_is_finished_by_several(
    direction: int, marks: int, most: int
) -> None:
    """A file of an earlier date takes a put more, for its late mark."""
    store = MemoryStore()
    day = store.now.date().isoformat()
    land(store, "a", ndjson([landed_row(n, days=direction * n) for n in range(80)]))
    assert 3 < runs_until_empty(store, MARGIN + 20) < most
    assert len(written(store)) == len(store.keys("data-pipeline/avro/")) == 80
    late = store.keys("data-pipeline/current/demand/late/")
    assert len(late) == marks
    assert all(key.split("/")[4] < day for key in late)


def test_more_deletes_than_a_run_has_time_for_are_done_by_several() -> None:
    store = MemoryStore()
    for number in range(30):
        land(store, f"{number:03d}", ndjson([landed_row(number)]))
    with mock.patch("avro_writer.attempt._clean", side_effect=OutOfTime):
        run(store)
    store.now += timedelta(hours=1)
    assert len(store.keys("data-pipeline/landing/")) == 30
    assert 2 < runs_until_empty(store, MARGIN + 12) < 8
    assert len(written(store)) == 30


def on_the_clock(store: MemoryStore, seconds: float, **given: Any) -> Report:
    """Let a run have so many real seconds."""
    end = time.monotonic() + seconds
    report = run(store, clock_left=lambda: end - time.monotonic(), **given)
    store.now += timedelta(hours=1)
    return report


MANY_LINES = gzip.compress(b"\n" * (5 << 20))
ONE_LINE = gzip.compress(Random(1).randbytes(32_000_000).hex().encode(), 1)


@pytest.mark.parametrize(
    ("body", "lines"),
    [pytest.param(MANY_LINES, 5 << 20, id="many"), pytest.param(ONE_LINE, 1, id="one of 64 MB")],
)
def test_bad_lines_take_little_of_a_short_run_however_many_or_long(body: bytes, lines: int) -> None:
    store = MemoryStore()
    land(store, "a", body)
    land(store, "b", ndjson([landed_row(1)]))
    report = on_the_clock(store, 60)
    assert not report.out_of_time
    assert report.counts.quarantined_lines == lines
    assert {store.kept[each["copy"]][0] for each in quarantined(store) if "copy" in each} == {body}
    assert written(store) == ["c-1"]
    assert store.keys("data-pipeline/landing/") == store.keys("data-pipeline/compaction/") == []


@pytest.mark.parametrize("run_id", ["r1", "r2", "r3"])
def test_bad_lines_in_an_old_lane_hold_up_no_lane_of_today(run_id: str) -> None:
    store = MemoryStore()
    land(store, "old", MANY_LINES)
    for number in range(4):
        land(store, f"{number}", ndjson([landed_row(number)]), lanes=2)
    for lane in (0, 1):
        assert not on_the_clock(store, 60, lanes=2, lane=lane, run_id=run_id).out_of_time
    assert written(store) == [f"c-{number}" for number in range(4)]
    assert store.keys("data-pipeline/landing/") == []


class Dragging:
    """A store with objects below a prefix that are slow to read, and the clock that they move.

    Each look at the time takes five seconds while their lines are read.
    """

    def __init__(self, store: MemoryStore, slow: str) -> None:
        self.store, self.slow = store, slow
        self.left, self.reading = 300.0, ""

    def __getattr__(self, name: str) -> Any:
        if name in ("objects", "folders", "find", "create", "replace", "delete"):
            self.reading = ""
        return getattr(self.store, name)

    def read(self, key: str, etag: str) -> Any:
        self.reading = key
        return self.store.read(key, etag)

    def clock_left(self) -> float:
        if self.reading and self.reading.startswith(self.slow):
            self.left -= 5
        return self.left


def dragged(store: MemoryStore, slow: str, **given: Any) -> Report:
    dragging = Dragging(store, slow)
    report = run(dragging, clock_left=dragging.clock_left, **given)
    store.now += timedelta(hours=1)
    return report


@pytest.fixture
def line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the time looked at after each line."""
    monkeypatch.setattr(landed, "_BATCH_BYTES", 1)


@pytest.mark.usefixtures("line_by_line")
@pytest.mark.parametrize("before", [0, 2])
def test_an_object_that_no_run_has_time_for_goes_to_quarantine_as_it_is(before: int) -> None:
    store = MemoryStore()
    good = [land(store, f"a{number}", ndjson([landed_row(number)])) for number in range(before)]
    body = ndjson([landed_row(each) for each in range(100, 300)])
    slow = land(store, "b", body)
    land(store, "c", ndjson([landed_row(9)]))
    reports = [dragged(store, slow) for _ in range(3 + bool(good))]
    assert [each.out_of_time for each in reports] == [True] * (2 + bool(good)) + [False]
    assert written(store) == [*(f"c-{number}" for number in range(before)), "c-9"]
    (entry,) = quarantined(store)
    assert (entry["kind"], entry["key"]) == ("object", slow)
    assert "time" in entry["reason"]
    assert store.kept[entry["copy"]][0] == body
    assert store.keys("data-pipeline/landing/") == store.keys("data-pipeline/compaction/") == []


def test_an_object_for_which_there_is_no_time_even_as_it_is_stays_one_that_goes_whole() -> None:
    plan = Plan("p", "reading", "demand", (Input("k", '"e"', 1),), "r", 0.0)
    found = []
    for _ in range(4):
        found.append(plan.goes_whole)
        plan = plan.tried()
    assert found == [False, False, True, True]


@pytest.mark.usefixtures("line_by_line")
def test_an_object_that_one_run_had_no_time_for_is_read_by_a_faster_one() -> None:
    store = MemoryStore()
    slow = land(store, "a", ndjson([landed_row(each) for each in range(200)]))
    assert dragged(store, slow).out_of_time
    assert run(store).counts.rows == 200


@pytest.mark.usefixtures("line_by_line")
def test_a_clock_that_leaps_does_not_make_an_object_slow() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([landed_row(each) for each in range(9)]))
    broken_off = 0
    for calls in range(1, 40):
        times = iter([300.0] * calls)
        report = run(store, clock_left=lambda times=times: next(times, 1.0))  # type: ignore[misc]
        broken_off += report.out_of_time
        store.now += timedelta(hours=1)
    assert broken_off > 10
    assert len(written(store)) == 9


@pytest.mark.usefixtures("line_by_line")
@pytest.mark.parametrize("run_id", ["r1", "r2", "r3", "r4"])
def test_an_old_lane_that_takes_all_the_time_leaves_a_part_to_those_of_today(run_id: str) -> None:
    store = MemoryStore()
    slow = land(store, "old", ndjson([landed_row(each) for each in range(100, 300)]))
    for number in range(4):
        land(store, f"{number}", ndjson([landed_row(number)]), lanes=2)
    assert dragged(store, slow, lanes=2, lane=0, run_id=run_id).out_of_time
    assert not dragged(store, slow, lanes=2, lane=1, run_id=run_id).out_of_time
    assert written(store) == [f"c-{number}" for number in range(4)]


@pytest.mark.usefixtures("line_by_line")
def test_what_a_whole_run_may_read_is_read_though_many_lanes_share_it() -> None:
    store = MemoryStore()
    for of in range(1, 7):
        # Each takes 80 s of 275 to read, and no turn but the first has so much.
        name = next(each for each in "abcdefghijklmnop" if Lane(of, 0).holds(landing_key(each, of)))
        land(store, name, ndjson([landed_row(of * 100 + each) for each in range(15)]), lanes=of)
    for number in range(40):
        if not store.keys("data-pipeline/landing/"):
            break
        dragged(store, "data-pipeline/landing/", lanes=6, run_id=f"r{number}")
    assert len(written(store)) == 6 * 15
    assert quarantined(store) == []


def test_what_the_first_listings_have_no_time_for_is_reported() -> None:
    for method in ("folders", "objects"):
        store = MemoryStore()
        land(store, "a", ndjson([landed_row(1)]))
        with mock.patch.object(store, method, side_effect=OutOfTime):
            assert run(store).out_of_time
        assert written(store) == []


def test_a_step_is_not_begun_when_the_time_is_up() -> None:
    for prefix in ("data-pipeline/avro/", "data-pipeline/quarantine/", "data-pipeline/landing/"):
        store = MemoryStore()
        land(store, "a", gz_lines(landed_row(1), b"bad"))
        land(store, "b", b"corrupt")
        done: list[str] = []

        def left(prefix: str = prefix, done: list[str] = done, store: MemoryStore = store) -> float:
            # Up as soon as the first request below the prefix has changed something.
            changes = [k for kind, k in store.requests if kind in ("put", "delete")]
            done[:] = [key for key in changes if key.startswith(prefix)]
            return 1.0 if done else 300.0

        assert run(store, clock_left=left).out_of_time
        assert len(done) == 1, prefix


def test_time_is_looked_at_within_a_large_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landed, "_BATCH_BYTES", 5000)
    store = MemoryStore()
    land(store, "a", ndjson([landed_row(n) for n in range(100)]))
    times = iter([300.0] * 12)
    assert run(store, clock_left=lambda: next(times, 1.0)).out_of_time
    assert store.keys("data-pipeline/avro/") == []


@pytest.mark.parametrize("capacity", [Capacity(rows=3), Capacity(dates=3)], ids=["rows", "dates"])
def test_a_plan_ends_when_it_is_full(capacity: Capacity) -> None:
    store = MemoryStore()
    for number in range(6):
        rows = [landed_row(2 * number + each, days=2 * number + each) for each in (0, 1)]
        land(store, f"{number}", ndjson(rows))
    assert run(store, capacity=capacity).plans == 3
    assert len(written(store)) == 12


@pytest.mark.parametrize(
    ("capacity", "plans"),
    [
        (Capacity(rows=4), 1),
        (Capacity(rows=3), 2),
        (Capacity(dates=4), 1),
        (Capacity(dates=3), 2),
        (Capacity(bad_objects=2), 1),
        (Capacity(bad_objects=1), 2),
    ],
    ids=repr,
)
def test_a_plan_that_is_just_full_takes_one_object_more(capacity: Capacity, plans: int) -> None:
    store = MemoryStore()
    for number in range(2):
        rows = [landed_row(2 * number + each, days=2 * number + each) for each in (0, 1)]
        land(store, f"{number}", ndjson(rows))
        land(store, f"{number}-bad", b"corrupt")
    land(store, "9", ndjson([landed_row(9)]))
    assert run(store, capacity=capacity).plans == plans
    assert len(written(store)) == 5


def test_a_plan_is_read_for_a_third_of_a_runs_time() -> None:
    store = MemoryStore()
    for number in range(60):
        land(store, f"{number:03d}", ndjson([landed_row(number)]))
    slow = Slow(store, MARGIN + 60)
    with mock.patch("avro_writer.attempt._put", side_effect=OutOfTime):
        run(slow, clock_left=lambda: slow.left)
    (key,) = store.keys("data-pipeline/compaction/")
    # One second more than a third of 60 is the first that is over it.
    assert len(Plan.from_json(store.kept[key][0], key).inputs) == 21


def test_a_plan_that_was_begun_near_a_runs_end_gets_no_smaller() -> None:
    store = MemoryStore()
    for number in range(40):
        land(store, f"{number:03d}", ndjson([landed_row(number)]))
    slow = Slow(store, MARGIN + 60)
    assert run(slow, clock_left=lambda: slow.left, max_plan_objects=20).plans == 1
    (key,) = store.keys("data-pipeline/compaction/")
    plan = Plan.from_json(store.kept[key][0], key)
    assert (plan.state, len(plan.inputs)) == ("reading", 20)


def test_a_plan_of_many_bad_objects_ends_too() -> None:
    store = MemoryStore()
    for number in range(6):
        land(store, f"{number}", b"corrupt")
    assert run(store, capacity=Capacity(bad_objects=1)).plans == 3
    assert len(quarantined(store)) == 6


def test_a_plan_has_no_more_dates_than_there_can_be_files() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([landed_row(n, days=n % 5) for n in range(10)]))

    def few(*arguments: Any) -> DateFiles:
        return DateFiles(*arguments, most_dates=3)

    with mock.patch("avro_writer.outputs.DateFiles", few):
        report = run(store)
    assert sorted(avro_rows(store)) == ["2026-11-22", "2026-11-23", "2026-11-24"]
    assert report.counts.quarantined_lines == len(quarantined(store)) == 4
    assert {entry["reason"] for entry in quarantined(store)} == {"the plan has too many dates"}


def full_disk(after: int) -> Callable[..., Any]:
    """Make opening a local file fail after so many times."""
    opened = iter(range(10**9))
    real = Path.open

    def fail(self: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if "r" not in mode and next(opened) >= after:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, mode, *rest, **more)

    return fail


def all_on_disk() -> AbstractContextManager[object]:
    """Have plans keep nothing in memory."""
    return mock.patch.object(outputs, "DateFiles", partial(DateFiles, most_kept_bytes=0))


def test_a_plan_too_large_for_local_disk_gets_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    for number in range(8):
        land(store, f"{number}", ndjson([landed_row(number, days=number)]))
    real, made = Path.open, []

    def opened(self: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if mode == "ab":
            made.append(self)
            if len([each for each in self.parent.iterdir() if each.suffix == ".avro"]) >= 3:
                raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", opened)
    with all_on_disk():
        report = run(store)
    assert written(store) == sorted(f"c-{n}" for n in range(8))
    assert report.plans == 3, "8 inputs were cut to 4, then to 2; the other 6 to 3"
    assert not any(each.parent.exists() for each in made)


def test_a_disk_too_small_for_one_object_is_a_clean_error_that_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    key = land(store, "a", ndjson([landed_row(1)]))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full_disk(0))
        failure = pytest.raises(DiskFull, match=r"compaction/demand/1-0\.json.*ephemeral storage")
        with all_on_disk(), failure:
            run(store)
    assert store.keys("data-pipeline/landing/") == [key]
    assert store.keys("data-pipeline/avro/") == []
    store.now += timedelta(hours=1)
    run(store)
    assert written(store) == ["c-1"]


def test_requests_of_a_plan() -> None:
    """What `docs/exactly-once.md` says a plan costs."""
    store = MemoryStore()
    objects, dates = 7, 3
    for number in range(objects):
        land(store, f"{number}", ndjson([landed_row(number, days=number % dates)]))
    run(store)
    assert Counter(kind for kind, _ in store.requests) == {
        "list": 2 + 3,  # lanes and plans; what has landed: to take, to see that it was there, none
        "get": objects + 2,  # and whether there is a plan: before, and when it is done
        "put": dates + 3,  # and the plan: read, written, done
        "delete": objects + 1,
    }


def test_a_backlog_is_listed_once_whichever_lanes_it_is_of() -> None:
    store = MemoryStore(page_size=10)
    for number in range(400):
        land(store, f"{number:03d}", ndjson([landed_row(number)]), lanes=4)
    run(store, lanes=4, max_plan_objects=10)
    landing = "data-pipeline/landing/demand/lanes=4/"
    listed = [prefix for kind, prefix in store.requests if kind == "list" and prefix == landing]
    plans = len(store.keys("data-pipeline/avro/"))
    assert plans > 5
    # Each page once, and for each plan the rest of a page once more.
    assert len(listed) <= 40 + plans + 1


def test_lanes_take_turns() -> None:
    store = MemoryStore()
    for number in range(20):
        land(store, f"old-{number:02d}", ndjson([landed_row(number)]), lanes=2)
    land(store, "new", ndjson([landed_row(99)]))
    order: list[str] = []

    def created(key: str, body: Any) -> str:
        if "/avro/" in key:
            order.append(key)
        return MemoryStore.create(store, key, body)

    with mock.patch.object(store, "create", created):
        run(store, max_plan_objects=1)
    (of_new,) = [key for key in order if "c-99" in str(avro_rows_of(store, key))]
    assert order.index(of_new) <= 2, "a backlog of two old lanes lets the own one in"


def test_which_lane_is_first_differs_from_run_to_run() -> None:
    first = set()
    for number in range(20):
        store = MemoryStore()
        for of in (1, 2):
            name = next(each for each in "abcdef" if Lane(of, 0).holds(landing_key(each, of)))
            land(store, name, ndjson([landed_row(of)]), lanes=of)
        run(store, lanes=2, run_id=f"r{number}")
        reads = [key for kind, key in store.requests if kind == "get" and "/landing/" in key]
        first.add(reads[0].split("lanes=")[1][0])
    assert first == {"1", "2"}


def avro_rows_of(store: MemoryStore, key: str) -> dict[str, list[Any]]:
    one = MemoryStore()
    one.kept = {key: store.kept[key]}
    return avro_rows(one)


def test_a_lane_that_fails_holds_up_no_other() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([landed_row(1)]), lanes=2)
    land(store, "b", ndjson([landed_row(2)]))
    inner, said = store.read, io.StringIO()

    def read(key: str, etag: str) -> Any:
        if "lanes=2" in key:
            error = ConnectionError("S3 does not give this object")
            error.add_note(f"get_object {key}: what S3 said")
            raise error
        return inner(key, etag)

    with mock.patch.object(store, "read", read), pytest.raises(ConnectionError):
        run(store, said=said)
    assert written(store) == ["c-2"]
    line = json.loads(said.getvalue())
    assert (line["error"], line["failed_lane"]) == ("ConnectionError", "0 of 2")
    assert line["reason"] == f"get_object {landing_key('a', 2)}: what S3 said"


def test_what_others_say_of_an_error_is_not_logged() -> None:
    store, said = MemoryStore(), io.StringIO()
    land(store, "a", ndjson([landed_row(1)]))
    leaking = mock.patch.object(store, "read", side_effect=ValueError("what a record holds"))
    with leaking, pytest.raises(ValueError, match="holds"):
        run(store, said=said)
    assert json.loads(said.getvalue())["error"] == "ValueError"
    assert "holds" not in said.getvalue()


def test_the_age_of_the_oldest_landed_object_is_told() -> None:
    store = MemoryStore()
    assert run(store).oldest_landed_age == 0
    land(store, "a", ndjson([landed_row(1)]))
    store.now += timedelta(seconds=100)
    land(store, "b", ndjson([landed_row(2)]))
    waiting: dict[str, Any] = {"min_plan_bytes": 1 << 20, "max_wait_seconds": 900}
    assert run(store, **waiting).oldest_landed_age == 100
    store.now += timedelta(seconds=1000)
    assert run(store, **waiting).oldest_landed_age == 1100, "also where it is taken"
    assert run(store, **waiting).oldest_landed_age == 0


def test_the_age_is_told_of_a_lane_whose_plan_is_stuck() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([landed_row(1)]))
    store.now += timedelta(seconds=500)
    store.put("data-pipeline/compaction/demand/1-0.json", b"{}")
    reports: list[Any] = []
    original = Run.run

    def keep(self: Run) -> None:
        reports.append(self.report)
        original(self)

    with mock.patch.object(Run, "run", keep), pytest.raises(Exception, match="not a plan"):
        run(store)
    assert reports[0].oldest_landed_age == 500


def test_rows_that_no_query_sees_are_counted_and_kept() -> None:
    store = MemoryStore()  # at 2026-11-22
    days = [-365, -1, 0, 1, 2, 3, 3000]
    land(store, "a", ndjson([landed_row(n, days=day) for n, day in enumerate(days)]))
    report = run(store, first_partition_date=date(2026, 11, 21))
    assert report.counts.rows_outside_projection == 4, "before the 21st, and after tomorrow"
    assert report.counts.rows == len(written(store)) == 7


def test_an_object_larger_than_any_landed_one_goes_to_quarantine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limited = lambda body, check_time: unzip(body, check_time, 1000)  # noqa: E731
    monkeypatch.setattr(compaction, "unzip", limited)
    store = MemoryStore()
    key = land(store, "a", gzip.compress(b"x" * 1001))
    land(store, "b", gzip.compress(json.dumps(landed_row(1)).encode().ljust(1000)))
    run(store)
    assert written(store) == ["c-1"]
    (entry,) = quarantined(store)
    assert (entry["key"], entry["reason"]) == (key, "more than 1000 bytes unzipped")


def test_lines_of_a_large_object_are_those_of_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    body = gzip.compress(b"one\ntwo\n" + b"x" * 3000 + b"\nlast")
    small = unzip(io.BytesIO(body), at_leisure).read()
    monkeypatch.setattr(landed, "_MEMORY_BYTES", 100)
    monkeypatch.setattr(landed, "_PIECE", 64)
    large = unzip(io.BytesIO(body), at_leisure)
    lines = [line for lines, _ in landed.batches(large, at_leisure) for line in lines]
    assert lines == small.split(b"\n")
    with pytest.raises(CorruptObject):
        unzip(io.BytesIO(body[:-4]), at_leisure)


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_lines_around_one_that_is_too_long_are_written(
    before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landed, "MOST_LINE_BYTES", 5000)
    store = MemoryStore()
    rows = [landed_row(number) for number in range(before)]
    land(store, "a", gz_lines(*rows, b"x" * 60_000, landed_row(9)))
    report = run(store)
    assert written(store) == [*(f"c-{number}" for number in range(before)), "c-9"]
    assert report.counts.quarantined_lines == 1
    assert [each["line"] for each in quarantined(store) if each["kind"] == "line"] == [before + 1]


def test_a_download_waits_in_memory_only_if_it_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_store, "_MEMORY_BYTES", 10)
    whole: Any = s3_store._whole(io.BytesIO(b"x" * 11), at_leisure)
    assert whole._rolled
    assert whole.read() == b"x" * 11
