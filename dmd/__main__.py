"""The command `dmd`: reads the arguments, runs one command, shows errors as one line."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    Parameters
    ----------
    arguments
        Without the program's name; the process's own unless given.

    Raises
    ------
    SystemExit
        With status 2: the arguments are wrong.
    """
    # A kill ends as Ctrl-C does, so that processes started on the way are stopped, too. Shells
    # start background jobs with Ctrl-C ignored; a signal that somebody sends all the same counts.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.default_int_handler)
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        # If it came while text was executed, as the standard library does to make classes, Python
        # notes it as unhandled, and ends as if SIGINT had killed it. Executing any text resets
        # that (run_eval_code_obj in CPython's Python/pythonrun.c).
        exec("")  # noqa: S102
        sys.stderr.write("dmd: stopped\n")
        return 130
    except BrokenPipeError:
        # Whoever read the output has enough of it.
        return 1


def _run(arguments: Sequence[str]) -> int:
    # Imported here, where Ctrl-C is handled.
    from console.process import prepare
    from console.terminal import discard_unwritten
    from dmd.run import run

    prepare()
    try:
        return run(arguments)
    finally:
        discard_unwritten()


if __name__ == "__main__":
    sys.exit(main())
