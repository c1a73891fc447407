"""How much memory a process has used. As for Lambda's limit, only resident memory counts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

WATCH_SECONDS: Final = 0.02 if sys.platform == "linux" else 0.25
"""Seconds from one measurement to the next. On macOS each one starts a process, `ps`."""


def resident_bytes(pid: int) -> int:
    """Return the peak of a process's resident memory in bytes, or 0 if the process has ended.

    Only Linux records the peak. On other systems this is the memory at the moment.
    """
    if sys.platform == "linux":
        return _peak(Path(f"/proc/{pid}/status"))
    command = ["/bin/ps", "-o", "rss=", "-p", str(pid)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return int(listed.stdout.strip() or 0) * 1024


def _peak(status: Path) -> int:
    try:
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    # The file of a zombie process has no such line.
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
