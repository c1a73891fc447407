"""What a run of the writer does with what has landed."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import fastavro
import pytest

import schemas
from avro_writer import outputs
from avro_writer.errors import UnreadablePlan
from avro_writer.plan import Input, Plan
from avro_writer.rows import BadRow, RowReader
from avro_writer.run import Report
from avro_writer.store import AlreadyThere, Changed
from tests.support.memory_store import MemoryStore
from tests.support.rows import demand_row
from tests.support.writer import (
    avro_rows,
    land,
    ndjson,
    quarantined,
    repeats,
    run,
    wait_for_newer_code,
)

NOON_MICROS = 1_795_392_000_000_000 - 43_200_000_000  # 2026-11-22T12:00Z
DAY_MICROS = 86_400_000_000


def row(number: int, days: int = 0, **change: Any) -> dict[str, Any]:
    micros = NOON_MICROS + days * DAY_MICROS + number
    return demand_row(
        change_id=f"c-{number}", changed_at_micros=micros, changed_at=micros // 1000, **change
    )


def written_ids(store: MemoryStore) -> list[str]:
    return sorted(each["change_id"] for rows in avro_rows(store).values() for each in rows)


def test_rows_land_in_one_file_for_each_date_of_change() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1), row(2, days=1)]))
    land(store, "b", ndjson([row(3, days=1), row(4, days=-9000)]))
    report = run(store)
    assert {date: len(rows) for date, rows in avro_rows(store).items()} == {
        "2026-11-22": 1,
        "2026-11-23": 2,
        "2002-04-02": 1,
    }
    assert (report.plans, report.counts.rows, report.counts.files) == (1, 4, 3)
    sizes = [len(store.kept[key][0]) for key in store.keys("data-pipeline/avro/")]
    assert report.counts.file_bytes == sum(sizes)
    assert store.keys("data-pipeline/landing/") == []
    assert store.keys("data-pipeline/compaction/") == []


def test_a_date_is_from_midnight_to_midnight_utc() -> None:
    store = MemoryStore()
    midnight = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp()) * 1000
    times = (midnight - 1, midnight, midnight + 86_399_999, midnight + 86_400_000)
    rows = [{**row(number), "changed_at": millis} for number, millis in enumerate(times)]
    land(store, "a", ndjson(rows))
    run(store)
    dates = {date: [each["change_id"] for each in rows] for date, rows in avro_rows(store).items()}
    assert dates == {"2026-11-21": ["c-0"], "2026-11-22": ["c-1", "c-2"], "2026-11-23": ["c-3"]}


def test_the_years_before_1000_and_9999_have_their_partitions() -> None:
    store = MemoryStore()
    land(
        store,
        "a",
        ndjson([
            {**row(1), "changed_at": -62_135_596_800_000},
            {**row(2), "changed_at": 253_402_300_799_999},
        ]),
    )  # fmt: skip
    run(store)
    assert sorted(avro_rows(store)) == ["0001-01-01", "9999-12-31"]


def test_repeats_are_left_out_and_counted_and_nothing_else_is() -> None:
    store = MemoryStore()
    again = row(1, sequence_number="2")
    land(store, "a", ndjson([row(1), again, row(2), {**row(1), "record_key": '{"pk":"other"}'}]))
    land(store, "b", ndjson([row(1), {**row(1), "change_type": "MODIFY"}]))
    report = run(store)
    assert written_ids(store) == ["c-1", "c-1", "c-1", "c-2"]
    assert report.counts.repeats == repeats(store) == 2


def test_an_empty_landing_area_costs_four_requests_and_changes_nothing() -> None:
    store = MemoryStore()
    assert run(store).plans == 0
    assert store.kept == {}
    assert store.requests == [
        ("list", "data-pipeline/landing/demand/"),
        ("list", "data-pipeline/compaction/demand/"),
        ("get", "data-pipeline/compaction/demand/1-0.json"),
        ("list", "data-pipeline/landing/demand/lanes=1/"),
    ]


def test_a_young_object_is_left_to_settle() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1)]))
    assert run(store, settle_seconds=60).plans == 0
    store.now += timedelta(seconds=61)
    assert run(store, settle_seconds=60).plans == 1


def test_a_small_batch_waits_until_its_oldest_object_has_waited_long_enough() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1)]))
    waiting: dict[str, Any] = {"min_plan_bytes": 1 << 20, "max_wait_seconds": 900}
    store.now += timedelta(seconds=800)
    land(store, "b", ndjson([row(2)]))
    assert run(store, **waiting).plans == 0
    store.now += timedelta(seconds=101)
    assert run(store, **waiting).plans == 1
    assert written_ids(store) == ["c-1", "c-2"], "the younger one goes along"


def test_a_batch_worth_a_file_does_not_wait() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(n) for n in range(500)]))
    assert run(store, min_plan_bytes=1000, max_wait_seconds=900).plans == 1


def test_a_backlog_is_taken_plan_after_plan_and_listed_no_further_than_it_is_taken() -> None:
    store = MemoryStore(page_size=10)
    for number in range(100):
        land(store, f"{number:03d}", ndjson([row(number)]))
    report = run(store, max_plan_objects=10)
    assert report.plans == 10
    assert report.counts.rows == 100
    landing = "data-pipeline/landing/demand/lanes=1/"
    listed = [prefix for kind, prefix in store.requests if kind == "list" and prefix == landing]
    assert len(listed) == 11, "one page for each plan, and one to find nothing left"
    every_lane = ("list", "data-pipeline/landing/demand/")
    assert store.requests.count(every_lane) == 11, "one page at first, and one for each plan"
    read = [key for kind, key in store.requests if kind == "get" and key.startswith(landing)]
    assert len(read) == len(set(read)) == 100, "each object is read once"


def test_a_plan_is_bounded_in_bytes_but_a_large_object_is_not_stuck() -> None:
    store = MemoryStore()
    for name in "ab":
        land(store, name, ndjson([row(ord(name) * 1000 + n) for n in range(300)]))
    assert run(store, max_plan_bytes=10).plans == 2


def test_each_landed_object_belongs_to_one_lane() -> None:
    store = MemoryStore()
    for number in range(40):
        land(store, f"{number}", ndjson([row(number)]), lanes=3)
    rows = [run(store, lane=lane, lanes=3).counts.rows for lane in range(3)]
    assert sum(rows) == 40
    assert all(rows), "forty keys fall into all of three lanes"


@pytest.mark.parametrize("lanes", [1, 2, 5])
def test_what_landed_under_another_number_of_lanes_is_drained(lanes: int) -> None:
    store = MemoryStore()
    for number in range(30):
        land(store, f"{number}", ndjson([row(number)]), lanes=3)
    for lane in range(lanes):
        run(store, lane=lane, lanes=lanes)
    assert len(written_ids(store)) == 30


@pytest.mark.parametrize("lanes", [1, 2, 5])
def test_a_plan_of_another_number_of_lanes_is_finished_though_nothing_is_landed_there(
    lanes: int,
) -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1)]), lanes=3)
    failing = Failing(store, ("delete", "data-pipeline/compaction/"))
    for lane in range(3):
        with contextlib.suppress(Lost):
            run(failing, lane=lane, lanes=3)
    assert failing.failed
    assert store.keys("data-pipeline/landing/") == []
    for lane in range(lanes):
        run(store, lane=lane, lanes=lanes, run_id="later")
    store.now += timedelta(seconds=301)
    for lane in range(lanes):
        run(store, lane=lane, lanes=lanes)
    assert store.keys("data-pipeline/compaction/") == []
    assert written_ids(store) == ["c-1"]


class Lost(Exception):
    """The connection broke."""


class Failing:
    """A store that breaks at one request, before or after it was carried out."""

    def __init__(
        self, store: MemoryStore, at: tuple[str, str] | int, *, applied: bool = False
    ) -> None:
        self.store, self.at, self.applied = store, at, applied
        self.failed = False

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self.store, name)
        if name not in ("objects", "folders", "read", "find", "create", "replace", "delete"):
            return inner

        def call(*arguments: Any) -> Any:
            number = len(self.store.requests)
            kind = {"create": "put", "replace": "put", "read": "get", "find": "get"}.get(name, name)
            here = (
                number == self.at
                if isinstance(self.at, int)
                else kind == self.at[0] and arguments[0].startswith(self.at[1])
            )
            if not here or self.failed:
                return inner(*arguments)
            self.failed = True
            if self.applied:
                inner(*arguments)
            raise Lost

        return call


@pytest.mark.parametrize("applied", [False, True])
def test_every_crash_point_leaves_a_plan_that_the_next_run_finishes(applied: bool) -> None:
    def backlog() -> MemoryStore:
        store = MemoryStore()
        land(store, "a", ndjson([row(1), row(2, days=1), row(1)]))
        land(store, "b", ndjson([row(3), row(2, days=1)]))
        land(store, "c", b"no gzip")
        land(store, "d", gzip.compress(b"no row\n"))
        return store

    calm = backlog()
    run(calm)
    crashes = 0
    for at in range(len(calm.requests)):
        store = backlog()
        failing = Failing(store, at, applied=applied)
        try:
            run(failing)
        except Lost:
            crashes += 1
        store.now += timedelta(seconds=301)
        run(store)
        assert written_ids(store) == ["c-1", "c-2", "c-3"], at
        assert repeats(store) == 2, at
        assert sorted(e["kind"] for e in quarantined(store)) == ["line", "object"], at
        assert store.keys("data-pipeline/landing/") == [], at
        assert store.keys("data-pipeline/compaction/") == [], at
    assert crashes >= 12


def test_the_counts_of_a_commit_whose_answer_was_lost_are_reported_once() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1)]))

    class LostCommit(Failing):
        def __getattr__(self, name: str) -> Any:
            if name != "replace":
                return getattr(self.store, name)

            def replace(key: str, body: bytes, etag: str) -> str:
                # As botocore's own retry sees it: the first try was applied, the second is refused.
                self.store.replace(key, body, etag)
                return self.store.replace(key, body, etag)

            return replace

    report = run(LostCommit(store, 0))
    assert (report.plans, report.counts.rows) == (1, 1)


def test_the_same_plan_gives_the_same_bytes_whoever_writes_it() -> None:
    stores = [MemoryStore(), MemoryStore()]
    for store in stores:
        for name in "ab":
            land(store, name, ndjson([row(ord(name) * 100 + n, days=n % 3) for n in range(90)]))
        with pytest.raises(Lost):
            run(Failing(store, ("put", "data-pipeline/avro/")), run_id="first")
    stores[1].kept = dict(stores[0].kept)
    for number, store in enumerate(stores):
        store.now += timedelta(seconds=301)
        run(store, run_id=f"second-{number}")
    files = [{k: v[0] for k, v in store.kept.items() if k.endswith(".avro")} for store in stores]
    assert len(files[0]) == 3
    assert files[0] == files[1]


def test_the_schema_of_the_plan_is_written_whatever_is_deployed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1)]))
    with pytest.raises(Lost):
        run(Failing(store, ("put", "data-pipeline/avro/")))
    newer = schemas.avro_schema("demand")
    newer["fields"].append({"name": "added", "type": ["null", "string"], "default": None})
    monkeypatch.setattr("avro_writer.run.avro_schema", lambda record_type: newer)
    store.now += timedelta(seconds=301)
    run(store)
    (key,) = store.keys("data-pipeline/avro/")
    written = fastavro.reader(io.BytesIO(store.kept[key][0])).writer_schema
    assert isinstance(written, dict)
    assert "added" not in [field["name"] for field in written["fields"]]


def test_a_rewritten_object_stays_and_is_taken_by_a_later_plan() -> None:
    store = MemoryStore()
    key = land(store, "a", ndjson([row(1)]))

    class Rewriting(Failing):
        def __getattr__(self, name: str) -> Any:
            if name == "delete" and not self.failed:
                self.failed = True
                self.store.put(key, ndjson([row(1), row(2)]))
            return getattr(self.store, name)

    run(Rewriting(store, 0))
    assert store.keys("data-pipeline/landing/") == [key]
    run(store)
    assert written_ids(store) == ["c-1", "c-1", "c-2"], "both versions are written, change_id tells"
    assert store.keys("data-pipeline/landing/") == []


def test_an_object_rewritten_to_and_fro_is_not_deleted_unread() -> None:
    store = MemoryStore()
    first, second = ndjson([row(1)]), ndjson([row(2)])
    key = land(store, "a", first)
    land(store, "b", ndjson([row(3)]))

    class ToAndFro(Failing):
        def __getattr__(self, name: str) -> Any:
            if name == "read" and not self.failed:
                self.failed = True
                self.store.put(key, second)
            if name == "replace":
                self.store.put(key, first)
            return getattr(self.store, name)

    run(ToAndFro(store, 0), max_plan_objects=2)
    run(store)
    assert written_ids(store) == ["c-1", "c-3"]


def test_an_input_that_another_plan_has_taken_is_passed_over() -> None:
    store = MemoryStore()
    key = land(store, "a", ndjson([row(1)]))
    land(store, "b", ndjson([row(2)]))
    with pytest.raises(Lost):
        run(Failing(store, ("put", "data-pipeline/avro/")))
    del store.kept[key]
    store.now += timedelta(seconds=301)
    report = run(store)
    assert written_ids(store) == ["c-2"]
    assert (report.counts.objects, report.counts.objects_gone) == (1, 1)


def test_lines_that_only_newer_code_finds_bad_are_in_quarantine_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    land(store, "a", gzip.compress(b"bad\n" + ndjson_lines(row(1), row(2))))
    with pytest.raises(Lost):
        run(Failing(store, ("put", "data-pipeline/avro/")))
    read = RowReader.read

    def stricter(self: RowReader, lines: Sequence[bytes]) -> list[Any]:
        if any(b'"c-2"' in line for line in lines):
            raise BadRow("newer code does not take it")
        return read(self, lines)

    monkeypatch.setattr(RowReader, "read", stricter)
    store.now += timedelta(seconds=301)
    run(store)
    assert written_ids(store) == ["c-1"]
    assert {entry["data"] for entry in quarantined(store)} == {b"bad", ndjson_lines(row(2))[:-1]}


def ndjson_lines(*rows: dict[str, Any]) -> bytes:
    return gzip.decompress(ndjson(rows))


def test_a_line_that_breaks_the_encoder_does_not_hold_up_its_lane(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    poison = {**row(1), "max_price": "0" * 5000 + ".00"}
    land(store, "a", ndjson([poison, row(2)]))
    wait_for_newer_code(store)
    run(store)
    assert written_ids(store) == ["c-2"]
    (entry,) = quarantined(store)
    assert len(entry["reason"]) <= 200

    def broken(self: RowReader, lines: Sequence[bytes]) -> list[Any]:
        raise ZeroDivisionError

    monkeypatch.setattr(RowReader, "read", broken)
    land(store, "b", ndjson([row(3)]))
    run(store)
    assert quarantined(store)[-1]["reason"] == "unexpected ZeroDivisionError"


def test_a_lane_with_an_unreadable_plan_holds_up_no_other() -> None:
    store = MemoryStore()
    store.put("data-pipeline/compaction/demand/1-0.json", b"{}")
    land(store, "a", ndjson([row(1)]), lanes=2)
    with pytest.raises(UnreadablePlan):
        run(store)
    assert written_ids(store) == ["c-1"], "what landed under two lanes is drained all the same"


def test_a_plan_stamped_by_a_wrong_clock_is_taken_up() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1)]))
    with pytest.raises(Lost):
        run(Failing(store, ("put", "data-pipeline/avro/")), remaining=10**9)
    assert run(store).plans == 1


def test_a_run_whose_time_ends_midway_leaves_the_rest_to_the_next() -> None:
    store = MemoryStore()
    for number in range(6):
        land(store, f"{number}", ndjson([row(number)]))
    for calls in range(1, 40):
        left = iter([300.0] * calls + [1.0] * 99)
        run(store, max_plan_objects=3, clock_left=left.__next__, run_id="same")
    assert sorted(written_ids(store)) == [f"c-{n}" for n in range(6)]
    assert store.keys("data-pipeline/landing/") == store.keys("data-pipeline/compaction/") == []


def test_a_fresh_plan_of_another_run_is_left_alone_until_its_time_is_up() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1)]))
    with pytest.raises(Lost):
        run(Failing(store, ("put", "data-pipeline/avro/")), remaining=100)
    assert run(store).lanes_left == 1
    store.now += timedelta(seconds=101)
    assert run(store).plans == 1


def test_a_retry_of_the_same_invocation_goes_on_at_once() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1)]))
    with pytest.raises(Lost):
        run(Failing(store, ("put", "data-pipeline/avro/")), run_id="r")
    assert run(store, run_id="r").plans == 1


def test_two_runs_of_one_event_count_their_rows_once() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1)]))
    reports: list[Report] = []

    class Doubled(Failing):
        """Before this run commits, Lambda's second delivery of its event does so."""

        def __getattr__(self, name: str) -> Any:
            if name == "replace" and self.store.keys("data-pipeline/avro/") and not self.failed:
                self.failed = True
                reports.append(run(self.store, run_id="r"))
            return getattr(self.store, name)

    reports.append(run(Doubled(store, 0), run_id="r"))
    assert sum(each.counts.rows for each in reports) == sum(each.plans for each in reports) == 1
    assert written_ids(store) == ["c-1"]


def test_a_run_out_of_time_stops_with_nothing_half_done() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1)]))
    report = run(store, remaining=5)
    assert report.out_of_time
    assert store.keys("data-pipeline/avro/") == store.keys("data-pipeline/compaction/") == []


def test_a_run_that_is_overtaken_writes_no_row_twice_and_goes_on_in_its_lane() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1)]))

    class Overtaken(Failing):
        """Before this run's first output is put, another run does the whole plan.

        Then more has landed.
        """

        def __getattr__(self, name: str) -> Any:
            planned = bool(self.store.keys("data-pipeline/compaction/"))
            if name == "create" and planned and not self.failed:
                self.failed = True
                self.store.now += timedelta(seconds=301)
                assert run(self.store).plans == 1
                land(self.store, "b", ndjson([row(2)]))
            return getattr(self.store, name)

    report = run(Overtaken(store, 0))
    assert report.counts.rows == 1, "the other run has reported the first"
    assert written_ids(store) == ["c-1", "c-2"]


def proposal(**change: Any) -> bytes:
    """A plan that is being read, with other values."""
    plan = Plan("p", "reading", "demand", (Input("k", '"e"', 1),), "r", 0.0)
    return json.dumps({**json.loads(plan.to_json()), **change}).encode()


@pytest.mark.parametrize(
    "body",
    [b"{}", b"no JSON", b"[]", proposal(state="done"), proposal(state="done", schema={}),
     proposal(state="writing"), proposal(schema={})],
)  # fmt: skip
def test_a_plan_that_nobody_can_read_is_an_error_that_names_it(body: bytes) -> None:
    store = MemoryStore()
    store.put("data-pipeline/compaction/demand/1-0.json", body)
    with pytest.raises(UnreadablePlan, match=r"compaction/demand/1-0\.json is not a plan"):
        run(store)


def test_a_plan_of_an_unknown_format_is_an_error_that_names_the_format() -> None:
    assert Plan.from_json(proposal(), "k").inputs
    store = MemoryStore()
    store.put("data-pipeline/compaction/demand/1-0.json", proposal(format=99))
    with pytest.raises(UnreadablePlan, match="99"):
        run(store)


def test_bad_lines_go_to_quarantine_with_their_reason_and_stop_nothing_else() -> None:
    store = MemoryStore()
    good = json.dumps(row(1)).encode()
    bad = [b"", b"{", b"\xff\xfe", json.dumps({**row(2), "channel": "FAX"}).encode()]
    body = b"\n".join([bad[0], good, *bad[1:], json.dumps(row(3)).encode()])  # no last newline
    key = land(store, "a", gzip.compress(body))
    wait_for_newer_code(store)
    report = run(store)
    assert written_ids(store) == ["c-1", "c-3"]
    entries = quarantined(store)
    assert [(e["kind"], e["key"], e["line"], e["data"]) for e in entries] == [
        ("line", key, 1, bad[0]),
        ("line", key, 3, bad[1]),
        ("line", key, 4, bad[2]),
        ("line", key, 5, bad[3]),
    ]
    assert "symbol" in entries[-1]["reason"]
    assert all(e["etag"] and e["reason"] for e in entries)
    assert report.counts.quarantined_lines == 4


def test_rows_of_another_type_do_not_get_into_the_table() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([{**row(1), "sale_id": "s"}, row(2)]))
    wait_for_newer_code(store)
    run(store)
    assert written_ids(store) == ["c-2"]
    assert len(quarantined(store)) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda body: body[:-9], id="truncated"),
        pytest.param(lambda body: body[:-5] + bytes([body[-5] ^ 1]) + body[-4:], id="checksum"),
        pytest.param(lambda body: b"", id="empty"),
        pytest.param(lambda body: b"plain text\n", id="not gzip"),
        pytest.param(lambda body: body[:30] + b"\x00" * 10 + body[40:], id="corrupt inside"),
        pytest.param(lambda body: gzip.compress(b""), id="gzip of nothing"),
    ],
)
def test_a_corrupt_object_goes_to_quarantine_whole(spoil: Any) -> None:
    store = MemoryStore()
    body = spoil(ndjson([row(n) for n in range(50)]))
    key = land(store, "a", body)
    land(store, "b", ndjson([row(99)]))
    report = run(store)
    assert written_ids(store) == ["c-99"], "no row of a corrupt object is written"
    (entry,) = quarantined(store)
    assert (entry["kind"], entry["key"]) == ("object", key)
    assert store.kept[entry["copy"]][0] == body
    assert report.counts.quarantined_objects == 1
    assert store.keys("data-pipeline/landing/") == []


def test_gzip_members_one_after_another_are_one_object() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1)]) + ndjson([row(2)]))
    run(store)
    assert written_ids(store) == ["c-1", "c-2"]


def test_a_plan_survives_its_journey_through_s3() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1)]))
    with pytest.raises(Lost):
        run(Failing(store, ("put", "data-pipeline/avro/")))
    (key,) = store.keys("data-pipeline/compaction/")
    plan = Plan.from_json(store.kept[key][0], key)
    assert Plan.from_json(plan.to_json(), key) == plan
    assert plan.schema == schemas.avro_schema("demand")


def test_the_store_of_the_tests_refuses_as_s3_does() -> None:
    store = MemoryStore()
    store.create("k", b"1")
    with pytest.raises(AlreadyThere):
        store.create("k", b"2")
    with pytest.raises(Changed):
        store.replace("k", b"2", '"other"')
    with pytest.raises(Changed):
        store.delete("k", '"other"')


@pytest.fixture
def columns_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A schema from which ``channel`` was taken out, and which has a required column more."""
    schema = schemas.avro_schema("demand")
    schema["fields"] = [each for each in schema["fields"] if each["name"] != "channel"]
    schema["fields"].append({"name": "origin", "type": "string", "default": "unknown"})
    monkeypatch.setattr("avro_writer.run.avro_schema", lambda record_type: schema)
    monkeypatch.setattr("avro_writer.outputs.removed_columns", lambda record_type: ("channel",))
    outputs._codec.cache_clear()


@pytest.mark.usefixtures("columns_removed")
def test_rows_landed_before_a_schema_change_are_written_after_it() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1), {**row(2), "stranger": 1}]))
    wait_for_newer_code(store)
    run(store)
    (written,) = avro_rows(store)["2026-11-22"]
    assert written["origin"] == "unknown", "a new required column has its default"
    assert "channel" not in written, "a removed column is left out"
    assert len(quarantined(store)) == 1, "what no schema knew is still refused"


def test_a_plan_is_written_though_the_rules_for_schemas_are_stricter_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1)]))
    with pytest.raises(Lost):
        run(Failing(store, ("put", "data-pipeline/avro/")))
    monkeypatch.setattr("schemas.parse.RESERVED_WORDS", frozenset({"channel"}))
    monkeypatch.setattr("schemas.names._MOST_IN_COLUMN", 3)
    monkeypatch.setattr("schemas.parse._MOST_DEPTH", 1)
    outputs._codec.cache_clear()
    store.now += timedelta(seconds=301)
    run(store)
    assert written_ids(store) == ["c-1"]


def test_a_plan_whose_schema_has_an_unknown_type_is_an_error_that_names_it() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1)]))
    with pytest.raises(Lost):
        run(Failing(store, ("put", "data-pipeline/avro/")))
    (key,) = store.keys("data-pipeline/compaction/")
    body = store.kept[key][0].replace(b'"string"', b'"text"')
    store.put(key, body)
    store.now += timedelta(seconds=301)
    with pytest.raises(UnreadablePlan, match=r"compaction/demand/1-0\.json.*deploy the version"):
        run(store)


def test_changes_in_the_same_millisecond_are_no_repeats() -> None:
    store = MemoryStore()
    first = row(1)
    land(
        store, "a", ndjson([first, {**first, "changed_at_micros": first["changed_at_micros"] + 1}])
    )
    assert run(store).counts.rows == 2


def test_a_plan_that_comes_back_while_it_is_read_is_not_written_twice() -> None:
    store = MemoryStore()
    land(store, "a", ndjson([row(1)]))

    class Late(Failing):
        """Before this run fixes its plan, another does it all, and then the first put arrives."""

        def __getattr__(self, name: str) -> Any:
            if name == "replace" and not self.failed:
                self.failed = True
                (key,) = self.store.keys("data-pipeline/compaction/")
                proposal = self.store.kept[key][0]
                self.store.now += timedelta(seconds=301)
                assert run(self.store).counts.rows == 1
                self.store.put(key, proposal)
            return getattr(self.store, name)

    run(Late(store, 0))
    assert written_ids(store) == ["c-1"]
    assert store.keys("data-pipeline/compaction/") == []


def test_a_run_goes_on_where_the_answer_to_its_own_step_was_lost() -> None:
    class Losing(MemoryStore):
        def replace(self, key: str, body: Any, etag: str) -> str:
            super().replace(key, body, etag)
            raise Changed(key)

    store = Losing()
    land(store, "a", ndjson([row(1)]))
    assert run(store).plans == 1
    assert written_ids(store) == ["c-1"]
    plan = ("put", "data-pipeline/compaction/demand/1-0.json")
    assert store.requests.count(plan) == 3, "it is made, fixed and written, each once"
    assert store.keys("data-pipeline/landing/") == store.keys("data-pipeline/compaction/") == []
