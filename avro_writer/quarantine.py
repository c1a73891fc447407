"""What cannot become Avro: kept with its reason, so that it can be mended and replayed.

A plan's quarantine is a folder: ``entries-<digest>.jsonl.gz`` has one JSON object for each bad line
or object, and ``objects/`` has the bad objects as they landed. An entry has ``kind`` (``line`` or
``object``), ``key`` and ``etag`` of the landed object, and ``reason``; a line's also ``line`` (the
number, from 1) and ``data`` (base64 of the line), an object's ``copy`` (the key of its copy).

All of it waits on local disk until the plan's inputs are fixed, and is put before any Avro file is.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from binascii import b2a_base64
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, Self

from avro_writer.plan import Input
from avro_writer.store import AlreadyThere, Store

# A multiple of three: base64 of the pieces is the pieces of base64.
_PIECE = 3 * 256 * 1024
_DIGEST_DIGITS = 16
# A reason may quote what it is about, and that may be megabytes.
_MOST_REASON_CHARACTERS = 200


class Quarantine:
    """The quarantine of one plan; a context manager that closes its local file.

    Parameters
    ----------
    folder
        On local disk, for the entries and the bad objects.
    prefix
        The plan's quarantine prefix in the bucket, with a slash at its end.
    store
        Where bad objects are copied to.
    """

    def __init__(self, folder: Path, prefix: str, store: Store) -> None:
        self._folder = folder
        self._path = folder / "entries.jsonl.gz"
        self._copies: dict[str, Path] = {}
        self._prefix = prefix
        self._store = store
        self._raw: BinaryIO | None = None
        self._entries: gzip.GzipFile | None = None
        self.lines = 0
        self.objects = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._entries is not None and self._raw is not None:
            self._entries.close()
            self._raw.close()

    def add_line(self, source: Input, number: int, reason: str, pieces: Iterable[bytes]) -> None:
        """Keep a bad line.

        Parameters
        ----------
        source
            The landed object that the line is from.
        number
            The line's number there, from 1.
        reason
            Why it is here.
        pieces
            The line's bytes, piece by piece: a line may be larger than memory.
        """
        entry = {"kind": "line", "key": source.key, "etag": source.etag, "line": number}
        self._begin({**entry, "reason": reason[:_MOST_REASON_CHARACTERS]})
        self._write(b', "data": "')
        rest = b""
        for piece in pieces:
            rest += piece
            whole = len(rest) - len(rest) % _PIECE
            for at in range(0, whole, _PIECE):
                self._write(b2a_base64(rest[at : at + _PIECE], newline=False))
            rest = rest[whole:]
        self._write(b2a_base64(rest, newline=False) + b'"}\n')
        self.lines += 1

    def add_object(self, source: Input, place: int, reason: str, body: BinaryIO) -> None:
        """Keep a bad object: its bytes, and an entry.

        Parameters
        ----------
        source
            The landed object.
        place
            Its place among the plan's inputs, which makes the copy's key unique.
        reason
            Why it is here.
        body
            The object's bytes as they landed.
        """
        name = source.key.rsplit("/", 1)[-1]
        copy = f"{self._prefix}objects/{place:06d}-{name}"
        entry = {"kind": "object", "key": source.key, "etag": source.etag, "reason": reason}
        self._begin({**entry, "copy": copy})
        self._write(b"}\n")
        # To disk and not to the bucket yet: the plan may still be cut before this object.
        self._copies[copy] = self._folder / f"object-{place:06d}"
        with self._copies[copy].open("wb") as file:
            shutil.copyfileobj(body, file)
        self.objects += 1

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
        if self._entries is None or self._raw is None:
            return
        self._entries.close()
        self._raw.flush()
        self._raw.seek(0)
        # Another attempt may run other code and find other lines bad. What both find is kept, and
        # since it is kept before any Avro file is put, no line of a file's inputs is in neither.
        with self._path.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()[:_DIGEST_DIGITS]
        check_time()
        self._create(f"{self._prefix}entries-{digest}.jsonl.gz", self._raw)

    def _create(self, key: str, body: BinaryIO) -> None:
        try:
            self._store.create(key, body)
        except AlreadyThere:
            # An earlier attempt at this plan put it; the inputs are the same, and so is this.
            return

    def _begin(self, entry: dict[str, object]) -> None:
        if self._entries is None:
            self._raw = self._path.open("w+b")
            self._entries = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, mtime=0)
        self._write(json.dumps(entry).encode()[:-1])

    def _write(self, data: bytes) -> None:
        if self._entries is None:
            raise RuntimeError("an entry has to be begun first")
        self._entries.write(data)
