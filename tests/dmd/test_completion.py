"""Shells complete commands, options, stacks and record types."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import schemas
from infra.naming import ENVIRONMENTS
from tests.support.cli import ROOT, dmd

# Sources the script and asks its function for what may follow the words, as bash's own
# completion does.
ASK_BASH = """
eval "$(dmd completion bash)"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_dmd_completion dmd "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*words: str) -> set[str]:
    """What bash offers in the place of the last word."""
    folder = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "--norc", "-c", ASK_BASH, "bash", *words],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("dmd", "d"), {"demo"}),
        (("dmd", "schema", ""), {"check", "show"}),
        (("dmd", "resources", "--stack", ""), set(ENVIRONMENTS)),
        (("dmd", "resources", "--diff", "dev1", "p"), {"preprod1", "prod1"}),
        (("dmd", "demo", "--stack", "q"), {"qa1"}),
        (("dmd", "schema", "show", "sale", ""), set(schemas.RECORD_TYPES)),
        (("dmd", "sql", "--format", ""), {"table", "json", "csv", "parquet"}),
        (("dmd", "demo", "--in"), {"--input"}),
    ],
)
def test_bash_offers_what_may_follow(words: tuple[str, ...], offered: set[str]) -> None:
    assert completed(*words) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_it_can_read(tmp_path: Path, shell: str) -> None:
    done = dmd("completion", shell, state=tmp_path)
    assert done.returncode == 0
    assert b"_DMD_COMPLETE=" + shell.encode() + b"_complete" in done.stdout
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=done.stdout, check=True)


def test_another_shell_is_a_wrong_use(tmp_path: Path) -> None:
    done = dmd("completion", "tcsh", state=tmp_path)
    assert done.returncode == 2
    assert b"'bash', 'zsh', 'fish'" in done.stderr
