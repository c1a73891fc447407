"""The process's own folder, beside those of neighbours and of the dead."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from avro_writer.workspace import Workspace

_LIVE = """
import sys, pathlib
from avro_writer.workspace import Workspace
mine = Workspace(pathlib.Path(sys.argv[1]))
(mine.path / "file").write_bytes(b"x")
print(mine.path, flush=True)
sys.stdin.read()
"""


def start(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    """Start a process with a folder of its own, and return both."""
    process = subprocess.Popen(
        [sys.executable, "-c", _LIVE, str(parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_the_living_have_stays_and_what_the_dead_have_left_goes(tmp_path: Path) -> None:
    first, of_first = start(tmp_path)
    second, of_second = start(tmp_path)
    try:
        assert (of_first / "file").exists(), "a cold start leaves its neighbour alone"
        assert of_first != of_second
        first.send_signal(signal.SIGKILL)
        first.communicate()
        mine = Workspace(tmp_path)
        assert sorted(tmp_path.iterdir()) == sorted([of_second, mine.path])
        assert (of_second / "file").exists()
    finally:
        second.communicate()


@pytest.mark.parametrize(("module", "step"), [(os, "open"), (fcntl, "flock")])
def test_a_folder_that_is_cleared_before_it_is_locked_is_made_anew(
    module: Any, step: str, tmp_path: Path
) -> None:
    real, folders = getattr(module, step), list[Path]()

    def slow(*arguments: Any, **given: Any) -> Any:
        if not folders:
            folders.extend(tmp_path.iterdir())
            shutil.rmtree(folders[0])
        return real(*arguments, **given)

    with mock.patch.object(module, step, slow):
        mine = Workspace(tmp_path)
    assert list(tmp_path.iterdir()) == [mine.path] != folders


def test_what_is_not_the_writers_stays(tmp_path: Path) -> None:
    (tmp_path / "avro-writer-file").write_bytes(b"")
    (tmp_path / "other").mkdir()
    (tmp_path / "avro-writer-link").symlink_to(tmp_path / "other")
    before = set(tmp_path.iterdir())
    mine = Workspace(tmp_path)
    assert set(tmp_path.iterdir()) == {*before, mine.path}
