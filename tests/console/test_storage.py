"""What cannot be written is named."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest

from console.errors import CannotWriteError
from console.storage import check_writable, writing

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_names_the_file_although_the_error_does_not(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.symlink_to(FULL)
    with (
        pytest.raises(CannotWriteError, match=f"cannot write to {path}: No space left on device$"),
        writing(path),
    ):
        path.write_text("x")


def test_the_path_that_an_error_names_is_more_exact(tmp_path: Path) -> None:
    with (
        pytest.raises(CannotWriteError, match="below/file: No such file or directory; stop"),
        writing(tmp_path, "stop"),
    ):
        (tmp_path / "below" / "file").write_text("x")


def test_of_two_paths_the_one_that_is_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotWriteError, match="cannot write to target: No space"), writing("it"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "source", None, "target")


def test_an_outer_remedy_completes_an_inner_error() -> None:
    with (
        pytest.raises(CannotWriteError, match=r"cannot write to a: Read-only file .*; do that$"),
        writing("b", "do that"),
        writing("a"),
    ):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))


@pytest.mark.parametrize(
    "error", [BrokenPipeError(errno.EPIPE, "Broken pipe"), io.UnsupportedOperation("no")]
)
def test_what_says_nothing_of_a_disk_passes_through(error: OSError) -> None:
    with pytest.raises(type(error)), writing("a"):
        raise error


def test_a_folder_that_cannot_be_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "below"
    with pytest.raises(
        CannotWriteError, match=f"cannot write to {folder}: Not a directory; name another folder"
    ):
        check_writable(folder)


def test_a_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []
