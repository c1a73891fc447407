"""Exactly once: choices of one source, one after the other, each written down before its files.

See docs/exactly-once.md#replay. Every object is created, never replaced and never deleted:

``replay/<type>/<source>/<n>.choice.gz``
    Choice number n. It is made only when the choices before it are finished, so it is made by
    somebody who knows which records they have taken.
``avro/<type>/partition_date=…/<time>Z-replay-<source>-<n>.avro``
    Its rows, a file for each date. Name and content are a function of the choice. A file of an
    earlier date gets a late mark (`avro_writer.table_files`).
``replay/<type>/<source>/<n>.done.json``
    All of its files are there.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from avro_writer.lanes import Layout
from avro_writer.outputs import Outputs
from avro_writer.rows import BadRow
from avro_writer.store import AlreadyThere, Store
from avro_writer.table_files import TableFiles
from ops.choices.choice import Choice, Done, decode, digest
from ops.errors import ReplayError

_CHOICE = "choice.gz"
_NAME = re.compile(rf"(\d{{1,9}})\.({re.escape(_CHOICE)}|done\.json)")


@dataclass(frozen=True)
class Settled:
    """A source of which no choice is unfinished.

    Parameters
    ----------
    done
        Its choices in order, each finished.
    """

    done: tuple[Done, ...]

    @property
    def taken(self) -> frozenset[str]:
        """The marks of all records that were replayed."""
        return frozenset(mark for each in self.done for mark in each.marks)

    def and_(self, done: Done) -> Settled:
        """Return the source with one choice more."""
        return Settled((*self.done, done))


@dataclass(frozen=True)
class Written:
    """What a replay has written of one source.

    Parameters
    ----------
    rows, repeats, files
        Rows written, rows left out as repeats, and Avro files.
    finished_rows
        Rows of choices that another replay had begun, and this one finished.
    """

    rows: int
    repeats: int
    files: int
    finished_rows: int


@dataclass(frozen=True)
class Begun:
    """Which sources of a record type were replayed.

    Parameters
    ----------
    all
        Their digests (`choice.digest`).
    unfinished
        Those with a choice that nobody has finished yet.
    done
        The keys of the marks of their finished choices.
    complete
        Whether all of them are here. Otherwise there are at least so many.
    """

    all: frozenset[str]
    unfinished: frozenset[str]
    done: tuple[str, ...] = ()
    complete: bool = True


class Sources:
    """The choices of one record type, to look at.

    Parameters
    ----------
    store
        The bucket.
    prefix
        The pipeline's key prefix, without a slash at its end.
    record_type
        The type.
    """

    def __init__(self, store: Store, prefix: str, record_type: str) -> None:
        self._store = store
        self._root = f"{prefix}/replay/{record_type}/"

    def begun(self, most: int | None = None) -> Begun:
        """Return which sources have a choice, from one listing.

        Parameters
        ----------
        most
            After how many objects the listing ends; never if None.
        """
        choices: set[str] = set()
        done: dict[str, str] = {}
        objects = self._store.objects(self._root)
        for each in objects if most is None else itertools.islice(objects, most):
            source, _, name = each.key[len(self._root) :].rpartition("/")
            number, _, kind = name.partition(".")
            if kind == _CHOICE:
                choices.add(f"{source}/{number}")
            else:
                done[f"{source}/{number}"] = each.key
        complete = next(objects, None) is None
        unfinished = choices - done.keys()
        if not complete:
            # The mark of the last choice may be behind the end.
            unfinished.discard(max(choices, default=""))
        return Begun(
            frozenset(each.partition("/")[0] for each in choices),
            frozenset(each.partition("/")[0] for each in unfinished),
            tuple(done.values()),
            complete,
        )

    def marks(self, source_digest: str) -> frozenset[str]:
        """Return the marks of all records of a source that were chosen; nothing is written."""
        return frozenset(
            mark
            for each in self._store.objects(f"{self._root}{source_digest}/")
            if each.key.endswith(f".{_CHOICE}")
            for mark in decode(each.key, self._body(each.key)).marks
        )

    def _choice_key(self, source_digest: str, number: int) -> str:
        return f"{self._root}{source_digest}/{number}.{_CHOICE}"

    def _body(self, key: str) -> bytes:
        found = self._store.find(key)
        if found is None:
            raise ReplayError(f"{key} was removed: nothing below replay/ may be removed")
        return found[0]


class Choices(Sources):
    """The choices of one record type, to make and to finish.

    Parameters
    ----------
    store, prefix, record_type
        As in `Sources`.
    first_partition_date
        The first date that readers of the table see.
    now
        Returns the time, aware.
    folder
        Where on local disk files are made; the system's place for them if None.
    """

    def __init__(
        self,
        store: Store,
        prefix: str,
        record_type: str,
        first_partition_date: date,
        now: Callable[[], datetime],
        folder: Path | None = None,
    ) -> None:
        super().__init__(store, prefix, record_type)
        self._record_type = record_type
        self._table = TableFiles(store, Layout(prefix, record_type), first_partition_date, now)
        self._now = now
        self._folder = folder

    def settle(self, source_digest: str, finished: Callable[[Done], None]) -> Settled:
        """Finish what was begun of a source, whoever began it.

        Parameters
        ----------
        source_digest
            `choice.digest` of the source.
        finished
            Called with each choice that had to be finished.

        Raises
        ------
        ReplayError
            A choice cannot be read.
        """
        choices, done_marks = set(), {}
        for each in self._store.objects(f"{self._root}{source_digest}/"):
            found = _NAME.fullmatch(each.key.rsplit("/", 1)[-1])
            if found and found[2] == _CHOICE:
                choices.add(int(found[1]))
            elif found:
                done_marks[int(found[1])] = each.key
        done = []
        for number in sorted(choices):
            mark = done_marks.get(number)
            if mark is None:
                key = self._choice_key(source_digest, number)
                result = self._finish(number, decode(key, self._body(key)))
                finished(result)
            else:
                result = msgspec.json.decode(self._body(mark), type=Done)
            done.append(result)
        return Settled(tuple(done))

    def choose(self, settled: Settled, choice: Choice) -> Done | None:
        """Write down the next choice of a source, and finish it.

        Parameters
        ----------
        settled
            The source, as `settle` has returned it.
        choice
            None of whose records is among those that are ``taken``.

        Returns
        -------
        Done or None
            None if somebody else has written down the next choice first: settle again.
        """
        number = len(settled.done)
        try:
            self._store.create(self._choice_key(digest(choice.source), number), choice.encode())
        except AlreadyThere:
            # Or it is this very choice, and the answer to the first request was lost.
            return None
        return self._finish(number, choice)

    def write(
        self,
        source: str,
        schema: dict[str, Any],
        rows_of: Callable[[Settled], Iterable[dict[str, bytes]]],
        run_id: str,
    ) -> Written:
        """Write the rows of a source, each in one file, whoever else works on it.

        Parameters
        ----------
        source
            The source.
        schema
            The Avro schema to write with, as JSON values.
        rows_of
            Yields the landed lines of rows by mark, as many at once as one choice holds. It is
            called again if somebody else has made a choice in between: it has to look at what is
            written then, and at what ``settled`` has.
        run_id
            An identifier of this replay.

        Raises
        ------
        ReplayError
            A choice cannot be read.
        """
        by_others = 0

        def finished(done: Done) -> None:
            nonlocal by_others
            # If the answer to this replay's own request was lost, the choice is its own.
            by_others += done.rows if done.made_by != run_id else 0

        while True:
            settled = self.settle(digest(source), finished)
            for rows in rows_of(settled):
                choice = Choice(
                    source, self._now(), run_id, tuple(rows), tuple(rows.values()), schema
                )
                done = self.choose(settled, choice)
                if done is None:
                    break
                settled = settled.and_(done)
            else:
                mine = [each for each in settled.done if each.made_by == run_id]
                return Written(
                    sum(each.rows for each in mine),
                    sum(each.repeats for each in mine),
                    sum(each.files for each in mine),
                    by_others,
                )

    def _finish(self, number: int, choice: Choice) -> Done:
        """Put the Avro files and late marks that are missing, then the object that says so."""
        rows = repeats = 0
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            file_id = choice.file_id(number)
            outputs = Outputs(self._record_type, choice.schema, Path(folder), file_id)
            try:
                outputs.add(outputs.rows(choice.rows))
            except BadRow as error:
                raise ReplayError(
                    f"choice {number} of {choice.source} has a row that this version cannot write "
                    f"({error}): finish it with the version that made it"
                ) from None
            files = outputs.finish()
            for each in files:
                rows += each.rows
                repeats += each.repeats
                self._table.put(each, file_id)
        done = Done(
            choice.source,
            choice.made_at.isoformat(),
            choice.made_by,
            list(choice.marks),
            rows,
            repeats,
            len(files),
        )
        with contextlib.suppress(AlreadyThere):
            key = f"{self._root}{digest(choice.source)}/{number}.done.json"
            self._store.create(key, msgspec.json.encode(done))
        return done
