"""Avro object container files, one a partition date, in bounded memory.

Written to https://avro.apache.org/docs/1.12.0/specification/#object-container-files. A file is a
function of the plan's id, its date, the schema and the rows in their order: the sync marker comes
from id and date, and blocks end where the rows say.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from avro_writer.encoder import long

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CODEC = "zstandard"
_LEVEL = 2  # docs/decisions/codec.md

# A block is compressed as a whole: large enough to compress well, small enough to hold for each of
# many dates. With the row that fills it, it is to be below 256 KiB: see docs/decisions/codec.md.
_BLOCK_BYTES = 252 * 1024
_MOST_BUFFERED_BYTES = 64 * 1024 * 1024
# Most plans come to less, and never see the disk: a file made, read and removed there costs as much
# as a dozen rows.
_MOST_KEPT_BYTES = 32 * 1024 * 1024
# Each date is a file and a put, whose number must stay one that a run has time for:
# 27 years of them in one plan are somebody's mistake.
MOST_DATES = 10_000

# The counts are known only when the file is complete; their place in the header has this width.
_COUNT_DIGITS = 12


class DateFiles:
    """The files of one plan, by partition date.

    Parameters
    ----------
    folder
        An empty folder on local disk, for what is too much for memory.
    plan_id
        Goes into each file's metadata, and makes its sync marker together with the date.
    schema
        The Avro schema, JSON.
    block_bytes, most_buffered_bytes
        Uncompressed bytes that end a block, and most that all dates together keep in memory.
    most_kept_bytes
        Most bytes of blocks that all dates together keep in memory; then they move to disk.
    most_dates
        Most dates that there may be.
    """

    def __init__(
        self,
        folder: Path,
        plan_id: str,
        schema: str,
        *,
        block_bytes: int = _BLOCK_BYTES,
        most_buffered_bytes: int = _MOST_BUFFERED_BYTES,
        most_kept_bytes: int = _MOST_KEPT_BYTES,
        most_dates: int = MOST_DATES,
    ) -> None:
        self._folder = folder
        self._plan_id = plan_id
        self._schema = schema.encode()
        self._block_bytes = block_bytes
        self._most_buffered_bytes = most_buffered_bytes
        self._most_kept_bytes = most_kept_bytes
        self._most_dates = most_dates
        # One compressor for all dates: each would hold megabytes of its own.
        self._compressor = zstd.ZstdCompressor(level=_LEVEL)
        self._dates: dict[str, DateFile] = {}
        self._buffered = self._kept = 0

    def __len__(self) -> int:
        """Return how many dates there are."""
        return len(self._dates)

    def have_room_for(self, dates: Iterable[str]) -> bool:
        """Say whether each of the dates has a file, or may have one."""
        new = set(dates).difference(self._dates)
        return len(self._dates) + len(new) <= self._most_dates

    def add(self, date: str, row: bytes) -> None:
        """Append a row's Avro binary to the file of a date, YYYY-MM-DD."""
        self.extend(date, (row,))

    def extend(self, date: str, rows: Sequence[bytes]) -> None:
        """Append the Avro binary of rows to the file of a date, YYYY-MM-DD."""
        each = self._dates.get(date) or self._begin(date)
        data = b"".join(rows)
        if each.buffered_bytes + len(data) >= self._block_bytes and len(rows) > 1:
            # A block ends with the row that fills it.
            for row in rows:
                self.add(date, row)
            return
        each.buffer.append(data)
        each.buffered_bytes += len(data)
        each.buffered_rows += len(rows)
        self._buffered += len(data)
        if each.buffered_bytes >= self._block_bytes:
            self._buffered -= each.buffered_bytes
            self._end_blocks((each,))
        elif self._buffered > self._most_buffered_bytes:
            self._buffered = 0
            self._end_blocks(self._dates.values())

    def repeat(self, date: str) -> None:
        """Count a repeat that was left out of the file of a date."""
        (self._dates.get(date) or self._begin(date)).repeats += 1

    def finish(self) -> list[DateFile]:
        """Complete all files and return them, by date."""
        files = [self._dates[date] for date in sorted(self._dates)]
        self._end_blocks(files)
        for each in files:
            each.complete()
        return files

    def _begin(self, date: str) -> DateFile:
        file = DateFile(date, self._folder / f"{date}.avro", self._plan_id, self._schema)
        self._dates[date] = file
        return file

    def _frame(self, block: bytes) -> bytes:
        return self._compressor.compress(block, mode=zstd.ZstdCompressor.FLUSH_FRAME)

    def _end_blocks(self, files: Iterable[DateFile]) -> None:
        for each in files:
            self._kept += each.end_block(self._frame)
        if self._kept > self._most_kept_bytes:
            for each in self._dates.values():
                each.move_to_disk()
            self._kept = 0


class DateFile:
    """One Avro file, in memory until `DateFiles`, which makes it, moves it to local disk."""

    def __init__(self, date: str, path: Path, plan_id: str, schema: bytes) -> None:
        self.date = date
        self.rows = 0
        self.repeats = 0
        self.buffer: list[bytes] = []
        self.buffered_bytes = self.buffered_rows = 0
        self._path = path
        self._plan_id = plan_id.encode()
        self._schema = schema
        # The specification asks for a marker of its own for each file.
        self._sync = blake2b(f"{plan_id} {date}".encode(), digest_size=16).digest()
        self._blocks: list[bytes] = []
        self._on_disk = 0

    @property
    def size(self) -> int:
        """Bytes of the complete file."""
        return self._on_disk or len(self._header()) + sum(map(len, self._blocks))

    def open(self) -> BinaryIO:
        """Return the complete file, to be read."""
        if self._on_disk:
            return self._path.open("rb")
        return io.BytesIO(b"".join([self._header(), *self._blocks]))

    def end_block(self, compress: Callable[[bytes], bytes]) -> int:
        """Make a block of what is buffered, if there is any; return its bytes."""
        if not self.buffer:
            return 0
        data = compress(b"".join(self.buffer))
        block = long(self.buffered_rows) + long(len(data)) + data + self._sync
        self._blocks.append(block)
        self.rows += self.buffered_rows
        self.buffer.clear()
        self.buffered_bytes = self.buffered_rows = 0
        return len(block)

    def move_to_disk(self) -> None:
        """Append what blocks are in memory to the file on disk."""
        if not self._blocks:
            return
        # Opened anew each time: a plan may touch more dates than a process may open files.
        with self._path.open("ab") as file:
            if not self._on_disk:
                file.write(self._header())
            file.writelines(self._blocks)
            self._on_disk = file.tell()
        self._blocks.clear()

    def complete(self) -> None:
        """Write what blocks are left, and the counts, which are known now, into the header."""
        if not self._on_disk:
            return
        self.move_to_disk()
        with self._path.open("r+b") as file:
            file.write(self._header())

    def _header(self) -> bytes:
        """Return the header with the counts as they are: it always has the same length."""
        metadata = {
            b"avro.codec": CODEC.encode(),
            b"avro.schema": self._schema,
            b"dmd.plan": self._plan_id,
            b"dmd.rows": _count(self.rows),
            b"dmd.repeats": _count(self.repeats),
        }
        entries = [long(len(each)) + each for pair in metadata.items() for each in pair]
        return b"".join([b"Obj\x01", long(len(metadata)), *entries, b"\x00", self._sync])


def _count(number: int) -> bytes:
    return b"%0*d" % (_COUNT_DIGITS, number)
