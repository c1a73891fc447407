"""The hooks before a commit: `make check`, part by part."""

from __future__ import annotations

import shlex
from typing import Any

import yaml

from tests.support.cli import ROOT
from tests.support.make import make

CONFIGURATION = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
(REPOSITORY,) = CONFIGURATION["repos"]
HOOKS: list[dict[str, Any]] = REPOSITORY["hooks"]


def recipe(*arguments: str) -> list[str]:
    """Return the commands that make would run, once all is installed."""
    installed = [f"--old-file=.venv/{each}" for each in (".runtime", ".dev")]
    return make("--dry-run", *installed, *arguments).stdout.splitlines()


def test_the_hooks_run_what_make_check_runs() -> None:
    commands = []
    for hook in HOOKS:
        program, *arguments = shlex.split(hook["entry"])
        assert program == "make"
        commands += recipe(*arguments)
    assert commands == recipe("check")
    assert len(commands) == 4


def test_they_check_the_whole_tree_with_the_tools_of_this_project() -> None:
    assert REPOSITORY["repo"] == "local"
    for hook in HOOKS:
        assert hook["language"] == "system"
        assert hook["always_run"] is True
        assert hook["pass_filenames"] is False
