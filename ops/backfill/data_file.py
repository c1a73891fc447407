"""One data file of an export: checked whole before its first line is used."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from isal import igzip, isal_zlib

from avro_writer.landed import batches
from ops.backfill.errors import DataFileError
from ops.backfill.manifest import DataFile

_PIECE = 256 * 1024
# isal's stub has the exception as an instance.
_BROKEN = (gzip.BadGzipFile, EOFError, cast(type[Exception], isal_zlib.error))


@contextmanager
def checked(body: BinaryIO, file: DataFile) -> Iterator[Iterator[list[bytes]]]:
    """Check a data file against its manifest; yield its lines, some dozens at a time.

    The file is read twice, first to check it. It never is in memory as a whole.

    Parameters
    ----------
    body
        The file's bytes, at their beginning. They are closed at the end.
    file
        What the manifest says of it.

    Raises
    ------
    DataFileError
        The bytes have another digest, they are not gzip, or the number of lines is another.
    """
    with body:
        digest = hashlib.md5(usedforsecurity=False)
        while piece := body.read(_PIECE):
            digest.update(piece)
        if digest.digest() != file.md5:
            raise DataFileError(
                "its MD5 digest is not that of the manifest: it was changed or cut off. Copy it "
                "again, or export the table again"
            )
        lines = _count(_unzipped(body))
        if lines != file.items:
            raise DataFileError(
                f"it has {lines:,} items, and the manifest says {file.items:,}: export the table "
                "again"
            )
        yield (found for found, _ in batches(_unzipped(body), lambda: None))


def _unzipped(body: BinaryIO) -> BinaryIO:
    body.seek(0)
    raw = cast(io.RawIOBase, igzip.IGzipFile(fileobj=body, mode="rb"))  # type: ignore[no-untyped-call]
    return io.BufferedReader(raw, _PIECE)


def _count(unzipped: BinaryIO) -> int:
    count, last = 0, b"\n"
    try:
        while piece := unzipped.read(_PIECE):
            count += piece.count(b"\n")
            last = piece[-1:]
    except _BROKEN as error:
        raise DataFileError(f"it is not a whole gzip file ({error}): export again") from None
    return count + (last != b"\n")
