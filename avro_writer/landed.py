"""A landed object's lines: the object is checked whole before its first line is looked at."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

# Up to this an object's lines are kept in memory; those of a larger one are unzipped twice, which
# takes no disk at all and less time than to write them there.
_MEMORY_BYTES = 8 * 1024 * 1024
_PIECE = 256 * 1024
# Four of the largest buffers that Firehose has. What is larger was not landed by Firehose, and
# could take a run more time or memory than it has.
MOST_OBJECT_BYTES = 512 * 1024 * 1024
# No row can be longer: an answer of the transform has at most 6 MB for all of its rows.
MOST_LINE_BYTES = 8 * 1024 * 1024

_BROKEN = (gzip.BadGzipFile, EOFError, zlib.error)


class CorruptObject(Exception):
    """A landed object whose lines cannot be read to the end; its text says why."""


def unzip(body: BinaryIO, most_bytes: int = MOST_OBJECT_BYTES) -> BinaryIO:
    """Return a landed object's unzipped bytes, when they are known to be whole.

    gzip's checksum stands at the end, and rows of an object that turns out to be corrupt must not
    be written: the whole object is unzipped before its first line is given out.

    Parameters
    ----------
    body
        The object's bytes; to be left open while the unzipped bytes are read.
    most_bytes
        Most that it may have unzipped.

    Raises
    ------
    CorruptObject
        The object is empty, not gzip, cut off, too large, or its checksum does not hold.
    """
    kept: io.BytesIO | None = io.BytesIO()
    size = 0
    try:
        with gzip.GzipFile(fileobj=body, mode="rb") as unzipped:
            while piece := unzipped.read(_PIECE):
                size += len(piece)
                if size > most_bytes:
                    raise CorruptObject(f"more than {most_bytes} bytes unzipped")
                if size > _MEMORY_BYTES:
                    kept = None
                if kept is not None:
                    kept.write(piece)
    except _BROKEN as error:
        raise CorruptObject(f"not a whole gzip file: {error}") from None
    if size == 0:
        raise CorruptObject("the object is empty")
    if kept is not None:
        kept.seek(0)
        return kept
    body.seek(0)
    again = gzip.GzipFile(fileobj=body, mode="rb")
    # Around it, since GzipFile finds the ends of lines in Python.
    return io.BufferedReader(cast(io.RawIOBase, again), _PIECE)


def lines(unzipped: BinaryIO) -> Iterator[tuple[int, bytes, Iterator[bytes] | None]]:
    """Yield number (from 1), bytes without the newline, and the rest of each line.

    The rest is None but for a line of more than ``MOST_LINE_BYTES``: it comes cut off there, and
    what follows comes piece by piece, to be taken before the next line is asked for.
    """
    number = 0
    while line := unzipped.readline(MOST_LINE_BYTES + 1):
        number += 1
        if line.endswith(b"\n"):
            yield number, line[:-1], None
        elif len(line) <= MOST_LINE_BYTES:
            yield number, line, None
        else:
            rest = _rest_of_line(unzipped)
            yield number, line, rest
            for _ in rest:
                pass


def _rest_of_line(unzipped: BinaryIO) -> Iterator[bytes]:
    while piece := unzipped.readline(_PIECE):
        if piece.endswith(b"\n"):
            yield piece[:-1]
            return
        yield piece
