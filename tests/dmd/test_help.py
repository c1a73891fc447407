"""``dmd --help``: fast, because nothing that a command runs is imported; and complete."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import rich_click as click

from dmd.cli import dmd
from tests.support.cli import ROOT
from tests.support.terminal import in_terminal, without_style

# Prints the top-level names of what was imported from outside the project and Python itself.
IMPORTED = """
import json, runpy, sys, sysconfig
before = set(sys.modules)
sys.argv = ["dmd", *json.loads(sys.argv[1])]
status = 0
try:
    runpy.run_module("dmd", run_name="__main__")
except SystemExit as end:
    status = end.code or 0
own = {path for path in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))}
files = {
    name.partition(".")[0]: getattr(module, "__file__", None) or ""
    for name, module in sys.modules.items()
    if name not in before
}
found = sorted(name for name, file in files.items() if any(file.startswith(p) for p in own))
print(json.dumps([status, found]), file=sys.stderr)
"""

LIGHT = {"click", "rich", "rich_click"}


def paths(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group, by its words after ``dmd``."""
    yield path
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from paths(each, (*path, name))


PATHS = sorted(paths(dmd))


def run(*arguments: str) -> tuple[int, set[str], str]:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, json.dumps(arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    status, found = json.loads(done.stderr.splitlines()[-1])
    return status, set(found), done.stdout


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help_imports_nothing_heavy(path: tuple[str, ...]) -> None:
    status, imported, shown = run(*path, "--help")
    assert status == 0
    assert imported <= LIGHT
    assert shown.startswith(" ".join(("Usage: dmd", *path)))


@pytest.mark.parametrize("arguments", [("--version",), ("completion", "zsh"), ("demo", "--bad")])
def test_neither_do_other_answers_that_run_no_command(arguments: tuple[str, ...]) -> None:
    _, imported, _ = run(*arguments)
    assert imported <= LIGHT


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    status, _, shown = run("--version")
    assert (status, shown) == (0, f"dmd {project['version']}\n")


def test_each_command_is_in_one_group_of_the_help() -> None:
    _, _, shown = run("--help")
    listed = re.findall(r"^  (\w\S*)  ", shown, re.MULTILINE)
    assert sorted(listed) == sorted(dmd.commands)
    assert "One machine:" in shown
    assert "Commands:" not in shown, "no command was left out of the groups"


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help_fits_a_narrow_terminal(path: tuple[str, ...]) -> None:
    status, shown = in_terminal([sys.executable, "-m", "dmd", *path, "-h"], 40)
    assert status == 0
    assert max(map(len, without_style(shown).splitlines())) <= 40


def test_the_command_is_installed_under_its_name() -> None:
    (script,) = entry_points(group="console_scripts", name="dmd")
    assert script.value == "dmd.__main__:main"
    assert (Path(sys.executable).parent / "dmd").exists()
