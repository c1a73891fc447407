"""The locks: complete, in agreement, and installable from wheels wherever the project runs."""

from __future__ import annotations

import importlib.metadata
import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.release.locks import (
    ALL,
    DEV,
    FUNCTIONS,
    PROJECT,
    PYTHONS,
    RUNTIME,
    Entry,
    entries,
)
from tests.support.cli import ROOT
from tests.support.make import make

# As uv calls them: manylinux_2_28 is glibc 2.28, which Debian 10, RHEL 8 and all later ones have.
PLATFORMS = ("aarch64-apple-darwin", "x86_64-manylinux_2_28", "aarch64-manylinux_2_28")


def title(lock: Path) -> str:
    """Return what a test calls a lock."""
    return str(lock.relative_to(ROOT))


def try_out(
    lock: Path, folder: Path, *, platform: str, python: str
) -> subprocess.CompletedProcess[str]:
    """Ask the package index whether a lock can be installed from wheels alone, somewhere else."""
    options = ["--dry-run", "--only-binary=:all:", "--require-hashes", "--no-config"]
    where = ["--python-platform", platform, "--python-version", python]
    uv = [sys.executable, "-m", "uv", "pip", "install", "--target", str(folder / "none")]
    return subprocess.run(
        [*uv, *options, *where, "--requirement", str(lock)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_project_runs_on_python_3_11_to_3_14() -> None:
    assert PYTHONS == ["3.11", "3.12", "3.13", "3.14"]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_running_needs_has_wheels(platform: str, python: str, tmp_path: Path) -> None:
    result = try_out(RUNTIME, tmp_path, platform=platform, python=python)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_checking_needs_has_wheels(platform: str, tmp_path: Path) -> None:
    result = try_out(DEV, tmp_path, platform=platform, python="3.13")
    assert result.returncode == 0, result.stderr


def test_a_requirement_without_a_wheel_is_found(tmp_path: Path) -> None:
    without_markers = tmp_path / "requirements.txt"
    text = DEV.read_text(encoding="utf-8")
    without_markers.write_text(text.replace(" ; sys_platform == 'linux'", ""), encoding="utf-8")

    result = try_out(without_markers, tmp_path, platform="aarch64-apple-darwin", python="3.13")
    assert result.returncode != 0
    assert "awslambdaric" in result.stderr


@pytest.mark.parametrize("lock", ALL, ids=title)
def test_everything_is_pinned_with_hashes(lock: Path) -> None:
    for entry in itertools.chain.from_iterable(entries(lock).values()):
        assert re.fullmatch(r"==[^*,]+", entry.version), entry
        assert entry.hashes, entry


@pytest.mark.parametrize("lock", (DEV, *FUNCTIONS), ids=title)
def test_what_is_in_two_locks_is_the_same_in_both(lock: Path) -> None:
    def files(within: list[Entry]) -> set[tuple[str, frozenset[str]]]:
        return {(each.version, each.hashes) for each in within}

    first, second = entries(RUNTIME), entries(lock)
    common = first.keys() & second.keys()
    assert common
    for name in common:
        assert files(first[name]) == files(second[name]), name


def test_a_functions_package_has_nothing_that_a_local_run_does_not_have() -> None:
    for lock in FUNCTIONS:
        assert entries(lock).keys() <= entries(RUNTIME).keys()


def test_the_locks_are_those_of_the_requirements(tmp_path: Path) -> None:
    """`make lock` changes no version: the index may have got more files of one since."""
    names = [each.relative_to(ROOT) for each in ALL]
    for name in (Path("Makefile"), *names, *(each.with_suffix(".in") for each in names)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    venv = Path(sys.prefix)
    result = make("lock", f"VENV={venv}", f"--old-file={venv}/.dev", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    for name in names:
        assert pins(tmp_path / name) == pins(ROOT / name)


def pins(lock: Path) -> set[str]:
    """Return a lock without its hashes."""
    return {str(each.requirement) for each in itertools.chain.from_iterable(entries(lock).values())}


def test_what_running_imports_is_in_the_first_set() -> None:
    rooms = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    graph = grimp.build_graph(
        *(each.removesuffix("*") for each in rooms),
        include_external_packages=True,
        exclude_type_checking_imports=True,
        cache_dir=None,
    )
    imported = {each for each in graph.modules if graph.is_module_squashed(each)}
    assert {"pulumi", "duckdb", "moto"} <= imported
    locked = {canonicalize_name(name) for name in entries(RUNTIME)}
    for module, distributions in importlib.metadata.packages_distributions().items():
        if module in imported:
            assert {canonicalize_name(each) for each in distributions} & locked, module


def test_the_second_set_names_nothing_that_the_first_one_names() -> None:
    def named(path: Path) -> set[str]:
        lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
        return {Requirement(each).name for each in lines if each and not each.startswith("-")}

    assert named(ROOT / "requirements-dev.in").isdisjoint(named(ROOT / "requirements.in"))
