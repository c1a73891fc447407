"""When blocks end: by their size, and by what all dates hold together."""

from __future__ import annotations

from pathlib import Path

import fastavro
import pytest

from avro_writer.container import DateFiles

SCHEMA = {"type": "record", "name": "r", "fields": [{"name": "c", "type": "string"}]}
ROW = b"\x0aabcde"


def blocks(path: Path) -> list[int]:
    with path.open("rb") as file:
        return [block.num_records for block in fastavro.block_reader(file)]


@pytest.mark.parametrize(("limit", "expected"), [(12, [2, 2, 1]), (13, [3, 2]), (11, [2, 2, 1])])
def test_a_block_ends_when_it_is_full(tmp_path: Path, limit: int, expected: list[int]) -> None:
    files = DateFiles(tmp_path, "p", SCHEMA, block_bytes=limit)
    for _ in range(5):
        files.add("2026-11-22", ROW)
    (file,) = files.finish()
    assert blocks(file.path) == expected
    assert file.rows == 5


def test_blocks_of_all_dates_end_when_together_they_hold_too_much(tmp_path: Path) -> None:
    files = DateFiles(tmp_path, "p", SCHEMA, most_buffered_bytes=18)
    for number in range(8):
        files.add(f"2026-11-2{number % 2}", ROW)
    one, other = files.finish()
    assert (blocks(one.path), blocks(other.path)) == ([2, 2], [2, 2])


def test_what_a_full_block_held_counts_no_more(tmp_path: Path) -> None:
    files = DateFiles(tmp_path, "p", SCHEMA, block_bytes=12, most_buffered_bytes=18)
    for _ in range(6):
        files.add("2026-11-20", ROW)
    for _ in range(2):
        files.add("2026-11-21", ROW)
    one, other = files.finish()
    assert (blocks(one.path), blocks(other.path)) == ([2, 2, 2], [2])
