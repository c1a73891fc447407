"""A plan's inputs to one Avro file a date.

See docs/design.md#the-avro-writer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from avro_writer.container import DateFile
from avro_writer.errors import AwaitsNewerCode
from avro_writer.landed import CorruptObject, batches, count_lines, unzip
from avro_writer.outputs import Outputs
from avro_writer.plan import Input, Plan
from avro_writer.quarantine import BadParts, Quarantine
from avro_writer.rows import BadRow, OtherSchema
from avro_writer.store import Changed, Missing, Refused, Store


@dataclass
class Counts:
    """What one plan, or one run, came to.

    Parameters
    ----------
    objects
        Landed objects read.
    objects_gone
        Planned objects that were not there any more, or were rewritten since.
    rows, repeats
        Rows written, and rows left out because the batch has them already.
    quarantined_lines, quarantined_objects
        Lines, and whole objects, that cannot become Avro.
    files, file_bytes
        Avro files, and their size. A file that an earlier attempt had put counts too: it is the
        same file.
    rows_outside_projection
        Rows of dates that the tables' partition projection does not cover: no query sees them.
    """

    objects: int = 0
    objects_gone: int = 0
    rows: int = 0
    repeats: int = 0
    quarantined_lines: int = 0
    quarantined_objects: int = 0
    files: int = 0
    file_bytes: int = 0
    rows_outside_projection: int = 0

    def add(self, other: Counts) -> None:
        """Add another's counts to these."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True)
class Capacity:
    """What one plan may hold, so that memory and puts are bounded whatever has landed.

    A plan ends with the input that has it hold more than this.

    Parameters
    ----------
    rows
        Rows, each of which is remembered by about a hundred bytes.
    dates
        Partition dates, each of which is a file.
    bad_objects
        Objects that are copied to quarantine. How many copies are there already is kept nowhere:
        all of them have to be put in a part of one run.
    bad_bytes
        Bytes of the quarantine on local disk.
    """

    rows: int = 1_000_000
    dates: int = 1_000
    bad_objects: int = 100
    bad_bytes: int = 64 * 1024 * 1024


class Compaction:
    """Reads a plan's inputs and makes its outputs.

    Parameters
    ----------
    plan
        The plan, not yet ``written``.
    schema
        The Avro schema to write with, as JSON values.
    store
        Where the inputs are.
    folder
        An empty folder on local disk, for what is too much for memory.
    quarantine
        Where bad lines and objects go.
    check_time
        Called often; raises when the run has no time left.
    check_held
        Called when an input is not there as it was planned; raises when another run has taken the
        plan further, which explains it.
    set_aside
        Called with an input that is left where it is, and why, while the plan may still do without.
    may_wait
        Tells whether newer code may still come for an input that has rows of another schema. Asked
        while the plan may still do without, of such inputs alone.
    """

    def __init__(
        self,
        plan: Plan,
        schema: dict[str, Any],
        store: Store,
        folder: Path,
        quarantine: Quarantine,
        check_time: Callable[[], None],
        check_held: Callable[[], None],
        set_aside: Callable[[Input, Exception], None],
        may_wait: Callable[[Input], bool],
    ) -> None:
        self._plan = plan
        self._store = store
        self._quarantine = quarantine
        self._check_time = check_time
        self._check_held = check_held
        self._set_aside = set_aside
        self._may_wait = may_wait
        self._outputs = Outputs(plan.record_type, schema, folder, plan.id)
        self.counts = Counts()
        self.read: list[Input] = []
        self.done = 0

    def run(self, enough: Callable[[], bool]) -> list[DateFile]:
        """Read the inputs and return the files, complete.

        ``done`` is the number of inputs that were looked at, whatever became of the rest, and
        ``read`` are those that were there.

        Parameters
        ----------
        enough
            Asked after each input whether the others are to be left.

        Raises
        ------
        OutOfTime
            By ``check_time``.
        Overtaken
            By ``check_held``.
        Refused
            By S3, of an input of a plan that is fixed.
        AwaitsNewerCode
            An input has to wait, and others of its lines are among what was made already.
        """
        for each in self._plan.inputs:
            self._check_time()
            self._input(each)
            self.done += 1
            if enough():
                break
        files = self._outputs.finish()
        self.counts.rows = sum(each.rows for each in files)
        self.counts.repeats = sum(each.repeats for each in files)
        self.counts.quarantined_lines = self._quarantine.lines
        self.counts.quarantined_objects = self._quarantine.objects
        self.counts.files = len(files)
        self.counts.file_bytes = sum(each.size for each in files)
        return files

    def fills(self, capacity: Capacity) -> bool:
        """Say whether what was read so far is as much as one plan should hold."""
        return (
            self._outputs.distinct > capacity.rows
            or self._outputs.dates > capacity.dates
            or self._quarantine.copies > capacity.bad_objects
            or self._quarantine.size > capacity.bad_bytes
        )

    def _input(self, each: Input) -> None:
        try:
            body = self._store.read(each.key, each.etag)
        except (Missing, Changed):
            # Missing: an earlier plan has committed it. Changed: Firehose has rewritten it, and
            # what it is now is taken by a later plan.
            self._check_held()
            self.counts.objects_gone += 1
            return
        except Refused as error:
            if self._plan.state != "reading":
                raise
            # It stays where it is, and a later plan takes it.
            self._set_aside(each, error)
            return
        lines = _ObjectLines(
            self._outputs, self._quarantine.of(each), self._check_time, lambda: self._waits(each)
        )
        with body:
            if self._plan.goes_whole:
                lines.bad.add_whole("a run's time is not enough for its lines")
            else:
                try:
                    with unzip(body, self._check_time) as unzipped:
                        lines.take(unzipped)
                except CorruptObject as error:
                    lines.bad.add_whole(str(error))
                except OtherSchema:
                    waits = AwaitsNewerCode(each.key)
                    if lines.any_taken:
                        raise waits from None
                    self._set_aside(each, waits)
                    return
            lines.bad.end(body, self._check_time)
        self.counts.objects += 1
        self.read.append(each)

    def _waits(self, each: Input) -> bool:
        # The outputs of a fixed plan are a function of it, and not of the time.
        return self._plan.state == "reading" and self._may_wait(each)


class _ObjectLines:
    """Takes the lines of one landed object to where they belong.

    Parameters
    ----------
    outputs, bad
        Where rows go, and where bad lines go.
    check_time
        Called often; raises when the run has no time left.
    waits
        Tells whether the object is left where it is if it has rows of another schema.
    """

    def __init__(
        self,
        outputs: Outputs,
        bad: BadParts,
        check_time: Callable[[], None],
        waits: Callable[[], bool],
    ) -> None:
        self._outputs = outputs
        self.bad = bad
        self._check_time = check_time
        # An answer costs a request.
        self._waits = cache(waits)
        self.any_taken = False

    def take(self, unzipped: BinaryIO) -> None:
        """Take all lines.

        Raises
        ------
        OtherSchema
            One of them is of another schema, and the object waits. ``any_taken`` tells whether
            others of its lines are taken already.
        """
        number = 0  # of the lines before these
        for lines, cut_off in batches(unzipped, self._check_time):
            whole = lines[:-1] if cut_off else lines
            if whole:
                self._batch(number, whole)
            number += len(lines)
            if cut_off:
                self._bad_line(number, "longer than any row can be", None)
            if self.bad.too_many:
                if count := count_lines(unzipped, self._check_time):
                    self.bad.add_rest(number + 1, count)
                return

    def _batch(self, before: int, lines: Sequence[bytes]) -> None:
        try:
            rows = self._outputs.rows(lines)
        except Exception as error:
            if isinstance(error, OtherSchema) and self._waits():
                raise
            if len(lines) > 1:
                # At least one of them is no row. Halves, since mostly few of them are bad.
                half = len(lines) // 2
                self._batch(before, lines[:half])
                self._batch(before + half, lines[half:])
                return
            # A row that nobody thought of must not hold up its lane for good.
            known = isinstance(error, BadRow)
            reason = str(error) if known else f"unexpected {type(error).__name__}"
            self._bad_line(before + 1, reason, lines[0])
        else:
            self._outputs.add(rows)
            self.any_taken = True

    def _bad_line(self, number: int, reason: str, line: bytes | None) -> None:
        self.bad.add_line(number, reason, line)
        self.any_taken = True
