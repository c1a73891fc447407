"""The process's own folder on local disk; what dead processes have left beside it is removed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "avro-writer-"


class Workspace:
    """A folder that belongs to this process until it ends.

    A lock on the folder says that its process lives, and the system lets go of the lock however
    the process ends. So a folder without a lock may be removed, and environments that share a disk
    do not collide.

    Parameters
    ----------
    parent
        Where it is made; the system's place for temporary files unless given.
    """

    path: Path

    def __init__(self, parent: Path | None = None) -> None:
        parent = parent or Path(tempfile.gettempdir())
        _clear(parent)
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            # A neighbour may take the new folder for a dead one, until it is locked: another, then.
            with contextlib.suppress(FileNotFoundError):
                self._lock = os.open(self.path, os.O_RDONLY)
                fcntl.flock(self._lock, fcntl.LOCK_EX)
                if self.path.exists():
                    return
                os.close(self._lock)


def _clear(parent: Path) -> None:
    """Remove the folders whose processes are dead.

    Lambda keeps ``/tmp`` when it starts a function anew after a timeout, and with it what was in
    the way.
    """
    for each in parent.glob(f"{_PREFIX}*"):
        # Locked, gone meanwhile, or another user's: not ours to remove.
        with contextlib.suppress(OSError):
            lock = os.open(each, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(each, ignore_errors=True)
            finally:
                os.close(lock)
