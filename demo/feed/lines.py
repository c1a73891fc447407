"""Reads a user's own change records from a file, one JSON object per line."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from console.errors import CommandError
from demo.feed.recognize import HEAD_BYTES, UTF8_MARK, refusal
from demo.feed.stream import StreamRecord


class InputError(CommandError):
    """The input file cannot be read."""


def read_lines(source: str) -> Iterator[StreamRecord]:
    """Yield each line of a file, unchanged and even if broken, as a record of the stream.

    Only a byte order mark at the beginning is left out.

    Parameters
    ----------
    source
        A path that ends in ``.gz`` if the file is gzip; ``-`` is standard input.

    Raises
    ------
    InputError
        The file is missing, unreadable, or corrupt, or it does not have change records.
    """
    with _opened(source) as (file, name):
        yield from _records(file, name)


def size_of_input(source: str) -> int | None:
    """Return the size of the input in bytes, or None if it is not known before reading."""
    path = Path(source)
    known = source != "-" and path.suffix != ".gz" and path.is_file()
    return path.stat().st_size if known else None


def check_input(source: str) -> None:
    """Raise `InputError` if a file cannot be fed, before anything is started for it."""
    if source == "-":
        _check_standard_input()
        return
    # Without opening the file: a named pipe would lose its writer.
    if not source or not Path(source).exists():
        raise InputError(f"cannot read the input {source!r}: there is no such file")
    if Path(source).is_dir():
        raise InputError(f"cannot read the input {source!r}: it is a folder")
    if not os.access(source, os.R_OK):
        raise InputError(f"cannot read the input {source!r}: permission denied")
    if Path(source).is_file():
        with _opened(source) as (file, name):
            _check_head(file.read(HEAD_BYTES), name)


@contextmanager
def _opened(source: str) -> Iterator[tuple[BinaryIO, str]]:
    """Open an input, unzipped; give it a name for errors."""
    try:
        if source == "-":
            if sys.stdin is None:
                raise InputError("cannot read the input: standard input is closed")
            yield sys.stdin.buffer, "standard input"
            return
        path = Path(source)
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield file, source  # type: ignore[misc]
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"cannot read the input {source}: {error}. "
            "Give a file of change records, one JSON object per line (.gz if gzip), or - for stdin"
        ) from None


def _check_standard_input() -> None:
    peek = getattr(getattr(sys.stdin, "buffer", None), "peek", None)
    # Nobody types the first line before the run asks for it.
    if peek is not None and not sys.stdin.isatty():
        _check_head(peek(HEAD_BYTES), "standard input")


def _check_head(head: bytes, name: str) -> None:
    problem = refusal(head)
    if problem is not None:
        raise InputError(f"cannot feed {name}: {problem}")


def _lines(file: BinaryIO, name: str) -> Iterator[bytes]:
    head = file.read(HEAD_BYTES)
    _check_head(head, name)
    # The head ends somewhere in a line.
    head += file.readline()
    yield from io.BytesIO(head.removeprefix(UTF8_MARK))
    yield from file


def _records(file: BinaryIO, name: str) -> Iterator[StreamRecord]:
    for number, line in enumerate(_lines(file, name), 1):
        data = line.removesuffix(b"\n")
        # DynamoDB partitions by the item's key. A line may be broken, so its bytes serve as key.
        key = blake2b(data, digest_size=16).hexdigest()
        yield StreamRecord(data, key, f"{name}, line {number}")
