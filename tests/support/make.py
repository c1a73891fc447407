"""Runs make as a user does in a shell, even if make itself runs the tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support.cli import ROOT

# Variables that an outer make passes on, and that the Makefile would read.
_NOT_INHERITED = frozenset({"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "PYTHON", "ARGS"})


def make(
    *arguments: str, folder: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run make in a folder, and wait for it.

    Parameters
    ----------
    arguments
        The command line.
    folder
        Folder of the Makefile.
    environment
        Additional variables of the shell.
    """
    inherited = {key: each for key, each in os.environ.items() if key not in _NOT_INHERITED}
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
