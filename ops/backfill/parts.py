"""A part of a data file: its lines to rows, and the rows to Avro files."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import schemas
from avro_writer.container import DateFile
from avro_writer.outputs import Outputs
from avro_writer.rows import BadRow
from ops.backfill.items import ItemReader, UnusableLine
from ops.backfill.ledger import Failures, FileCounts
from transform.change_record import NotAChangeRecord
from transform.row import Row, UnfitRecord
from transform.typed import Glanced, TypedRowMaker

# What a row of an export has as its `change_type` (schemas.envelope).
_CHANGE_TYPE = "SNAPSHOT"


class RowMakers:
    """The row makers of the record types that a backfill takes.

    Parameters
    ----------
    types
        The record types.
    type_attribute
        Name of the item's attribute that names its record type.
    """

    def __init__(self, types: Iterable[str], type_attribute: str) -> None:
        self.schemas = {each: schemas.avro_schema(each) for each in types}
        self._makers = {
            each: TypedRowMaker(schemas.table(each), type_attribute, _CHANGE_TYPE)
            for each in self.schemas
        }

    def rows(self, record_type: str, changes: Sequence[Glanced]) -> list[Row | Exception]:
        """Return each change record's row, or the error."""
        return self._makers[record_type].rows(changes)


@dataclass(frozen=True)
class PartName:
    """Which part it is: of which export and data file, which one of it, and in which round."""

    export_id: str
    file: str
    number: int
    round: int = 0

    @property
    def file_id(self) -> str:
        """The name of the part's Avro files, one for each record type and date."""
        again = f"-again-{self.round}" if self.round else ""
        return f"snapshot-{self.export_id}-{self.file}-{self.number:06}{again}"

    def change_id(self, line: int) -> bytes:
        """Return the ``change_id`` of the row of a line: it says where the item is."""
        return f"{self.export_id}/{self.file}/{line}".encode()


class Part:
    """Makes the Avro files of a part; a context manager that removes its local files.

    Parameters
    ----------
    name
        Which part it is.
    reader, makers
        Make change records of lines, and rows of change records.
    lines_before
        How many lines of the data file come before it.
    left_out
        Numbers of lines that count as failed, because somebody has decided so.
    only
        Numbers of the lines to take; None takes all.
    """

    def __init__(
        self,
        name: PartName,
        reader: ItemReader,
        makers: RowMakers,
        lines_before: int,
        left_out: Collection[int],
        only: Collection[int] | None = None,
    ) -> None:
        self.name = name
        self.counts = FileCounts()
        self.failures = Failures()
        self._reader = reader
        self._makers = makers
        self._before = lines_before
        self._left_out = left_out
        self._only = only
        self._outputs: dict[str, Outputs] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def add(self, lines: Sequence[bytes]) -> None:
        """Take the next lines of the part."""
        own: dict[str, list[tuple[int, bytes, Glanced]]] = {}
        numbered = list(enumerate(lines, self._before + 1))
        self._before += len(lines)
        if self._only is not None:
            numbered = [each for each in numbered if each[0] in self._only]
        self.counts.items += len(numbered)
        for number, line in numbered:
            if number in self._left_out:
                continue
            try:
                found = self._reader.read(line, self.name.change_id(number))
            except UnusableLine as error:
                self.failures.add(number, line, error.reason)
                continue
            if found.record_type in self._makers.schemas:
                own.setdefault(found.record_type, []).append((number, line, found.change))
            elif found.record_type in schemas.RECORD_TYPES:
                self.counts.other_types += 1
            else:
                self.counts.unclaimed += 1
        for record_type, items in own.items():
            self._rows(record_type, items)

    def finish(self) -> Iterator[tuple[str, DateFile]]:
        """Yield each Avro file with its record type; nothing may be added afterwards."""
        for record_type, outputs in sorted(self._outputs.items()):
            for file in outputs.finish():
                rows = self.counts.rows.get(record_type, 0)
                self.counts.rows[record_type] = rows + file.rows
                self.counts.avro_files += 1
                self.counts.avro_bytes += file.size
                yield record_type, file

    def _rows(self, record_type: str, items: Sequence[tuple[int, bytes, Glanced]]) -> None:
        made = self._makers.rows(record_type, [change for _, _, change in items])
        good: list[tuple[int, bytes, bytes]] = []
        for (number, line, _), row in zip(items, made, strict=True):
            if isinstance(row, Row):
                good.append((number, line, row.line))
            elif isinstance(row, UnfitRecord | NotAChangeRecord):
                column = getattr(row, "column", None)
                self.failures.add(number, line, row.reason, column)
            else:
                self.failures.add(number, line, f"unexpected_{type(row).__name__}")
        if good:
            self._write(record_type, good)

    def _write(self, record_type: str, rows: Sequence[tuple[int, bytes, bytes]]) -> None:
        outputs = self._outputs.get(record_type) or self._begin(record_type)
        try:
            encoded = outputs.rows([row for _, _, row in rows])
        except BadRow:
            if len(rows) == 1:
                ((number, line, _),) = rows
                self.failures.add(number, line, "row_does_not_fit_the_schema")
                return
            half = len(rows) // 2
            self._write(record_type, rows[:half])
            self._write(record_type, rows[half:])
        else:
            outputs.add(encoded)

    def _begin(self, record_type: str) -> Outputs:
        folder = self._folder / record_type
        folder.mkdir()
        outputs = Outputs(record_type, self._makers.schemas[record_type], folder, self.name.file_id)
        self._outputs[record_type] = outputs
        return outputs
