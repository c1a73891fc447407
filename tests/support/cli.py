"""The command `dmd` as a user runs it: a process of its own, its output and its exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def dmd(
    *arguments: str | Path, state: Path, input: bytes | None = None, timeout: float = 240
) -> subprocess.CompletedProcess[bytes]:
    """Run ``dmd`` and wait for it.

    Parameters
    ----------
    arguments
        The command line.
    state
        Its state folder.
    input
        Standard input.
    timeout
        Seconds.
    """
    return subprocess.run(
        [sys.executable, "-m", "dmd", *map(str, arguments)],
        cwd=ROOT,
        # A user's shell may say things about AWS that must not matter here.
        env={**os.environ, "DMD_STATE_DIR": str(state), "AWS_PROFILE": "no-such-profile"},
        input=input,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
