"""Landed lines to rows, and rows to one Avro file a date: the one place where a row is made.

See docs/design.md#the-avro-writer.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

from avro_writer.container import DateFile, DateFiles
from avro_writer.encoder import Encode, compile_encoder, rows_of
from avro_writer.repeats import IDENTITY, fingerprints
from avro_writer.rows import BadRow, RowReader, field_name
from schemas import parse_stored_record, removed_columns

_DAY_MILLIS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

EncodedRow = tuple[str, bytes, bytes]
"""A row: its date (YYYY-MM-DD), the fingerprint that its repeats share, and its Avro binary."""


@dataclass(frozen=True)
class _Codec:
    """What one schema needs.

    Parameters
    ----------
    reader, encode
        For lines to rows, and rows to Avro binary.
    changed_at
        Returns a row's time of change.
    identity
        Where the columns stand that a row and its repeat have the same.
    """

    reader: RowReader
    encode: Encode
    changed_at: Callable[[Any], int]
    identity: tuple[int, ...]


@lru_cache(maxsize=8)
def _codec(schema: str, record_type: str) -> _Codec:
    record = parse_stored_record(json.loads(schema), f"the plan's schema of {record_type}")
    places = {column.name: index for index, column in enumerate(record.columns)}
    return _Codec(
        RowReader(record, removed_columns(record_type)),
        compile_encoder(record),
        attrgetter(field_name(places["changed_at"])),
        tuple(places[name] for name in IDENTITY),
    )


class Outputs:
    """Avro files of one record type that are made together; a repeat among them is left out.

    The files are a function of their parameters and of the lines in their order.

    Parameters
    ----------
    record_type
        The type of the rows.
    schema
        The Avro schema to write with, as JSON values.
    folder
        An empty folder on local disk, for what is too much for memory.
    file_id
        Goes into each file's metadata and sync marker: a plan's id, for instance.

    Raises
    ------
    SchemaError
        The schema cannot be written.
    """

    def __init__(
        self, record_type: str, schema: dict[str, Any], folder: Path, file_id: str
    ) -> None:
        text = json.dumps(schema, separators=(",", ":"))
        self._codec = _codec(text, record_type)
        self._files = DateFiles(folder, file_id, text)
        self._seen: set[bytes] = set()

    @property
    def distinct(self) -> int:
        """Rows so far, without repeats."""
        return len(self._seen)

    @property
    def dates(self) -> int:
        """Dates so far."""
        return len(self._files)

    def rows(self, lines: Iterable[bytes]) -> list[EncodedRow]:
        """Return the row of each landed line.

        Raises
        ------
        BadRow
            One of the lines cannot be written.
        """
        codec = self._codec
        rows = codec.reader.read(lines)
        columns = codec.encode(rows)
        dates = [_date(millis // _DAY_MILLIS) for millis in map(codec.changed_at, rows)]
        if not self._files.have_room_for(dates):
            raise BadRow("the plan has too many dates")
        identities = rows_of(columns[place] for place in codec.identity)
        return list(zip(dates, fingerprints(identities), rows_of(columns), strict=True))

    def add(self, rows: Iterable[EncodedRow]) -> None:
        """Add rows to the files of their dates, but for those that are there already."""
        seen, files = self._seen, self._files
        new: dict[str, list[bytes]] = defaultdict(list)
        for date, mark, row in rows:
            if mark in seen:
                files.repeat(date)
            else:
                seen.add(mark)
                new[date].append(row)
        for date, of_date in new.items():
            files.extend(date, of_date)

    def finish(self) -> list[DateFile]:
        """Return the files, complete, in the order of their dates."""
        return self._files.finish()


def partition_date(changed_at_millis: int) -> str:
    """Return the partition date, YYYY-MM-DD (UTC), of a time in milliseconds since 1970."""
    return _date(changed_at_millis // _DAY_MILLIS)


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    when = _EPOCH + timedelta(days=day)
    # strftime does not pad years before 1000 on every platform.
    return f"{when.year:04d}-{when.month:02d}-{when.day:02d}"
