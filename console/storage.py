"""What a command says when it cannot write: which path, and what to do about it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.errors import CannotWriteError

TEMPORARY_REMEDY = "set TMPDIR to a folder on a disk with free space"
"""What a user can do when a temporary file cannot be written."""


@contextmanager
def writing(place: Path | str, remedy: str = "") -> Iterator[None]:
    """Name the place in an error of the operating system that writing to it raises.

    Parameters
    ----------
    place
        A file or a folder, or a name of something else that is written, such as
        ``the standard output``.
    remedy
        What the user can do, for example ``name another folder``.

    Raises
    ------
    CannotWriteError
        It cannot be written; the disk may be full.
    """
    try:
        yield
    except CannotWriteError as error:
        # What wrote it knew the path; what called that may know what to do about it.
        raise CannotWriteError(error.problem, error.remedy or remedy) from error
    except ConnectionError:
        raise
    except OSError as error:
        if error.errno is None:
            # It comes from a library, which knows of no disk.
            raise
        # Writing to an open file raises an error without a path; only the caller knows it.
        # An error of two paths, as from copying, names the target second.
        found = error.filename2 or error.filename or place
        raise CannotWriteError(f"cannot write to {found}: {error.strerror}", remedy) from error


def check_writable(folder: Path, remedy: str = "name another folder") -> None:
    """Make a folder unless it exists, and make sure that a file can be written there.

    Raises
    ------
    CannotWriteError
        It cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        raise CannotWriteError(f"cannot write to {folder}: {error.strerror}", remedy) from error
