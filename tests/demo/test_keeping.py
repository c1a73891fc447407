"""Where a run is kept, and what is said where it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from console.errors import CannotWriteError, CommandError
from console.progress import Progress
from console.state import state_directory
from console.storage import writing
from demo.action import _keep_last_run
from demo.run import FinishedRun
from tests.support.cli import dmd

FULL = Path("/dev/full")


class Run:
    """A finished run, whose export writes one file."""

    def __init__(self, text: str, full: bool = False) -> None:
        self.text = text
        self.full = full

    def export(self, folder: Path, progress: Progress) -> None:
        folder.mkdir()
        path = folder / "catalog.json"
        if self.full:
            path.symlink_to(FULL)
        with writing(path):
            path.write_text(self.text)


def keep(run: Run, folder: Path) -> None:
    _keep_last_run(cast(FinishedRun, run), folder, Progress())


def test_a_run_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    for text in ("first", "second"):
        keep(Run(text), tmp_path / "last-run")
    assert [each.name for each in tmp_path.iterdir()] == ["last-run"]
    assert (tmp_path / "last-run" / "catalog.json").read_text() == "second"


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_a_full_disk_names_the_file_and_the_variable_and_leaves_the_run_before(
    tmp_path: Path,
) -> None:
    keep(Run("first"), tmp_path / "last-run")
    with pytest.raises(
        CannotWriteError,
        match=r"last-run\.new/catalog\.json: No space left on device; set DMD_STATE_DIR to a",
    ):
        keep(Run("second", full=True), tmp_path / "last-run")
    assert (tmp_path / "last-run" / "catalog.json").read_text() == "first"


def test_a_state_folder_that_cannot_be_written_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    state = tmp_path / "file" / "state"
    done = dmd("demo", state=state)
    assert done.returncode == 1
    assert done.stderr.decode() == (
        f"dmd demo: cannot write to {state}: Not a directory; "
        "set DMD_STATE_DIR to a folder that can be written\n"
    )
    assert done.stdout == b""


def test_the_state_is_in_the_users_own_folder_unless_a_variable_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DMD_STATE_DIR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert state_directory() == Path("/state/dmd-pipeline")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert state_directory() == Path("/home/somebody/.local/state/dmd-pipeline")
    monkeypatch.setenv("DMD_STATE_DIR", "/elsewhere")
    assert state_directory() == Path("/elsewhere")


def test_a_user_without_a_home_is_told_of_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("DMD_STATE_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(CommandError, match="set DMD_STATE_DIR"):
        state_directory()
