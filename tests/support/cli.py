"""Runs the command `dmd` as a user does, in its own process."""

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
        # AWS settings of the user's shell must not affect the test.
        env={**os.environ, "DMD_STATE_DIR": str(state), "AWS_PROFILE": "no-such-profile"},
        input=input,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
