"""Corrects rows that were written wrongly: what the stream says against what the tables have.

See docs/exactly-once.md#corrections. The corrections of one table and date are choices of one
source: the next is made only when the ones before are finished, and by somebody who has compared
with the tables since.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import fastavro

from avro_writer.lanes import Layout
from avro_writer.outputs import Outputs
from avro_writer.rows import BadRow
from avro_writer.store import Changed, Missing, Store
from ops.choices.protocol import Choices, Settled
from ops.replay.stream import Spool

# A choice is held in memory, and one object of the bucket. So many rows are compared at once.
MOST_ROWS = 20_000
_COMPARED_AT_ONCE = 200_000

# A row from errors/ has no sequence number, and a corrected row has another revision.
_NOT_COMPARED = ("revision", "sequence_number")
# What orders the changes of a record: a row with another one of these would not supersede the
# wrong one.
_FIXED = ("record_key", "changed_at_micros")

Row = dict[str, Any]


@dataclass
class Compared:
    """What comparing came to, of one record type.

    Parameters
    ----------
    rows
        Rows that the stream becomes now, without repeats.
    same
        Rows that are in the tables as they should be.
    corrected
        Rows that are otherwise in the tables: they are written again, or would be.
    not_in_tables
        Rows that are in no file: they are in ``landing/``, ``errors/`` or quarantine, or too old.
    not_correctable
        Rows whose time or record key is otherwise: no later row would supersede the wrong one.
    files
        Avro files of the corrections.
    finished_rows
        Rows of corrections that somebody else had begun, and this run finished.
    """

    rows: int = 0
    same: int = 0
    corrected: int = 0
    not_in_tables: int = 0
    not_correctable: int = 0
    files: int = 0
    finished_rows: int = 0

    @property
    def reconciled(self) -> bool:
        """Whether each row is counted once."""
        found = self.same + self.corrected + self.not_in_tables + self.not_correctable
        return self.rows == found

    def add(self, other: Compared) -> None:
        """Add another's counts to these."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


class Corrector:
    """Compares the rows of one record type with its table, and writes what comes out otherwise.

    Parameters
    ----------
    store
        The bucket.
    prefix
        The pipeline's key prefix, without a slash at its end.
    record_type
        The type.
    schema
        The Avro schema of this checkout, as JSON values.
    first_partition_date
        The first date that readers of the table see.
    now
        Returns the time, aware.
    folder
        An empty folder on local disk.
    """

    def __init__(
        self,
        store: Store,
        prefix: str,
        record_type: str,
        schema: dict[str, Any],
        first_partition_date: date,
        now: Callable[[], datetime],
        folder: Path,
    ) -> None:
        self._store = store
        self._layout = Layout(prefix, record_type)
        self._schema = schema
        self._parsed = fastavro.parse_schema(json.loads(json.dumps(schema)))
        self._choices = Choices(store, prefix, record_type, first_partition_date, now)
        self._outputs = Outputs(record_type, schema, folder, "")

    def compare(self, spool: Spool, date: str) -> Compared:
        """Compare a date's rows with the table; nothing is written."""
        counts = Compared()
        for rows in spool.rows(date, _COMPARED_AT_ONCE):
            for _ in self._otherwise(date, rows, counts):
                pass
        return counts

    def correct(self, spool: Spool, date: str, run_id: str) -> Compared:
        """Write what comes out otherwise, each row in one file; return the counts.

        Parameters
        ----------
        spool, date
            The rows, and their partition date.
        run_id
            An identifier of this replay.
        """
        counts = Compared()

        def rows_of(settled: Settled) -> Iterator[dict[str, bytes]]:
            nonlocal counts
            # What an earlier pass has counted is counted anew.
            counts = Compared()
            return self._chunks(spool, date, counts)

        source = f"corrections of {date}"
        written = self._choices.write(source, self._schema, rows_of, run_id)
        # What an earlier pass of this replay has written is the same as the stream's rows now.
        counts.same -= written.rows - counts.corrected
        counts.corrected = written.rows
        counts.files = written.files
        counts.finished_rows = written.finished_rows
        return counts

    def _chunks(self, spool: Spool, date: str, counts: Compared) -> Iterator[dict[str, bytes]]:
        """Yield the corrected lines of a date by mark, at most as many as one choice holds."""
        for rows in spool.rows(date, _COMPARED_AT_ONCE):
            lines: dict[str, bytes] = {}
            for mark, line in self._otherwise(date, rows, counts):
                lines[mark] = line
                if len(lines) >= MOST_ROWS:
                    yield lines
                    lines = {}
            if lines:
                yield lines

    def _otherwise(
        self, date: str, rows: dict[str, bytes], counts: Compared
    ) -> Iterator[tuple[str, bytes]]:
        """Yield mark and corrected line of each row that is otherwise in the table."""
        newest = self._in_table(date, rows)
        for change_id, line in rows.items():
            counts.rows += 1
            there = newest.get(change_id)
            if there is None:
                counts.not_in_tables += 1
                continue
            row = self._decoded(line)
            if row is None or any(row[name] != there[name] for name in _FIXED):
                counts.not_correctable += 1
            elif _compared(row) == _compared(there):
                counts.same += 1
            else:
                counts.corrected += 1
                revision = there["revision"] + 1
                yield f"{change_id}#{revision}", _with_revision(line, revision)

    def _in_table(self, date: str, rows: dict[str, bytes]) -> dict[str, Row]:
        """Return the newest revision of each of some rows that is in the table."""
        newest: dict[str, Row] = {}
        for each in self._store.objects(self._layout.partition(date)):
            try:
                with self._store.read(each.key, each.etag) as body:
                    content = io.BytesIO(body.read())
            except (Missing, Changed):
                # Somebody else has removed it: files of the tables never change.
                continue
            for row in fastavro.reader(content, self._parsed):
                assert isinstance(row, dict)  # noqa: S101 - a table's schema is a record
                change_id = str(row["change_id"])
                if change_id not in rows:
                    continue
                known = newest.get(change_id)
                if known is None or row["revision"] > known["revision"]:
                    newest[change_id] = row
        return newest

    def _decoded(self, line: bytes) -> Row | None:
        try:
            ((_, _, binary),) = self._outputs.rows([line])
        except BadRow:
            return None
        row: Any = fastavro.schemaless_reader(io.BytesIO(binary), self._parsed)
        return dict(row)


def _compared(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in _NOT_COMPARED}


def _with_revision(line: bytes, revision: int) -> bytes:
    # The transform's lines are JSON objects without this column.
    return b'%s,"revision":%d}' % (line.removesuffix(b"}"), revision)
