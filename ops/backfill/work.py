"""One data file to Avro files, so that each item is in one of them, however often it is tried.

The order of the requests makes it so (docs/backfill.md#exactly-once).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

from avro_writer.lanes import Layout
from avro_writer.store import Store
from avro_writer.table_files import TableFiles
from ops.backfill.data_file import checked
from ops.backfill.errors import DataFileError
from ops.backfill.items import ItemReader
from ops.backfill.ledger import Decided, FileCounts, Ledger
from ops.backfill.manifest import DataFile, Export
from ops.backfill.parts import Part, PartName, RowMakers
from ops.backfill.source import Folder, open_data_file

# Two workers that run different versions may decide differently on one part after another.
_MOST_ATTEMPTS = 5


class _Overtaken(Exception):
    """Another worker has decided otherwise on a part."""


@dataclass(frozen=True)
class Worker:
    """What is needed to do a data file.

    Parameters
    ----------
    export, folder
        The export, and where it is.
    store, prefix
        The stack's bucket, and the pipeline's key prefix.
    ledger
        What is decided and done.
    reader, makers
        Make change records of lines, and rows of change records.
    part_items
        Number of lines in a part.
    first_partition_date
        The first date that readers of the tables see.
    now
        Returns the time, aware.
    """

    export: Export
    folder: Folder
    store: Store
    prefix: str
    ledger: Ledger
    reader: ItemReader
    makers: RowMakers
    part_items: int
    first_partition_date: date
    now: Callable[[], datetime]

    def do(self, file: DataFile, progress: Callable[[int], None] = lambda _: None) -> FileCounts:
        """Write the rows of a data file, as far as they are not written; return its counts.

        Parameters
        ----------
        file
            The data file.
        progress
            Called with a number of items whenever so many more are written.

        Raises
        ------
        DataFileError
            The file cannot be used. No row of it was written, unless the file was changed since.
        """
        for _ in range(_MOST_ATTEMPTS):
            done = self.ledger.done(file.name)
            if done is not None:
                return done
            with suppress(_Overtaken):
                return self.ledger.finish(file.name, self._parts(file, progress))
        raise DataFileError("workers of different versions work on it: run one version alone")

    def _parts(self, file: DataFile, progress: Callable[[int], None]) -> FileCounts:
        decided = self.ledger.decided(file.name)
        again = self.ledger.round > 0
        failed = self.ledger.of_round(self.ledger.round - 1).decided(file.name) if again else {}
        counts = FileCounts()
        with checked(open_data_file(self.folder, self.export, file), file) as batches:
            for number, lines in enumerate(_in_parts(batches, self.part_items)):
                part = Part(
                    PartName(self.export.id, file.name, number, self.ledger.round),
                    self.reader,
                    self.makers,
                    number * self.part_items,
                    decided[number].lines if number in decided else (),
                    failed[number].lines if again else None,
                )
                with part:
                    for each in lines:
                        part.add(each)
                    counts.add(self._put(file, part, decided.get(number)))
                progress(part.counts.items)
        return counts

    def _put(self, file: DataFile, part: Part, before: Decided | None) -> FileCounts:
        if before is None:
            decision = self.ledger.decide(file.name, part.name.number, part.failures)
            if decision.lines != part.failures.lines:
                raise _Overtaken
        else:
            decision = before
            if part.failures.lines:
                raise DataFileError(
                    f"line {min(part.failures.lines)} fails in this version "
                    f"({', '.join(part.failures.reasons)}), and another version has begun to write "
                    "its row: use the version that began the backfill"
                )
        # The decision is kept. From here on each file is what it is, whoever puts it.
        for record_type, each in part.finish():
            layout = Layout(self.prefix, record_type)
            table = TableFiles(self.store, layout, self.first_partition_date, self.now)
            table.put(each, part.name.file_id)
        counts = part.counts
        counts.failed = len(decision.lines)
        counts.reasons = dict(decision.reasons)
        return counts


def _in_parts(batches: Iterator[list[bytes]], size: int) -> Iterator[Iterator[Sequence[bytes]]]:
    """Yield the lines of each part, in batches; each part is to be read before the next."""
    left: list[bytes] = []

    def one() -> Iterator[Sequence[bytes]]:
        nonlocal left
        room = size
        while room:
            lines = left or next(batches, [])
            if not lines:
                return
            lines, left = lines[:room], lines[room:]
            room -= len(lines)
            yield lines

    while left or (left := next(batches, [])):
        yield one()
