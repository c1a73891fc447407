"""Avro object container files on local disk, one a partition date, in bounded memory.

Written to https://avro.apache.org/docs/1.12.0/specification/#object-container-files. A file is a
function of the plan's id, the schema and the rows in their order: the sync marker comes from the
id, and blocks end where the rows say.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any

from avro_writer.encoder import long

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CODEC = "zstandard"
_LEVEL = 3  # docs/decisions/codec.md

# A block is compressed as a whole: large enough to compress well, small enough to hold for each of
# many dates.
_BLOCK_BYTES = 256 * 1024
_MOST_BUFFERED_BYTES = 32 * 1024 * 1024
# Each date is a file on local disk and a put, whose number must stay one that a run has time for:
# 27 years of them in one plan are somebody's mistake.
MOST_DATES = 10_000

# The counts are known only when the file is complete; their place in the header has this width.
_COUNT_DIGITS = 12


class DateFiles:
    """The files of one plan, by partition date.

    Parameters
    ----------
    folder
        An empty folder on local disk.
    plan_id
        Goes into each file's metadata, and makes its sync marker.
    schema
        The Avro schema as JSON values.
    block_bytes, most_buffered_bytes
        Uncompressed bytes that end a block, and most that all dates together keep in memory.
    most_dates
        Most dates that there may be.
    """

    def __init__(
        self,
        folder: Path,
        plan_id: str,
        schema: dict[str, Any],
        *,
        block_bytes: int = _BLOCK_BYTES,
        most_buffered_bytes: int = _MOST_BUFFERED_BYTES,
        most_dates: int = MOST_DATES,
    ) -> None:
        self._folder = folder
        self._plan_id = plan_id
        self._schema = json.dumps(schema, separators=(",", ":")).encode()
        self._block_bytes = block_bytes
        self._most_buffered_bytes = most_buffered_bytes
        self._most_dates = most_dates
        # One compressor for all dates: each would hold megabytes of its own.
        self._compressor = zstd.ZstdCompressor(level=_LEVEL)
        self._dates: dict[str, DateFile] = {}
        self._buffered = 0

    def __len__(self) -> int:
        """Return how many dates there are."""
        return len(self._dates)

    def have_room_for(self, dates: Iterable[str]) -> bool:
        """Say whether each of the dates has a file, or may have one."""
        new = set(dates) - self._dates.keys()
        return not new or len(self._dates) + len(new) <= self._most_dates

    def add(self, date: str, row: bytes) -> None:
        """Append a row's Avro binary to the file of a date, YYYY-MM-DD."""
        each = self._dates.get(date) or self._begin(date)
        each.buffer += row
        each.buffered_rows += 1
        self._buffered += len(row)
        if len(each.buffer) >= self._block_bytes:
            self._buffered -= len(each.buffer)
            each.end_block(self._frame)
        elif self._buffered > self._most_buffered_bytes:
            self._end_blocks()

    def repeat(self, date: str) -> None:
        """Count a repeat that was left out of the file of a date."""
        (self._dates.get(date) or self._begin(date)).repeats += 1

    def finish(self) -> list[DateFile]:
        """Complete all files and return them, by date."""
        self._end_blocks()
        files = [self._dates[date] for date in sorted(self._dates)]
        for each in files:
            each.write_counts()
        return files

    def _begin(self, date: str) -> DateFile:
        file = DateFile(date, self._folder / f"{date}.avro", self._plan_id, self._schema)
        self._dates[date] = file
        return file

    def _frame(self, block: bytes) -> bytes:
        return self._compressor.compress(block, mode=zstd.ZstdCompressor.FLUSH_FRAME)

    def _end_blocks(self) -> None:
        for each in self._dates.values():
            each.end_block(self._frame)
        self._buffered = 0


class DateFile:
    """One Avro file on local disk; `DateFiles` makes it."""

    def __init__(self, date: str, path: Path, plan_id: str, schema: bytes) -> None:
        self.date = date
        self.path = path
        self.rows = 0
        self.repeats = 0
        self.buffer = bytearray()
        self.buffered_rows = 0
        self._sync = blake2b(plan_id.encode(), digest_size=16).digest()
        self._counts_at = self._write_header(plan_id, schema)

    def end_block(self, compress: Callable[[bytes], bytes]) -> None:
        """Write what is buffered as one block."""
        if not self.buffered_rows:
            return
        block = compress(bytes(self.buffer))
        # Opened anew for each block: a plan may touch more dates than a process may open files.
        with self.path.open("ab") as file:
            file.write(long(self.buffered_rows) + long(len(block)) + block + self._sync)
        self.rows += self.buffered_rows
        self.buffer.clear()
        self.buffered_rows = 0

    def write_counts(self) -> None:
        """Write the file's counts into its header."""
        with self.path.open("r+b") as file:
            for name, count in (("rows", self.rows), ("repeats", self.repeats)):
                file.seek(self._counts_at[name])
                file.write(_count(count))

    def _write_header(self, plan_id: str, schema: bytes) -> dict[str, int]:
        metadata = {
            "avro.codec": CODEC.encode(),
            "avro.schema": schema,
            "dmd.plan": plan_id.encode(),
            "dmd.rows": _count(0),
            "dmd.repeats": _count(0),
        }
        header = bytearray(b"Obj\x01" + long(len(metadata)))
        counts_at = {}
        for key, value in metadata.items():
            header += long(len(key)) + key.encode() + long(len(value))
            counts_at[key.removeprefix("dmd.")] = len(header)
            header += value
        header += b"\x00" + self._sync
        self.path.write_bytes(header)
        return counts_at


def _count(number: int) -> bytes:
    return b"%0*d" % (_COUNT_DIGITS, number)
