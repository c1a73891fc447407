"""A choice: which records of one source are replayed together, with the rows that they become.

It is written down once, before the first of its Avro files, and never changes. The rows and the
schema are in it, so whoever finishes it, with whatever code, writes the same rows.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import msgspec

from ops.errors import ReplayError

_FORMAT = 1
_DIGEST_BYTES = 16
_ID_DIGITS = 16


class _Header(msgspec.Struct):
    format: int
    source: str
    made_at: str
    made_by: str
    marks: list[str]
    schema: dict[str, Any]


class Done(msgspec.Struct, frozen=True):
    """What a choice came to, when all of its Avro files are there.

    Parameters
    ----------
    source
        What was replayed: a key of the bucket, or another name.
    made_at
        When it was chosen, UTC, in ISO 8601.
    made_by
        The run that chose it.
    marks
        The marks of the records.
    rows, repeats, files
        Rows written, rows left out because the choice has them already, and Avro files.
    """

    source: str
    made_at: str
    made_by: str
    marks: list[str]
    rows: int
    repeats: int
    files: int


@dataclass(frozen=True)
class Choice:
    """The records that are replayed together.

    Parameters
    ----------
    source
        What they are from: a key of the bucket, or another name.
    made_at
        When they were chosen, aware.
    made_by
        An identifier of the run that chose them.
    marks
        What tells each record from the others of the source.
    rows
        The landed line of each row.
    schema
        The Avro schema to write with, as JSON values.
    """

    source: str
    made_at: datetime
    made_by: str
    marks: tuple[str, ...]
    rows: tuple[bytes, ...]
    schema: dict[str, Any]

    def encode(self) -> bytes:
        """Return the choice as an object of the bucket: gzip of JSON lines, first the header."""
        header = _Header(
            _FORMAT,
            self.source,
            self.made_at.astimezone(UTC).isoformat(),
            self.made_by,
            list(self.marks),
            self.schema,
        )
        lines = [msgspec.json.encode(header), *self.rows, b""]
        return gzip.compress(b"\n".join(lines), 6, mtime=0)

    def file_id(self, number: int) -> str:
        """Return the name of its Avro files, from its number among the choices of its source.

        It begins with a time, as the names of the Avro writer's files do.
        """
        time = self.made_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S%f")[:-3]
        return f"{time}Z-replay-{digest(self.source)[:_ID_DIGITS]}-{number}"


def decode(key: str, body: bytes) -> Choice:
    """Return the choice that an object of the bucket holds.

    Raises
    ------
    ReplayError
        It was made by a newer version, or is damaged.
    """
    try:
        first, *rows = gzip.decompress(body).split(b"\n")[:-1]
        header = msgspec.json.decode(first, type=_Header)
        made_at = datetime.fromisoformat(header.made_at)
    except (ValueError, OSError, EOFError) as error:
        raise ReplayError(
            f"{key} is not a choice that this version can read ({error}): finish it with the "
            "version that made it"
        ) from None
    if header.format != _FORMAT:
        raise ReplayError(
            f"{key} has format {header.format}, and this version knows {_FORMAT}: finish it with "
            "the version that made it"
        )
    return Choice(
        header.source, made_at, header.made_by, tuple(header.marks), tuple(rows), header.schema
    )


def digest(source: str) -> str:
    """Return what stands for a source in names."""
    return blake2b(source.encode(), digest_size=_DIGEST_BYTES).hexdigest()
