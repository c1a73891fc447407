"""A full disk while packages are built: the path is named, and nothing half-written stays."""

from __future__ import annotations

import errno
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from console.errors import CannotWriteError
from release import archive, wheels
from release.wheels import Target


def no_space(*_: Any, **__: Any) -> None:
    """As a write to an open file fails: without a path."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_archive_is_named_and_the_one_before_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.zip"
    (tmp_path / "a").write_text("a")
    archive.write_archive(path, {"a": tmp_path / "a"})
    before = path.read_bytes()
    monkeypatch.setattr(zipfile.ZipFile, "writestr", no_space)
    with pytest.raises(CannotWriteError, match=f"cannot write to {path}: No space left on device"):
        archive.write_archive(path, {"a": tmp_path / "a"})
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "some.zip"]


def test_where_pip_unpacks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lock.txt").touch()
    said = (
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"
    )
    monkeypatch.setattr(
        subprocess,
        "run",
        lambda command, **_: subprocess.CompletedProcess(command, 1, "", said),
    )
    into = tmp_path / "into"
    with pytest.raises(CannotWriteError, match=f"cannot write to {into}: No space .*set TMPDIR"):
        wheels.install(Target.LOCAL, lock=tmp_path / "lock.txt", into=into)
