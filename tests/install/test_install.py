"""`python -m install` with the pip, the virtual environment and the wheels of this machine."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from install.__main__ import Console
from tests.release.wheel import write_wheel
from tests.support.cli import ROOT


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a virtual environment whose Python is gone: the first test to need it makes it anew."""
    folder = tmp_path_factory.mktemp("install") / "venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(folder / "removed")
    return folder


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    return folder


def install(venv: Path, lock: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Install a lock with an interpreter that has the standard library alone."""
    return subprocess.run(
        [sys.executable, "-S", "-m", "install", str(venv), str(lock)],
        cwd=ROOT,
        env={**os.environ, "PIP_FIND_LINKS": "", "PIP_RETRIES": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def imports(venv: Path, module: str) -> bool:
    """Whether the virtual environment has a module."""
    command = [str(venv / "bin" / "python"), "-I", "-c", f"import {module}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_each_step_is_told(venv: Path, index: Path, tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    files = {"sums/__init__.py": "TOTAL = 3\n"}
    lock.write_text(write_wheel(index, "sums", "1.2.0", "py3-none-any", files))

    done = install(venv, lock, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(index))

    assert done.returncode == 0, done.stderr
    version = ".".join(map(str, sys.version_info[:3]))
    lines = done.stdout.splitlines()
    assert lines[0] == f"Making the virtual environment {venv} with Python {version}"
    assert lines[1] == f"Installing what {lock} pins"
    assert "  unpacking 1 package" in lines
    assert lines[-1].startswith("  1 package, 1 new, in ")
    assert imports(venv, "sums")

    again = install(venv, lock, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(index))
    assert again.stdout.splitlines()[0] == f"Installing what {lock} pins"
    assert again.stdout.splitlines()[-1].startswith("  1 package, 0 new, in ")


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}, "The package index cannot be reached."),
        ({"PIP_NO_INDEX": "1"}, "The package index has no wheel of this version that fits."),
    ],
    ids=["no network", "no such package"],
)
def test_a_failure_names_the_step_the_cause_and_the_remedy(
    venv: Path, tmp_path: Path, environment: dict[str, str], says: str
) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(f"absent==1.0 --hash=sha256:{'0' * 64}\n")

    done = install(venv, lock, **environment)

    assert done.returncode == 1
    assert "absent==1.0" in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"error: installing {lock} failed. {says} ")
    assert "`pip config list`" in last


def test_a_file_that_the_lock_does_not_know_is_not_installed(
    venv: Path, index: Path, tmp_path: Path
) -> None:
    lock = tmp_path / "lock.txt"
    write_wheel(index, "other", "1.0", "py3-none-any", {"other.py": ""})
    lock.write_text(f"other==1.0 --hash=sha256:{'0' * 64}\n")

    done = install(venv, lock, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(index))

    assert done.returncode == 1
    assert "gave a file that is not the one in the lock" in done.stderr
    assert not imports(venv, "other")


def test_nothing_is_compiled(venv: Path, index: Path, tmp_path: Path) -> None:
    project = tmp_path / "source-1.0"
    project.mkdir()
    ran = tmp_path / "ran"
    (project / "setup.py").write_text(f"open({str(ran)!r}, 'w')\n")
    archive = shutil.make_archive(str(index / "source-1.0"), "gztar", tmp_path, "source-1.0")
    lock = tmp_path / "lock.txt"
    lock.write_text(f"source==1.0 --hash=sha256:{'0' * 64}\n")

    done = install(venv, lock, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(index))

    assert Path(archive).exists()
    assert done.returncode == 1
    assert "has no wheel of this version" in done.stderr
    assert not ran.exists()


def test_an_environment_that_cannot_be_made_names_its_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    lock = tmp_path / "lock.txt"
    lock.write_text("")
    folder = tmp_path / "file" / "venv"

    done = install(folder, lock)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: making {folder} failed. ")


def test_a_terminal_has_one_line_of_progress_that_is_replaced() -> None:
    stream = Terminal()
    console = Console(stream)
    console.say("Installing")
    console.show("1 of 2", notable=False)
    console.show("2 of 2", notable=True)
    console.say("Done")
    assert stream.getvalue() == "Installing\n\r\x1b[K  1 of 2\r\x1b[K  2 of 2\r\x1b[KDone\n"


def test_elsewhere_a_line_stands_for_some_seconds_or_for_something_long() -> None:
    stream, now = io.StringIO(), 0.0
    console = Console(stream, clock=lambda: now)
    console.say("Installing")
    console.show("1 of 4", notable=False)
    console.show("2 of 4", notable=True)
    now = 5.0
    console.show("3 of 4", notable=False)
    console.show("4 of 4", notable=False)
    assert stream.getvalue() == "Installing\n  2 of 4\n  3 of 4\n"
