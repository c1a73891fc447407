"""Replays the failed records of one object, as far as they become rows now."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ops.choices.protocol import Choices, Settled
from ops.failed.current import (
    Code,
    CurrentCode,
    Now,
    NowFails,
    NowOther,
    NowRow,
    WithoutType,
    with_column,
)
from ops.failed.owners import Owners
from ops.failed.records import FailedObject, FailedRecord, Place, UnreadableObject, together
from ops.failed.wanted import Wanted

_TOGETHER = 200
# A choice is held in memory, and one object of the bucket.
_MOST_ROWS, _MOST_BYTES = 20_000, 8 * 1024 * 1024


@dataclass
class Replayed:
    """What a replay came to.

    Parameters
    ----------
    records
        Records that were looked at.
    not_chosen
        Records that the caller did not want.
    already
        Records that an earlier replay, or another one at the same time, has brought back.
    rows, repeats, files
        Of this replay: rows written, rows left out as repeats, and Avro files.
    other_type
        Records of another record type or delivery stream, which has them itself.
    failed
        Records that fail again, by reason.
    finished_rows
        Rows of choices that another replay had begun, and this one finished.
    unreadable
        What cannot be read, one line each. The records after it were not looked at.
    """

    records: int = 0
    not_chosen: int = 0
    already: int = 0
    rows: int = 0
    repeats: int = 0
    files: int = 0
    other_type: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    finished_rows: int = 0
    unreadable: list[str] = field(default_factory=list)

    @property
    def reconciled(self) -> bool:
        """Whether each record that was looked at is counted once."""
        counted = self.not_chosen + self.already + self.rows + self.repeats + self.other_type
        return self.records == counted + self.failed.total()

    def add(self, other: Replayed) -> None:
        """Add another's counts to these."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True)
class Selection:
    """Which records of an object are wanted.

    Parameters
    ----------
    record
        Tells it from the record as it is kept.
    row
        Tells it from the row that it becomes, a landed line.
    """

    record: Callable[[FailedRecord], bool] = lambda record: True
    row: Callable[[bytes], bool] = lambda line: True


def replay_object(
    choices: Choices,
    found: FailedObject,
    code: CurrentCode,
    selection: Selection,
    run_id: str,
) -> Replayed:
    """Write the rows that an object's records become, each in exactly one Avro file.

    Parameters
    ----------
    choices
        Those of the object's record type.
    found
        The object.
    code
        What its records become.
    selection
        Which of them are wanted.
    run_id
        An identifier of this replay.

    Raises
    ------
    ops.errors.ReplayError
        An earlier choice cannot be read.
    """
    counts = Replayed()

    def rows_of(settled: Settled) -> Iterator[dict[str, bytes]]:
        nonlocal counts
        one_pass = _Pass(code, selection, settled, run_id)
        # What an earlier pass has counted is counted anew.
        counts = one_pass.counts
        return one_pass.chunks(found)

    written = choices.write(found.name, code.schema, rows_of, run_id)
    counts.rows += written.rows
    counts.repeats += written.repeats
    counts.files += written.files
    counts.finished_rows = written.finished_rows
    return counts


def replay_places(
    found: Iterable[Place],
    wanted: Wanted,
    owners: Owners,
    choices: Mapping[str, Choices],
    codes: Mapping[str, CurrentCode],
    run_id: str,
    progress: Callable[[int, int], None] = lambda number, rows: None,
) -> dict[str, Replayed]:
    """Write the rows that the wanted records become, each in exactly one Avro file.

    Parameters
    ----------
    found
        Where failed records are.
    wanted
        Which of them are wanted.
    owners
        Says why a record has no type.
    choices, codes
        By record type: its choices, and what its records become.
    run_id
        An identifier of this replay.
    progress
        Called with the number of places that are done, and of the rows that were written.

    Returns
    -------
    dict
        The counts by record type; `infra.deliveries.ALL_TYPES` is for records of no type.

    Raises
    ------
    ops.errors.ReplayError
        An earlier choice cannot be read.
    """
    selection = Selection(wanted.has_record, wanted.has_row)
    counts: dict[str, Replayed] = defaultdict(Replayed)
    for number, place in enumerate(found, 1):
        try:
            for each in filter(wanted.has_object, place.objects()):
                name = each.record_type
                if name in codes:
                    done = replay_object(choices[name], each, codes[name], selection, run_id)
                else:
                    done = _look_at(each, WithoutType(owners), selection)
                counts[name].add(done)
        except UnreadableObject as error:
            # Entries of a quarantine that are damaged hold up no other.
            counts[place.name].unreadable.append(str(error))
        progress(number, sum(each.rows for each in counts.values()))
    return counts


def _look_at(found: FailedObject, code: WithoutType, selection: Selection) -> Replayed:
    """Return the counts of records of which none becomes a row."""
    one_pass = _Pass(code, selection, Settled(()), "")
    rows = list(one_pass.chunks(found))
    assert not rows  # noqa: S101 - a row needs the choices of its type
    return one_pass.counts


class _Pass:
    """One reading of an object: counts its records, and gives out what becomes rows."""

    def __init__(self, code: Code, selection: Selection, settled: Settled, run_id: str) -> None:
        self.counts = Replayed()
        self._code = code
        self._selection = selection
        # What this replay has chosen itself is counted with its choices.
        self._own = {m for each in settled.done if each.made_by == run_id for m in each.marks}
        self._taken = settled.taken - self._own
        self._seen: set[str] = set()

    def chunks(self, found: FailedObject) -> Iterator[dict[str, bytes]]:
        """Yield rows by mark, at most as many as one choice holds."""
        rows: dict[str, bytes] = {}
        size = 0
        try:
            for some in together(found.read(), _TOGETHER):
                wanted = [each for each in some if self._is_wanted(each)]
                for record, now in zip(wanted, self._code.now(wanted), strict=True):
                    line = self._row(now)
                    if line is None:
                        continue
                    rows[record.mark] = line
                    size += len(line)
                    if len(rows) >= _MOST_ROWS or size >= _MOST_BYTES:
                        yield rows
                        rows, size = {}, 0
        except UnreadableObject as error:
            # The records before it are as good as any.
            self.counts.unreadable.append(str(error))
        if rows:
            yield rows

    def _is_wanted(self, record: FailedRecord) -> bool:
        counts, mark = self.counts, record.mark
        counts.records += 1
        if mark in self._taken:
            counts.already += 1
        elif mark in self._seen:
            # Somebody put the same record into the stream twice.
            counts.repeats += 1
        elif not self._selection.record(record):
            counts.not_chosen += 1
        else:
            self._seen.add(mark)
            return mark not in self._own
        return False

    def _row(self, now: Now) -> bytes | None:
        match now:
            case NowFails(reason, column):
                self.counts.failed[with_column(reason, column)] += 1
            case NowOther():
                self.counts.other_type += 1
            case NowRow(line):
                if self._selection.row(line):
                    return line
                self.counts.not_chosen += 1
        return None
