"""When blocks end: by their size, and by what all dates hold together."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_writer.container import DateFile, DateFiles

SCHEMA = '{"type":"record","name":"r","fields":[{"name":"c","type":"string"}]}'
ROW = b"\x0aabcde"


def blocks(date_file: DateFile) -> list[int]:
    with date_file.open() as file:
        return [block.num_records for block in fastavro.block_reader(file)]


@pytest.mark.parametrize(("limit", "expected"), [(12, [2, 2, 1]), (13, [3, 2]), (11, [2, 2, 1])])
def test_a_block_ends_when_it_is_full(tmp_path: Path, limit: int, expected: list[int]) -> None:
    files = DateFiles(tmp_path, "p", SCHEMA, block_bytes=limit)
    for _ in range(5):
        files.add("2026-11-22", ROW)
    (file,) = files.finish()
    assert blocks(file) == expected
    assert file.rows == 5


@given(st.lists(st.integers(1, 5), max_size=8), st.integers(6, 40))
def test_rows_that_are_added_together_end_blocks_as_each_alone(
    groups: list[int], limit: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        together, alone = (DateFiles(Path(folder), "p", SCHEMA, block_bytes=limit) for _ in "ab")
        for count in groups:
            together.extend("2026-11-22", [ROW] * count)
            for _ in range(count):
                alone.add("2026-11-22", ROW)
        read = [[each.open().read() for each in files.finish()] for files in (together, alone)]
    assert read[0] == read[1]


def test_blocks_of_all_dates_end_when_together_they_hold_too_much(tmp_path: Path) -> None:
    files = DateFiles(tmp_path, "p", SCHEMA, most_buffered_bytes=18)
    for number in range(8):
        files.add(f"2026-11-2{number % 2}", ROW)
    one, other = files.finish()
    assert (blocks(one), blocks(other)) == ([2, 2], [2, 2])


def test_what_a_full_block_held_counts_no_more(tmp_path: Path) -> None:
    files = DateFiles(tmp_path, "p", SCHEMA, block_bytes=12, most_buffered_bytes=18)
    for _ in range(6):
        files.add("2026-11-20", ROW)
    for _ in range(2):
        files.add("2026-11-21", ROW)
    one, other = files.finish()
    assert (blocks(one), blocks(other)) == ([2, 2, 2], [2])


def test_there_is_room_for_so_many_dates_and_for_those_that_are_there(tmp_path: Path) -> None:
    files = DateFiles(tmp_path, "p", SCHEMA, most_dates=3)
    for date in ("2026-11-20", "2026-11-21"):
        assert files.have_room_for([date])
        files.add(date, ROW)
    assert files.have_room_for(["2026-11-20", "2026-11-22", "2026-11-22"])
    assert not files.have_room_for(["2026-11-22", "2026-11-23"])
    files.add("2026-11-22", ROW)
    assert files.have_room_for(["2026-11-20", "2026-11-22"])
    assert not files.have_room_for(["2026-11-23"])


@pytest.mark.parametrize("kept", [0, 30, 1000], ids=["disk", "disk and memory", "memory"])
def test_a_file_is_whole_wherever_it_is_kept(tmp_path: Path, kept: int) -> None:
    files = DateFiles(tmp_path, "p", SCHEMA, block_bytes=6, most_kept_bytes=kept)
    for _ in range(3):
        files.add("2026-11-22", ROW)
    files.repeat("2026-11-22")
    files.repeat("2026-11-23")
    one, other = files.finish()
    assert bool(list(tmp_path.iterdir())) == (kept < 1000)
    with one.open() as file:
        reader = fastavro.reader(file)
        assert list(reader) == [{"c": "abcde"}] * 3
        assert file.tell() == one.size
    assert int(reader.metadata["dmd.rows"]) == one.rows == 3
    assert int(reader.metadata["dmd.repeats"]) == one.repeats == 1
    with other.open() as file:
        assert list(fastavro.reader(file)) == []
        assert file.tell() == other.size


def sync_markers(folder: Path, plan_id: str) -> list[bytes]:
    """Return the markers of a plan's files, by date, as each file's last block ends."""
    files = DateFiles(folder, plan_id, SCHEMA)
    for number in range(6):
        files.add(f"2026-11-2{number % 3}", ROW)
    bodies = [each.open().read() for each in files.finish()]
    for body in bodies:
        assert len(list(fastavro.reader(io.BytesIO(body)))) == 2
        assert body.count(body[-16:]) == 2, "after the header, and after the block"
    return [body[-16:] for body in bodies]


def test_each_file_has_a_sync_marker_of_its_own_from_plan_and_date(tmp_path: Path) -> None:
    markers = sync_markers(tmp_path, "p")
    assert sync_markers(tmp_path, "p") == markers
    assert len({*markers, *sync_markers(tmp_path, "q")}) == 6


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=12), st.integers(0, 300))
def test_where_it_is_kept_changes_no_byte(rows: list[tuple[int, bool]], kept: int) -> None:
    contents = []
    for most in (kept, 1 << 20):
        with tempfile.TemporaryDirectory() as folder:
            files = DateFiles(Path(folder), "p", SCHEMA, block_bytes=12, most_kept_bytes=most)
            for day, repeat in rows:
                if repeat:
                    files.repeat(f"2026-11-0{day}")
                else:
                    files.add(f"2026-11-0{day}", ROW)
            contents.append([file.open().read() for file in files.finish()])
    assert contents[0] == contents[1]
