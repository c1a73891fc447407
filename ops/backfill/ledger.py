"""What a backfill has decided and done, kept in the bucket; every object is created only if absent.

Below ``data-pipeline/``:

``backfill/<ExportId>/plan.json``
    What all workers of an export have to agree on.
``backfill/<ExportId>/parts/<file>/<number>.jsonl.gz``
    The failed items of a part of a data file, perhaps none: JSON objects with ``line`` (its number
    in the data file, from 1), ``reason``, ``column`` if the reason has one, and ``data`` (the line,
    base64). It is put before the part's Avro files. Whoever works on the part afterwards leaves out
    these items and no others, whatever version of the program it runs.
``backfill/<ExportId>/done/<file>.json``
    The counts of a data file, all of whose Avro files are there.
``backfill/<ExportId>/again/<round>/``
    The same for the items that failed in the round before, the first of which is round 0.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

import msgspec
from isal import igzip

from avro_writer.store import AlreadyThere, Store
from ops.backfill.errors import BackfillError
from ops.failed.current import with_column

_FORMAT = 1
_MEMORY_BYTES = 8 * 1024 * 1024
_READERS = 16


class Plan(msgspec.Struct, frozen=True):
    """What is the same for all workers of an export.

    Parameters
    ----------
    margin_seconds
        How long before the export's time its rows are.
    types
        The record types whose tables get rows.
    part_items
        So many lines of a data file make one part, and so one Avro file of each type.
    format
        Version of what is kept.
    """

    margin_seconds: int
    types: tuple[str, ...]
    part_items: int
    format: int = _FORMAT


class FileCounts(msgspec.Struct):
    """What became of the items of one data file, or of several.

    Parameters
    ----------
    items
        All of them: the sum of the next four.
    rows
        Items that became rows, by record type.
    other_types
        Items of a record type that the plan does not have.
    unclaimed
        Items that name no record type, or none that has a table.
    failed
        Items that cannot become rows.
    reasons
        The failed ones by reason.
    avro_files, avro_bytes
        Number and size of the Avro files.
    """

    items: int = 0
    rows: dict[str, int] = {}
    other_types: int = 0
    unclaimed: int = 0
    failed: int = 0
    reasons: dict[str, int] = {}
    avro_files: int = 0
    avro_bytes: int = 0

    @property
    def reconciled(self) -> bool:
        """Whether each item is counted once."""
        parts = sum(self.rows.values()) + self.other_types + self.unclaimed + self.failed
        return self.items == parts and self.failed == sum(self.reasons.values())

    def add(self, other: FileCounts) -> None:
        """Add the counts of other files."""
        self.items += other.items
        self.other_types += other.other_types
        self.unclaimed += other.unclaimed
        self.failed += other.failed
        self.avro_files += other.avro_files
        self.avro_bytes += other.avro_bytes
        self.rows = dict(Counter(self.rows) + Counter(other.rows))
        self.reasons = dict(Counter(self.reasons) + Counter(other.reasons))


class _Entry(msgspec.Struct, omit_defaults=True):
    line: int
    reason: str
    column: str | None = None
    data: bytes = b""


_encode = msgspec.json.Encoder().encode
_entry = msgspec.json.Decoder(_Entry)
_counts = msgspec.json.Decoder(FileCounts)


class Failures:
    """The failed items of one part, to be kept."""

    def __init__(self) -> None:
        self.lines: set[int] = set()
        self.reasons: Counter[str] = Counter()
        self._kept = cast(BinaryIO, SpooledTemporaryFile(max_size=_MEMORY_BYTES))  # noqa: SIM115
        self._zipped = igzip.IGzipFile("", "wb", fileobj=self._kept, mtime=0)  # type: ignore[no-untyped-call]

    def add(self, number: int, line: bytes, reason: str, column: str | None = None) -> None:
        """Keep the line with this number, with the reason and the column that it does not fit."""
        self.lines.add(number)
        self.reasons[with_column(reason, column)] += 1
        self._zipped.write(_encode(_Entry(number, reason, column, line)) + b"\n")  # type: ignore[no-untyped-call]

    def body(self) -> BinaryIO:
        """Return all of it as one object, to read; nothing may be added afterwards."""
        self._zipped.close()
        self._kept.seek(0)
        return self._kept


@dataclass(frozen=True)
class Decided:
    """The failed items of a part as somebody has decided: their lines, and their reasons."""

    lines: frozenset[int]
    reasons: Mapping[str, int]


class Ledger:
    """The objects of one export's backfill.

    Parameters
    ----------
    store
        The stack's bucket.
    prefix
        The pipeline's key prefix, without a slash at its end.
    export_id
        The export.
    round
        0 for all items, above for those that failed in the round before.
    """

    def __init__(self, store: Store, prefix: str, export_id: str, round: int = 0) -> None:
        self._store = store
        self._of = (store, prefix, export_id)
        self.round = round
        self.root = f"{prefix}/backfill/{export_id}/"
        self.folder = f"{self.root}again/{round}/" if round else self.root

    def of_round(self, round: int) -> Ledger:
        """Return the ledger of another round."""
        return Ledger(*self._of, round)

    def last_round(self) -> int:
        """Return the last round that has begun."""
        begun = map(int, self._store.folders(f"{self.root}again/"))
        return max(begun, default=0)

    def find_plan(self) -> Plan | None:
        """Return the plan, if the backfill has begun.

        Raises
        ------
        BackfillError
            Another version of the program has made it, and this one cannot continue it.
        """
        found = self._store.find(self._plan)
        if found is None:
            return None
        try:
            plan = msgspec.json.decode(found[0], type=Plan)
        except msgspec.DecodeError:
            plan = None
        if plan is None or plan.format != _FORMAT:
            raise BackfillError(
                f"{self._plan} was not written by this version: use the version that began the "
                "backfill"
            )
        return plan

    def begin(self, plan: Plan) -> Plan:
        """Keep the plan; return the one that holds, which somebody else may have made."""
        try:
            self._store.create(self._plan, _encode(plan))
        except AlreadyThere:
            found = self.find_plan()
            if found is not None:
                return found
        return plan

    def part_key(self, file: str, part: int) -> str:
        """Return the key of the failed items of a part of a data file."""
        return f"{self._parts(file)}{part:06}.jsonl.gz"

    def decided(self, file: str) -> dict[int, Decided]:
        """Return what is decided on the parts of a data file, by their numbers."""
        prefix = self._parts(file)
        return {
            int(each.key.removeprefix(prefix).partition(".")[0]): self._decided(each.key)
            for each in self._store.objects(prefix)
        }

    def decide(self, file: str, part: int, failures: Failures) -> Decided:
        """Keep the failed items of a part; return those that count, of whoever was first."""
        key = self.part_key(file, part)
        with failures.body() as body:
            try:
                self._store.create(key, body)
            except AlreadyThere:
                return self._decided(key)
        return Decided(frozenset(failures.lines), failures.reasons)

    def done(self, file: str) -> FileCounts | None:
        """Return the counts of a data file, if it is done."""
        found = self._store.find(self._done(file))
        return _counts.decode(found[0]) if found else None

    def all_done(self) -> dict[str, FileCounts]:
        """Return the counts of each data file that is done, by name."""
        prefix = f"{self.folder}done/"
        names = [
            each.key.removeprefix(prefix).removesuffix(".json")
            for each in self._store.objects(prefix)
        ]
        with ThreadPoolExecutor(_READERS) as readers:
            found = readers.map(self.done, names)
            return {name: each for name, each in zip(names, found, strict=True) if each}

    def finish(self, file: str, counts: FileCounts) -> FileCounts:
        """Keep the counts of a data file; return those that were kept first."""
        try:
            self._store.create(self._done(file), _encode(counts))
        except AlreadyThere:
            return self.done(file) or counts
        return counts

    @property
    def _plan(self) -> str:
        return f"{self.folder}plan.json"

    def _parts(self, file: str) -> str:
        return f"{self.folder}parts/{file}/"

    def _done(self, file: str) -> str:
        return f"{self.folder}done/{file}.json"

    def _decided(self, key: str) -> Decided:
        found = self._store.find(key)
        if found is None:
            raise BackfillError(
                f"{key} was deleted while the backfill runs: leave everything below "
                f"{self.folder} alone until it is done"
            )
        return read_failures(io.BytesIO(found[0]))


def read_failures(body: BinaryIO) -> Decided:
    """Return the failed items that `Failures` has kept."""
    lines: set[int] = set()
    reasons: Counter[str] = Counter()
    for each in _entries(body):
        lines.add(each.line)
        reasons[with_column(each.reason, each.column)] += 1
    return Decided(frozenset(lines), reasons)


def _entries(body: BinaryIO) -> Iterable[_Entry]:
    with igzip.IGzipFile(fileobj=body, mode="rb") as unzipped:  # type: ignore[no-untyped-call]
        for line in io.BufferedReader(cast(io.RawIOBase, unzipped)):
            yield _entry.decode(line)
