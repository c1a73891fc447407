"""What cannot become Avro: kept with its reason, so that it can be mended and replayed.

A plan's quarantine is a folder: ``entries-<digest>.jsonl.gz`` has one JSON object an entry, and
``objects/`` has landed objects as they landed. Every entry has ``kind``, the landed object's
``key`` and ``etag``, and ``reason``:

``line``
    One bad line: ``line`` is its number, from 1. Its bytes are in ``data`` (base64), or in the copy
    of its object, whose key ``copy`` is.
``lines``
    So many ``lines`` from number ``line`` on, to the object's end, which nobody has looked at: the
    object had too many bad ones before. They are in the copy.
``object``
    The whole object, in the copy.

All of it is a function of each landed object alone, and named by its key and ETag: whichever
attempt at a plan comes to it, it is the same entry and the same copy. All of it waits on local disk
until the plan's inputs are fixed, and is put before any Avro file is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal, Self

import msgspec
from isal import igzip

from avro_writer.plan import Input
from avro_writer.store import AlreadyThere, Store

# Of one landed object. What is more costs time and disk for what its copy says as well
# (docs/decisions/bad-lines.md).
_MOST_LINES = 100_000
_MOST_DATA_BYTES = 1024 * 1024
_PIECE = 256 * 1024
_DIGEST_DIGITS = 32
# A reason may quote what it is about, and that may be megabytes.
_MOST_REASON_CHARACTERS = 200
# The end of a landed object's name stands in that of its copy, for who looks for it. S3's keys have
# 1,024 bytes, and a character up to four.
_MOST_NAME_CHARACTERS = 64


class Entry(msgspec.Struct, omit_defaults=True):
    """An entry of the quarantine; the module says what its fields mean."""

    kind: Literal["line", "lines", "object"]
    key: str
    etag: str
    reason: str
    line: int = 0
    lines: int = 0
    data: bytes | None = None
    copy: str = ""


class Quarantine:
    """The quarantine of one plan; a context manager that closes its local file.

    Parameters
    ----------
    folder
        On local disk, for the entries and the bad objects.
    prefix
        The plan's quarantine prefix in the bucket, with a slash at its end.
    store
        Where they are put.
    """

    def __init__(self, folder: Path, prefix: str, store: Store) -> None:
        self._prefix = prefix
        self.lines = 0
        self.objects = 0
        self._folder = folder
        self._store = store
        self._copies: dict[str, Path] = {}
        self._copied_bytes = 0
        self._raw: BinaryIO | None = None
        self._zipped: igzip.IGzipFile | None = None
        self._waiting = bytearray()
        self._digest = hashlib.sha256()
        self._encoder = msgspec.json.Encoder()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._zipped is not None and self._raw is not None:
            self._zipped.close()
            self._raw.close()

    @property
    def copies(self) -> int:
        """Landed objects that are copied."""
        return len(self._copies)

    @property
    def size(self) -> int:
        """Bytes on local disk, but for what is about to be written."""
        return self._copied_bytes + (0 if self._raw is None else self._raw.tell())

    def of(self, source: Input) -> BadParts:
        """Return what takes the bad parts of one landed object."""
        return BadParts(self, source)

    def add(self, entry: Entry) -> None:
        """Keep an entry."""
        self._waiting += self._encoder.encode(entry)
        self._waiting += b"\n"
        if len(self._waiting) > _PIECE:
            self._write()

    def copy_key(self, source: Input) -> str:
        """Return the key of a landed object's copy."""
        digest = hashlib.sha256(f"{source.key}\n{source.etag}".encode()).hexdigest()
        name = source.key.rsplit("/", 1)[-1][-_MOST_NAME_CHARACTERS:]
        return f"{self._prefix}objects/{digest[:_DIGEST_DIGITS]}-{name}"

    def copy(self, key: str, body: BinaryIO, check_time: Callable[[], None]) -> None:
        """Keep a landed object's bytes under a key of the bucket."""
        # To disk and not to the bucket yet: the plan may still be cut before this object.
        self._copies[key] = self._folder / f"copy-{len(self._copies)}"
        body.seek(0)
        with self._copies[key].open("wb") as file:
            while piece := body.read(_PIECE):
                check_time()
                file.write(piece)
                self._copied_bytes += len(piece)

    def put(self, check_time: Callable[[], None]) -> None:
        """Put the bad objects and the entries into the bucket, if there are any.

        Parameters
        ----------
        check_time
            Called before each put; raises when the run has no time left.
        """
        for copy, path in self._copies.items():
            check_time()
            with path.open("rb") as body:
                self._create(copy, body)
        self._write()
        if self._zipped is None or self._raw is None:
            return
        self._zipped.close()
        self._raw.flush()
        self._raw.seek(0)
        check_time()
        # Another attempt may run other code and find other lines bad. What both find is kept, and
        # since it is kept before any Avro file is put, no line of a file's inputs is in neither.
        digest = self._digest.hexdigest()[:_DIGEST_DIGITS]
        self._create(f"{self._prefix}entries-{digest}.jsonl.gz", self._raw)

    def _create(self, key: str, body: BinaryIO) -> None:
        try:
            self._store.create(key, body)
        except AlreadyThere:
            # An earlier attempt at this plan put it; the inputs are the same, and so is this.
            return

    def _write(self) -> None:
        if not self._waiting:
            return
        if self._zipped is None:
            self._raw = (self._folder / "entries.jsonl.gz").open("w+b")
            self._zipped = igzip.IGzipFile("", "wb", fileobj=self._raw, mtime=0)  # type: ignore[no-untyped-call]
        # Of what is unzipped: the next version of a library may zip it otherwise.
        self._digest.update(self._waiting)
        self._zipped.write(self._waiting)  # type: ignore[no-untyped-call]
        self._waiting.clear()


class BadParts:
    """Takes the bad parts of one landed object; made by `Quarantine.of`."""

    def __init__(self, quarantine: Quarantine, source: Input) -> None:
        self._quarantine = quarantine
        self._source = source
        self._lines = self._data_bytes = 0
        self._copy = ""

    @property
    def too_many(self) -> bool:
        """Whether so many lines are bad that the others are not worth a look."""
        return self._lines >= _MOST_LINES

    def add_line(self, number: int, reason: str, line: bytes | None) -> None:
        """Keep a bad line.

        Parameters
        ----------
        number
            The line's number in its object, from 1.
        reason
            Why it is here.
        line
            Its bytes; None if it is too long to be read.
        """
        self._lines += 1
        self._quarantine.lines += 1
        entry = self._entry("line", reason)
        entry.line = number
        if line is not None and self._data_bytes + len(line) <= _MOST_DATA_BYTES:
            self._data_bytes += len(line)
            entry.data = line
        else:
            self._in_the_copy(entry)
        self._quarantine.add(entry)

    def add_rest(self, number: int, count: int) -> None:
        """Keep the lines from a number on, to the object's end."""
        self._quarantine.lines += count
        entry = self._entry("lines", f"not looked at: {self._lines} lines before it are bad")
        entry.line, entry.lines = number, count
        self._in_the_copy(entry)
        self._quarantine.add(entry)

    def add_whole(self, reason: str) -> None:
        """Keep the object as it is."""
        self._quarantine.objects += 1
        entry = self._entry("object", reason)
        self._in_the_copy(entry)
        self._quarantine.add(entry)

    def end(self, body: BinaryIO, check_time: Callable[[], None]) -> None:
        """Keep the copy, if an entry needs one; there may be no more of them.

        Parameters
        ----------
        body
            The object's bytes as they landed.
        check_time
            Called often; raises when the run has no time left.
        """
        if self._copy:
            self._quarantine.copy(self._copy, body, check_time)

    def _entry(self, kind: Literal["line", "lines", "object"], reason: str) -> Entry:
        return Entry(kind, self._source.key, self._source.etag, reason[:_MOST_REASON_CHARACTERS])

    def _in_the_copy(self, entry: Entry) -> None:
        self._copy = self._copy or self._quarantine.copy_key(self._source)
        entry.copy = self._copy
