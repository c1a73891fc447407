"""Runs the command `dmd` as a user does, in its own process or in that of the tests."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from dmd.__main__ import main

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


def dmd_here(
    *arguments: str | Path, state: Path, input: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run ``dmd`` in this process, which saves the two seconds of CPU that its imports take.

    The parameters and the result are those of `dmd`.
    """
    words = list(map(str, arguments))
    given, out, err = (io.TextIOWrapper(io.BytesIO(each), "utf-8") for each in (input, b"", b""))
    with (
        mock.patch.dict(os.environ, DMD_STATE_DIR=str(state), AWS_PROFILE="no-such-profile"),
        mock.patch("sys.stdin", given),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        status = main(words)
        out.flush()
        err.flush()
    written = (each.buffer.getvalue() for each in (out, err))
    return subprocess.CompletedProcess(words, status, *written)
