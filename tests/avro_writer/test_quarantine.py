"""What is kept of bad lines and objects, and how much of it."""

from __future__ import annotations

import functools
import gzip
import io
import json
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from isal import igzip

from avro_writer import quarantine
from avro_writer.compaction import Capacity
from avro_writer.errors import OutOfTime
from avro_writer.landed import MOST_LINE_BYTES
from avro_writer.plan import Input
from tests.support.memory_store import MemoryStore
from tests.support.writer import (
    avro_rows,
    gz_lines,
    land,
    landed_row,
    ndjson,
    quarantined,
    run,
    wait_for_newer_code,
)

COPIES = "data-pipeline/quarantine/demand/"


def written(store: MemoryStore) -> list[str]:
    return sorted(each["change_id"] for rows in avro_rows(store).values() for each in rows)


def copies(store: MemoryStore) -> list[str]:
    return [key for key in store.keys(COPIES) if "/objects/" in key]


def test_a_line_longer_than_any_row_is_in_the_copy_of_its_object() -> None:
    store = MemoryStore()
    long_line = b'{"change_id": "' + b"x" * (3 * MOST_LINE_BYTES + 1) + b'"}'
    body = gz_lines(landed_row(1), long_line, landed_row(2))
    key = land(store, "a", body)
    report = run(store)
    assert written(store) == ["c-1", "c-2"]
    (entry,) = quarantined(store)
    assert (entry["kind"], entry["key"], entry["line"]) == ("line", key, 2)
    assert "data" not in entry
    assert store.kept[entry["copy"]][0] == body
    assert (report.counts.quarantined_lines, report.counts.quarantined_objects) == (1, 0)


def test_a_200_mb_line_takes_little_memory() -> None:
    store = MemoryStore()
    row = json.dumps(landed_row(1)).encode()
    land(store, "a", gzip.compress(b"x" * 200_000_000 + b"\n" + row, 1))
    tracemalloc.start()
    try:
        run(store)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 64 * 1024 * 1024
    assert written(store) == ["c-1"]


def test_lines_beyond_what_is_kept_of_an_object_are_in_its_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quarantine, "_MOST_DATA_BYTES", 10)
    store = MemoryStore()
    bodies = [gz_lines(b"12345678", b"x" * 11, b"x" * 9, b"12", b"3"), gz_lines(b"y" * 10)]
    for name, body in zip("ab", bodies, strict=True):
        land(store, name, body)
    wait_for_newer_code(store)
    run(store)
    entries = quarantined(store)
    data = [each.get("data") for each in entries]
    assert data == [b"12345678", None, None, b"12", None, b"y" * 10]
    assert {each["copy"] for each in entries if "copy" in each} == set(copies(store))
    assert [store.kept[key][0] for key in copies(store)] == [bodies[0]], "one copy, of the first"


def test_after_very_many_bad_lines_the_rest_of_an_object_is_not_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quarantine, "_MOST_LINES", 3)
    monkeypatch.setattr("avro_writer.landed._BATCH_BYTES", 1)
    store = MemoryStore()
    few = gz_lines(b"1", landed_row(1), b"2", landed_row(2))
    many = gz_lines(b"1", landed_row(3), b"2", b"3", landed_row(4), b"4")
    land(store, "a", few)
    land(store, "b", many)
    wait_for_newer_code(store)
    report = run(store)
    assert written(store) == ["c-1", "c-2", "c-3"], "the bound is each object's own"
    rest = quarantined(store)[-1]
    assert (rest["kind"], rest["line"], rest["lines"]) == ("lines", 5, 2)
    assert store.kept[rest["copy"]][0] == many
    assert report.counts.quarantined_lines == 2 + 3 + 2


def test_a_batch_that_goes_far_beyond_the_bound_ends_the_look_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quarantine, "_MOST_LINES", 2)
    monkeypatch.setattr("avro_writer.landed._BATCH_BYTES", 5)
    store = MemoryStore()
    land(store, "a", gz_lines(b"1", b"2", b"3", b"4"))
    wait_for_newer_code(store)
    assert run(store).counts.quarantined_lines == 4
    assert [(e["kind"], e["line"]) for e in quarantined(store)] == [
        ("line", 1), ("line", 2), ("line", 3), ("lines", 4)
    ]  # fmt: skip
    assert quarantined(store)[-1]["lines"] == 1


def test_a_mebibyte_of_an_objects_bad_lines_is_kept_in_the_entries() -> None:
    store = MemoryStore()
    half = 512 * 1024
    land(store, "a", gz_lines(b"x" * half, b"y" * half, b"z"))
    wait_for_newer_code(store)
    run(store)
    assert [len(each.get("data", b"")) for each in quarantined(store)] == [half, half, 0]


def test_the_size_is_that_of_the_copies_and_the_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "_PIECE", 4)
    with quarantine.Quarantine(tmp_path, "q/", MemoryStore()) as kept:
        assert kept.size == 0
        first, second = (kept.of(Input(key, "etag", 8)) for key in "ab")
        first.add_line(1, "why", b"bad")
        of_entries = kept.size
        assert of_entries > 0, "an entry that is longer than a piece is on the disk"
        second.add_whole("corrupt")
        between = kept.size
        second.end(io.BytesIO(b"x" * of_entries), lambda: None)
        assert kept.size == between + of_entries


def test_its_file_is_closed_when_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    real = Path.open

    def remembered(self: Path, *arguments: Any) -> Any:
        opened.append(real(self, *arguments))
        return opened[-1]

    monkeypatch.setattr(Path, "open", remembered)
    monkeypatch.setattr(quarantine, "_PIECE", 4)
    with quarantine.Quarantine(tmp_path, "q/", MemoryStore()) as kept:
        kept.of(Input("a", "etag", 8)).add_line(1, "why", b"bad")
        assert [each.closed for each in opened] == [False]
    assert [each.closed for each in opened] == [True]


def test_where_exactly_the_last_line_is_one_too_many_no_rest_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quarantine, "_MOST_LINES", 2)
    store = MemoryStore()
    land(store, "a", gz_lines(b"1", b"2"))
    wait_for_newer_code(store)
    assert run(store).counts.quarantined_lines == 2
    assert [each["kind"] for each in quarantined(store)] == ["line", "line"]


def test_one_copy_never_stands_for_another_of_the_same_name() -> None:
    store = MemoryStore()
    bodies = {
        f"data-pipeline/landing/demand/lanes=1/{hour}/same.gz": f"corrupt {hour}".encode()
        for hour in ("10", "11")
    }
    for key, body in bodies.items():
        store.put(key, body)
    run(store)
    found = {each["key"]: store.kept[each["copy"]][0] for each in quarantined(store)}
    assert found == bodies
    assert all(key.endswith("-same.gz") for key in copies(store)), "for who looks for the object"


def test_a_landed_name_of_any_length_has_a_copy_whose_key_s3_allows() -> None:
    store = MemoryStore()
    landed = land(store, "\N{SNOWMAN}" * 320, b"corrupt")
    assert len(landed.encode()) <= 1024
    run(store)
    (key,) = copies(store)
    assert len(key.encode()) <= 1024
    assert key.endswith("\N{SNOWMAN}.gz")


class PutOnce:
    """A store that lets so many puts below the quarantine through, and then the time is up."""

    def __init__(self, store: MemoryStore, puts: int) -> None:
        self.store, self.puts = store, puts

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def create(self, key: str, body: Any) -> str:
        if "/quarantine/" in key:
            if not self.puts:
                raise OutOfTime
            self.puts -= 1
        return self.store.create(key, body)


@pytest.mark.parametrize("puts", [1, 2])
def test_what_was_another_place_in_the_proposal_is_in_quarantine_once(puts: int) -> None:
    store = MemoryStore()
    gone = land(store, "a", ndjson([landed_row(1)]))
    bodies = {land(store, name, b"corrupt " + name.encode()): name for name in ("b", "c")}

    class Losing(PutOnce):
        def read(self, key: str, etag: str) -> Any:
            # The first of the batch is removed when the plan is made: all others move up.
            self.store.kept.pop(gone, None)
            return self.store.read(key, etag)

    assert run(Losing(store, puts)).out_of_time
    store.now += timedelta(hours=1)
    run(store)
    found = {each["key"]: store.kept[each["copy"]][0] for each in quarantined(store)}
    assert found == {key: b"corrupt " + name.encode() for key, name in bodies.items()}
    assert len(quarantined(store)) == len(copies(store)) == 2


def test_entries_are_named_by_what_they_say_and_not_by_how_they_are_zipped() -> None:
    store = MemoryStore()
    land(store, "a", gz_lines(landed_row(1), b"bad"))
    with mock.patch("avro_writer.attempt._put", side_effect=OutOfTime):
        run(store)
    store.now += timedelta(hours=1)
    other = functools.partial(igzip.IGzipFile, compresslevel=0)
    with mock.patch.object(igzip, "IGzipFile", other):
        run(store)
    assert len(quarantined(store)) == 1
    assert written(store) == ["c-1"]


def test_the_same_bad_lines_are_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = []
    for seconds in (1, 10**9):
        monkeypatch.setattr("gzip.time.time", lambda seconds=seconds: seconds)
        store = MemoryStore()
        land(store, "a", b"\x1f\x8b")
        run(store, unique=lambda: "u")
        bodies.append([store.kept[key] for key in store.keys("data-pipeline/quarantine/")])
    assert bodies[0] == bodies[1]


def test_a_plan_ends_when_its_quarantine_is_full() -> None:
    store = MemoryStore()
    for number in range(6):
        land(store, f"{number}", b"corrupt!")
    # Two copies of eight bytes are no more than 16.
    assert run(store, capacity=Capacity(bad_bytes=16)).plans == 2
    assert len(quarantined(store)) == 6


def test_the_time_is_looked_at_within_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "_PIECE", 100)
    store = MemoryStore()
    land(store, "a", b"corrupt" * 1000)
    times = iter([300.0] * 30)
    assert run(store, clock_left=lambda: next(times, 1.0)).out_of_time
    assert store.keys("data-pipeline/quarantine/") == []
