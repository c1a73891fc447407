"""A landed object's lines: the object is checked whole before its first line is looked at."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from isal import igzip, isal_zlib

# Up to this an object's lines are kept in memory; those of a larger one are unzipped twice, which
# takes no disk at all and less time than to write them there.
_MEMORY_BYTES = 8 * 1024 * 1024
_PIECE = 256 * 1024
# Lines are given out about so many bytes at a time: enough to do each thing many times in turn, and
# few enough for their rows to stay in the processor's cache.
_BATCH_BYTES = 48 * 1024
# Four of the largest buffers that Firehose has. What is larger was not landed by Firehose, and
# could take a run more time or memory than it has.
MOST_OBJECT_BYTES = 512 * 1024 * 1024
# No row can be longer: an answer of the transform has at most 6 MB for all of its rows.
MOST_LINE_BYTES = 8 * 1024 * 1024

# isal's stub has the exception as an instance.
_BROKEN = (gzip.BadGzipFile, EOFError, cast(type[Exception], isal_zlib.error))


class CorruptObject(Exception):
    """A landed object whose lines cannot be read to the end; its text says why."""


def unzip(
    body: BinaryIO, check_time: Callable[[], None], most_bytes: int = MOST_OBJECT_BYTES
) -> BinaryIO:
    """Return a landed object's unzipped bytes, when they are known to be whole.

    gzip's checksum stands at the end, and rows of an object that turns out to be corrupt must not
    be written: the whole object is unzipped before its first line is given out.

    Parameters
    ----------
    body
        The object's bytes; to be left open while the unzipped bytes are read.
    check_time
        Called often; raises when the run has no time left.
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
        with _opened(body) as unzipped:
            while piece := unzipped.read(_PIECE):
                check_time()
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
    # Around it, since GzipFile finds the ends of lines in Python.
    return io.BufferedReader(cast(io.RawIOBase, _opened(body)), _PIECE)


def _opened(body: BinaryIO) -> BinaryIO:
    # ISA-L's inflate, behind the standard library's interface: half of zlib's time.
    return cast(BinaryIO, igzip.IGzipFile(fileobj=body, mode="rb"))  # type: ignore[no-untyped-call]


def batches(
    unzipped: BinaryIO, check_time: Callable[[], None]
) -> Iterator[tuple[list[bytes], bool]]:
    """Yield an object's lines without their newlines, some dozens at a time.

    With them comes whether the last is cut off: of a line of more than ``MOST_LINE_BYTES`` so many
    are given. When lines are given out, all of them and none that follows is read.

    Parameters
    ----------
    unzipped
        What `unzip` has returned.
    check_time
        Called often; raises when the run has no time left.
    """
    while read := unzipped.read(_BATCH_BYTES):
        check_time()
        # One byte more than a line may have, so that a line which is cut off shows that it is.
        read += unzipped.readline(MOST_LINE_BYTES + 1)
        lines = read.split(b"\n")
        if not lines[-1]:
            del lines[-1]
        cut_off = len(lines[-1]) > MOST_LINE_BYTES
        if cut_off:
            lines[-1] = lines[-1][:MOST_LINE_BYTES]
            if not read.endswith(b"\n"):
                _skip_line(unzipped, check_time)
        yield lines, cut_off


def _skip_line(unzipped: BinaryIO, check_time: Callable[[], None]) -> None:
    while (piece := unzipped.readline(_PIECE)) and not piece.endswith(b"\n"):
        check_time()


def count_lines(unzipped: BinaryIO, check_time: Callable[[], None]) -> int:
    """Return how many lines are left; the parameters are those of `batches`."""
    count = 0
    end = b"\n"
    while piece := unzipped.read(_PIECE):
        check_time()
        count += piece.count(b"\n")
        end = piece[-1:]
    return count + (end != b"\n")
