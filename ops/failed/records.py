"""Reads what the pipeline keeps of records that did not become rows.

Below ``errors/`` Firehose keeps change records that the transform did not answer with a row
(docs/aws-contracts.md#firehose-transformation). Below ``quarantine/`` the Avro writer keeps landed
lines that it could not write (`avro_writer.quarantine`).

It needs ``s3:ListBucket`` on the bucket and ``s3:GetObject`` below both prefixes
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from typing import BinaryIO, Literal, cast

import msgspec
import pybase64

from avro_writer.landed import CorruptObject, batches, unzip
from avro_writer.outputs import partition_date
from avro_writer.quarantine import Entry
from avro_writer.store import Changed, LandedObject, Missing, Store
from ops.failed.owners import Owners

Area = Literal["errors", "quarantine"]
AREAS: tuple[Area, ...] = ("errors", "quarantine")

_GZIP = b"\x1f\x8b"
_MARK_BYTES = 16
# Firehose's prefix has the date, and of a landed object the hour: .../2026/11/28/09/name.
_DATE = re.compile(r"/(\d{4})/(\d{2})/(\d{2})/(?:\d{2}/)?[^/]+$")


@dataclass(frozen=True, slots=True)
class FailedRecord:
    """A record that did not become a row.

    Parameters
    ----------
    data
        The change record, or the landed line.
    landed
        Whether it is a landed line, and not a change record.
    reason
        Firehose's error code, or why the line is in quarantine.
    day
        The UTC date of its arrival, YYYY-MM-DD.
    elsewhere
        Whether another delivery stream answers for it.
    """

    data: bytes
    landed: bool
    reason: str
    day: str
    elsewhere: bool = False

    @property
    def mark(self) -> str:
        """What tells it from the other records of its object: it depends on the data alone."""
        return blake2b(self.data, digest_size=_MARK_BYTES).hexdigest()


@dataclass(frozen=True)
class FailedObject:
    """An object with failed records: one of Firehose's error output, or one that had landed.

    Parameters
    ----------
    record_type, area
        Whose it is, and where it is kept. Of an object of all types, each type has its part, and
        `infra.deliveries.ALL_TYPES` has what is of no type.
    name
        The key of the object of the error output, or the key under which the object had landed.
        Firehose may write an object again, with more records (docs/aws-contracts.md): its key stays
        the same, and so does the mark of each record.
    day
        The date of its name, YYYY-MM-DD; empty if its name has none.
    read
        Yields the records.
    """

    record_type: str
    area: Area
    name: str
    day: str
    read: Callable[[], Iterator[FailedRecord]] = field(compare=False, repr=False)


class UnreadableObject(Exception):
    """An object of the error output or of the quarantine that cannot be read as such."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key


class _Corrupt(UnreadableObject):
    """It is not a whole gzip file."""


class _ErrorLine(msgspec.Struct, rename="camel"):
    # The other fields are spelled in two ways (docs/aws-contracts.md); nobody needs them here.
    raw_data: str
    error_code: str = ""
    arrival_timestamp: int | None = None


_error_line = msgspec.json.Decoder(_ErrorLine)
_entry = msgspec.json.Decoder(Entry)


@dataclass(frozen=True)
class Place:
    """Where the bucket keeps failed records: an object of the error output, or a quarantine.

    Parameters
    ----------
    name, area
        The record type or delivery stream whose it is, and which of the two.
    key
        The object's key, or the prefix of the quarantine of one plan.
    objects
        Yields what is there, by the object that the records were in.
    """

    name: str
    area: Area
    key: str
    objects: Callable[[], Iterator[FailedObject]] = field(compare=False, repr=False)


def failed_places(
    store: Store, prefix: str, name: str, area: Area, owners: Owners | None = None
) -> Iterator[Place]:
    """Yield where the failed records of a record type, or of a delivery stream, are.

    Parameters
    ----------
    store
        The bucket.
    prefix
        The pipeline's key prefix, without a slash at its end.
    name, area
        Which to look for.
    owners
        Tells whose each record of the error output is. Without it, all records are of ``name``.
    """
    root = f"{prefix}/{area}/{name}/"
    if area == "errors":
        for each in store.objects(root):
            yield error_output(store, name, each, owners)
        return
    for plan in store.folders(root):
        yield quarantine_of(store, name, f"{root}{plan}/")


def error_output(
    store: Store, name: str, found: LandedObject, owners: Owners | None = None
) -> Place:
    """Return an object of a delivery stream's error output as a place."""
    objects = partial(_of_errors, store, name, found, owners)
    return Place(name, "errors", found.key, objects)


def quarantine_of(store: Store, record_type: str, folder: str) -> Place:
    """Return the quarantine of one plan, a prefix with a slash at its end, as a place."""
    objects = partial(_of_quarantine, store, record_type, folder)
    return Place(record_type, "quarantine", folder, objects)


def _of_errors(
    store: Store, name: str, found: LandedObject, owners: Owners | None
) -> Iterator[FailedObject]:
    day = _day(found.key) or found.last_modified.date().isoformat()

    def read() -> Iterator[FailedRecord]:
        for line in _lines(store, found.key, found.etag):
            yield _failed(line, found.key, day, name, owners)

    if owners is None:
        yield FailedObject(name, "errors", found.key, day, read)
        return
    parts = owners.parts(name)
    for part in parts:
        of_part = partial(_of_part, read, part, owners, last=part == parts[-1])
        yield FailedObject(part, "errors", found.key, day, read if len(parts) == 1 else of_part)


def _of_part(
    read: Callable[[], Iterator[FailedRecord]], part: str, owners: Owners, *, last: bool
) -> Iterator[FailedRecord]:
    try:
        for each in read():
            if owners.type_of(each.data) == part:
                yield each
    except UnreadableObject:
        # It is said once, and holds up no other part.
        if last:
            raise


def _failed(line: bytes, key: str, day: str, name: str, owners: Owners | None) -> FailedRecord:
    try:
        error = _error_line.decode(line)
        data = pybase64.b64decode(error.raw_data, None, True)
    except ValueError as problem:
        raise UnreadableObject(key, f"a line is not one of Firehose ({problem})") from None
    arrived = error.arrival_timestamp
    if arrived is not None:
        day = partition_date(arrived)
    elsewhere = owners is not None and not owners.answers(name, error.error_code, arrived)
    return FailedRecord(data, False, error.error_code, day, elsewhere)


def _of_quarantine(store: Store, record_type: str, folder: str) -> Iterator[FailedObject]:
    entries: dict[str, dict[tuple[str, int, str], Entry]] = {}
    etags: dict[str, str] = {}
    for each in store.objects(folder):
        etags[each.key] = each.etag
        if "/objects/" in each.key:
            continue
        for line in _lines(store, each.key, each.etag):
            try:
                entry = _entry.decode(line)
            except msgspec.DecodeError as problem:
                raise UnreadableObject(each.key, f"a line is no entry ({problem})") from None
            # Two attempts at a plan that ran different code may both have put it.
            entries.setdefault(entry.key, {})[entry.etag, entry.line, entry.kind] = entry
    for landed, of_object in sorted(entries.items()):
        yield _quarantined(store, record_type, landed, list(of_object.values()), etags)


def _quarantined(
    store: Store, record_type: str, landed: str, entries: list[Entry], etags: dict[str, str]
) -> FailedObject:
    day = _day(landed)

    def read() -> Iterator[FailedRecord]:
        in_copies: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.data is not None:
                yield FailedRecord(entry.data, True, entry.reason, day)
            else:
                in_copies.setdefault(entry.copy, []).append(entry)
        for copy, wanted in in_copies.items():
            if copy not in etags:
                raise UnreadableObject(copy, "an entry names this copy, and it is not there")
            yield from _of_copy(store, copy, etags[copy], wanted, day)

    return FailedObject(record_type, "quarantine", landed, day, read)


def _of_copy(
    store: Store, copy: str, etag: str, entries: list[Entry], day: str
) -> Iterator[FailedRecord]:
    single = {entry.line: entry for entry in entries if entry.kind == "line"}
    rest = min((entry for entry in entries if entry.kind != "line"), key=_first, default=None)
    first = None if rest is None else _first(rest)
    try:
        for number, line in enumerate(_lines(store, copy, etag, zipped=True), 1):
            entry = single.get(number)
            if entry is None and first is not None and number >= first:
                entry = rest
            if entry is not None:
                yield FailedRecord(line, True, entry.reason, day)
    except _Corrupt:
        if rest is None:
            raise
        # Nobody can read it, and that is why it is here: it counts as one record.
        yield FailedRecord(b"", True, rest.reason, day)


def _first(entry: Entry) -> int:
    return entry.line if entry.kind == "lines" else 1


def _lines(store: Store, key: str, etag: str, *, zipped: bool = False) -> Iterator[bytes]:
    """Yield an object's lines without their newlines; it may be gzip, whatever its name."""
    try:
        body = store.read(key, etag)
    except (Missing, Changed):
        raise UnreadableObject(key, "it was written again or removed; try again") from None
    with body:
        head = body.read(len(_GZIP))
        rest = _Rejoined(head, body)
        if zipped or head == _GZIP:
            kept = io.BytesIO(rest.read())
            try:
                unzipped = unzip(kept, _no_limit)
            except CorruptObject as error:
                raise _Corrupt(key, str(error)) from None
        else:
            unzipped = cast(BinaryIO, io.BufferedReader(rest))
        for lines, _ in batches(unzipped, _no_limit):
            # A line that is cut off is longer than any record. It counts: entries name lines by
            # their number.
            yield from lines


class _Rejoined(io.RawIOBase):
    """A body whose first bytes were read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer))
        piece, self._head = self._head or self._rest.read(len(view)), b""
        view[: len(piece)] = piece
        return len(piece)


def together(records: Iterable[FailedRecord], size: int) -> Iterator[list[FailedRecord]]:
    """Yield records in lists of a size, the last one shorter.

    Raises
    ------
    UnreadableObject
        By ``records``, after the records before it were given out.
    """
    found: list[FailedRecord] = []
    try:
        for each in records:
            found.append(each)
            if len(found) == size:
                yield found
                found = []
    except UnreadableObject:
        if found:
            yield found
        raise
    if found:
        yield found


def _no_limit() -> None:
    """Never end the reading."""


def _day(key: str) -> str:
    found = _DATE.search(key)
    return "-".join(found.groups()) if found else ""
