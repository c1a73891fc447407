"""A landed object's lines: unzipped to a bounded place, whole or not at all."""

from __future__ import annotations

import gzip
import shutil
import zlib
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

# Above this an object's lines wait on disk instead of in memory.
_MEMORY_BYTES = 8 * 1024 * 1024
_PIECE = 256 * 1024
# No row can be longer: an answer of the transform has at most 6 MB for all of its rows.
MOST_LINE_BYTES = 8 * 1024 * 1024


class CorruptObject(Exception):
    """A landed object that cannot be unzipped to its end; its text says why."""


def unzip(body: BinaryIO, folder: str) -> BinaryIO:
    """Return a landed object's unzipped bytes, in memory if they are few and on disk if not.

    The whole object is unzipped before its first line is looked at: gzip's checksum stands at the
    end, and rows of an object that turns out to be corrupt must not be written.

    Parameters
    ----------
    body
        The object's bytes.
    folder
        Where on local disk.

    Raises
    ------
    CorruptObject
        The object is empty, not gzip, cut off, or its checksum does not hold.
    """
    spool = cast(BinaryIO, SpooledTemporaryFile(max_size=_MEMORY_BYTES, dir=folder))  # noqa: SIM115
    try:
        with gzip.GzipFile(fileobj=body, mode="rb") as unzipped:
            if not unzipped.peek(1):
                raise CorruptObject("the object is empty")
            shutil.copyfileobj(unzipped, spool, _PIECE)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        spool.close()
        raise CorruptObject(f"not a whole gzip file: {error}") from None
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool


def lines(spool: BinaryIO) -> Iterator[tuple[int, bytes, Iterator[bytes] | None]]:
    """Yield number (from 1), bytes without the newline, and the rest of each line.

    The rest is None but for a line of more than ``MOST_LINE_BYTES``: it comes cut off there, and
    what follows comes piece by piece, to be taken before the next line is asked for.
    """
    number = 0
    while line := spool.readline(MOST_LINE_BYTES + 1):
        number += 1
        if line.endswith(b"\n"):
            yield number, line[:-1], None
        elif len(line) <= MOST_LINE_BYTES:
            yield number, line, None
        else:
            rest = _rest_of_line(spool)
            yield number, line, rest
            for _ in rest:
                pass


def _rest_of_line(spool: BinaryIO) -> Iterator[bytes]:
    while piece := spool.readline(_PIECE):
        if piece.endswith(b"\n"):
            yield piece[:-1]
            return
        yield piece
