"""What starts in a function's process: it runs a runtime client, which runs the function.

`emulation.functions.sandbox` starts it with nothing importable but the standard library, so this
file imports nothing else. What the function prints goes to standard output and error, which are
its log.

    bootstrap.py <file descriptor of the lifeline> <folder of the runtime client>
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import threading


def _end_with_host(lifeline: int) -> None:
    """Wait until the host closes the lifeline or dies, then end this process and its children."""
    with contextlib.suppress(OSError):
        os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Run the runtime client in ``awslambdaric`` with the function's handler."""
    lifeline, folder = int(sys.argv[1]), sys.argv[2]
    os.set_inheritable(lifeline, False)
    threading.Thread(target=_end_with_host, args=(lifeline,), daemon=True).start()
    # As on Lambda: the function's own modules come first, and the runtime has its own already.
    sys.path.append(folder)
    client = importlib.import_module("awslambdaric.__main__")
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    sys.argv = ["", os.environ["_HANDLER"]]
    client.main(sys.argv)


if __name__ == "__main__":
    main()
