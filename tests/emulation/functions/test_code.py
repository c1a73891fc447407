"""The functions' packages, unpacked before anything runs."""

from __future__ import annotations

import errno
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from console.errors import CannotWriteError
from emulation.functions.code import DeployedCode


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "packages"
    folder.mkdir()
    for name in ("one", "two"):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as package:
            package.writestr("handler.py", f"NAME = {name!r}\n")
    return folder


def test_every_package_is_unpacked(packages: Path, tmp_path: Path) -> None:
    DeployedCode(packages, tmp_path / "root").unpack()
    unpacked = [path.read_text() for path in (tmp_path / "root").rglob("handler.py")]
    assert sorted(unpacked) == ["NAME = 'one'\n", "NAME = 'two'\n"]


def test_a_full_disk_names_the_folder_and_what_to_do(
    packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(zipfile.ZipFile, "extractall", no_space)
    root = tmp_path / "root"
    with pytest.raises(
        CannotWriteError, match=f"cannot write to {root}/.*: No space left on device; set TMPDIR"
    ):
        DeployedCode(packages, root).unpack()
