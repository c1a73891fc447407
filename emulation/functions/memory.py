"""How much memory a process has used, as Lambda's limit counts it: resident, not reserved."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

WATCH_SECONDS: Final = 0.02 if sys.platform == "linux" else 0.25
"""How often it is worth asking: `ps` costs a process of its own."""


def resident_bytes(pid: int) -> int:
    """Return the most bytes that process ``pid`` has had in memory, 0 if it has ended.

    Elsewhere than on Linux, which remembers the peak, what it has now.
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
    # A process that has ended and was not waited for has no such line.
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
