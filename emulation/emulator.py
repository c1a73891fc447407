"""The embedded emulator: an AWS-compatible endpoint on a free port of localhost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.errors import CommandError
from emulation.endpoint import Endpoint

_ROOT = Path(__file__).parents[1]


class EmulatorError(CommandError):
    """The embedded emulator did not start."""


@contextmanager
def embedded_emulator() -> Iterator[Endpoint]:
    """Run the emulator in its own process, and stop it at the end.

    Raises
    ------
    EmulatorError
        The emulator did not start. The text has its output.
    """
    # The caller's own AWS settings must not affect the emulator.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "emulation.moto_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=_ROOT,
        env=environment,
        text=True,
        # Only the parent handles Ctrl-C: it needs the emulator until it has finished.
        start_new_session=True,
    )
    try:
        port = process.stdout.readline().strip() if process.stdout else ""
        if not port.isdigit():
            _, said = process.communicate(timeout=10)
            raise EmulatorError(f"the embedded emulator did not start: {said.strip()[-2000:]}")
        yield Endpoint(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.communicate()
