"""Puts Avro files where a table's readers find them, and marks those of earlier dates.

See docs/exactly-once.md#files-of-earlier-dates.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime

from avro_writer.container import DateFile
from avro_writer.lanes import Layout
from avro_writer.store import AlreadyThere, Store


def is_late(file_date: str, now: datetime, first_partition_date: date) -> bool:
    """Say whether an Avro file needs a late mark.

    Parameters
    ----------
    file_date
        The file's partition date, YYYY-MM-DD.
    now
        A time at which the file was there, aware.
    first_partition_date
        The first date that readers of the table see.
    """
    today = now.astimezone(UTC).date()
    return first_partition_date.isoformat() <= file_date < today.isoformat()


@dataclass(frozen=True)
class TableFiles:
    """The Avro files of one record type's table.

    Parameters
    ----------
    store, layout
        The bucket, and where things lie in it.
    first_partition_date
        The first date that readers of the table see.
    now
        Returns the time, aware.
    """

    store: Store
    layout: Layout
    first_partition_date: date
    now: Callable[[], datetime]

    def put(self, file: DateFile, file_id: str) -> None:
        """Put a file, and its late mark if it needs one; what is there already stays.

        Two create-only puts at most
        (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).

        Parameters
        ----------
        file
            The file. One under the same name has the same rows.
        file_id
            The file's name, without its suffix.
        """
        with file.open() as body, suppress(AlreadyThere):
            self.store.create(self.layout.avro(file.date, file_id), body)
        # The mark comes after the file, because a refresh that lists the mark reads the file and
        # then deletes the mark. It also comes when the file was there already: whoever put that may
        # have died before the mark. The clock is read after the put, because a process may be
        # suspended over midnight.
        if is_late(file.date, self.now(), self.first_partition_date):
            with suppress(AlreadyThere):
                self.store.create(self.layout.late_mark(file.date, file_id), b"")
