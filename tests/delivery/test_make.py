"""The Makefile: which Python it takes, and which set of packages each target installs."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.support.cli import ROOT
from tests.support.make import make


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a folder with the Makefile, and requirements that are empty."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        (folder / name).write_text("")
    return folder


def python_that_says(version: tuple[int, int, int], path: Path) -> Path:
    """Write a Python that gives itself out as another version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pretend = f"import sys; sys.version_info = ({', '.join(map(str, version))}, 'final', 0); "
    path.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = -c ]; then exec {sys.executable} -c "{pretend}$2"; fi\n'
        'if [ "$2" = venv ]; then mkdir -p $3/bin; cp "$0" $3/bin/python; fi\n'
        'echo "$@"\n'
    )
    path.chmod(0o755)
    return path


def only(folder: Path) -> str:
    """Return a PATH that has what make's recipes call, and no Python but those in ``folder``."""
    tools = folder.parent / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("make", "sh", "mkdir", "touch"):
        target = shutil.which(name)
        assert target
        (tools / name).symlink_to(target)
    return f"{folder}:{tools}"


@pytest.mark.parametrize("version", [(3, 10, 13), (2, 7, 18), (3, 15, 0)])
def test_a_python_that_does_not_fit_is_refused_in_one_line(
    project: Path, tmp_path: Path, version: tuple[int, int, int]
) -> None:
    python = python_that_says(version, tmp_path / "bin" / "python3.x")
    done = make("setup", f"PYTHON={python}", folder=project)
    number = ".".join(map(str, version))
    first, *rest = done.stderr.splitlines()
    assert done.returncode == 2
    assert first == f"error: PYTHON={python} is Python {number}: name a Python 3.11 to 3.14"
    assert [each for each in rest if not each.startswith("make: ***")] == []
    assert done.stdout == ""
    assert not (project / ".venv").exists()


def test_it_is_refused_even_if_everything_is_installed(project: Path, tmp_path: Path) -> None:
    (project / ".venv").mkdir()
    (project / ".venv" / ".runtime").write_text("")
    assert make("setup", folder=project).returncode == 0

    python = python_that_says((3, 10, 13), tmp_path / "python3.10")
    done = make("setup", PYTHON=str(python), folder=project)
    assert done.returncode == 2
    assert "is Python 3.10.13" in done.stderr


def test_a_python_that_is_not_there_is_refused(project: Path) -> None:
    done = make("setup", "PYTHON=python3.99", folder=project)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: PYTHON=python3.99 cannot be run: name a Python 3.11 to 3.14\n"
    )


def test_a_python_other_than_that_of_the_environment_is_refused(
    project: Path, tmp_path: Path
) -> None:
    python_that_says((3, 12, 1), project / ".venv" / "bin" / "python")
    python = python_that_says((3, 13, 0), tmp_path / "python3.13")
    done = make("setup", f"PYTHON={python}", folder=project)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: .venv has Python 3.12.1, not 3.13.0: run make clean first"
    )


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (3, 13, 9), (3, 14, 2)])
def test_a_python_that_fits_is_taken(
    project: Path, tmp_path: Path, version: tuple[int, int, int]
) -> None:
    python = python_that_says(version, tmp_path / "bin" / "python3.x")
    done = make("setup", f"PYTHON={python}", folder=project)
    assert done.returncode == 0, done.stderr
    assert "install --no-compile --require-hashes --only-binary=:all:" in done.stdout
    assert "--requirement requirements.txt" in done.stdout


def test_an_environment_that_was_only_half_made_is_made_anew(project: Path, tmp_path: Path) -> None:
    half = project / ".venv" / "bin" / "python"
    half.parent.mkdir(parents=True)
    half.write_text("#!/bin/sh\necho 'No module named pip' >&2\nexit 1\n")
    half.chmod(0o755)
    python = python_that_says((3, 12, 1), tmp_path / "bin" / "python3.x")
    done = make("setup", f"PYTHON={python}", folder=project)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Making the virtual environment .venv\n")


def test_of_the_pythons_on_the_machine_one_that_fits_is_found(
    project: Path, tmp_path: Path
) -> None:
    python_that_says((3, 9, 2), tmp_path / "bin" / "python3")
    python_that_says((3, 12, 1), tmp_path / "bin" / "python3.12")
    done = make("--dry-run", "setup", PATH=only(tmp_path / "bin"), folder=project)
    assert "python3.12 -m venv .venv" in done.stdout


def test_a_machine_without_one_is_told_so_in_one_line(project: Path, tmp_path: Path) -> None:
    python_that_says((3, 9, 2), tmp_path / "bin" / "python3")
    done = make("setup", PATH=only(tmp_path / "bin"), folder=project)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no Python 3.11 to 3.14 was found: install one, or ")


@pytest.mark.parametrize("target", ["setup", "demo", "package"])
def test_what_running_needs_is_installed_alone(project: Path, target: str) -> None:
    done = make("--dry-run", target, folder=project)
    assert "--requirement requirements.txt" in done.stdout
    assert "requirements-dev" not in done.stdout


@pytest.mark.parametrize(
    "target",
    ["setup-dev", "test", "test-trino", "soak", "check", "format", "bench", "lock"],
)
def test_what_checking_needs_is_installed_after_it(project: Path, target: str) -> None:
    done = make("--dry-run", target, folder=project)
    first = done.stdout.index("--requirement requirements.txt")
    assert done.stdout.index("--requirement requirements-dev.txt") > first


def test_help_names_every_target_that_a_person_would_call(project: Path) -> None:
    described = [line.split()[1] for line in make("help", folder=project).stdout.splitlines()]
    assert described[0] == "help"
    assert {"setup", "setup-dev", "demo", "test", "check", "package", "clean"} <= set(described)
