"""Runs a command in its own pseudoterminal, and returns the output."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]

_STYLE = re.compile(r"\x1b\[[\d;]*m")

# The terminal variables of the machine's shell must not affect the test.
_VARIABLES = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM", "TTY_COMPATIBLE")


def in_terminal(
    command: Sequence[str], columns: int, variables: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run a command whose three streams are a terminal; return its exit status and the output.

    Parameters
    ----------
    columns
        The terminal's width.
    variables
        Environment variables, in place of the machine's own of the same names.
    """
    environment = {name: text for name, text in os.environ.items() if name not in _VARIABLES}
    environment |= {"TERM": "xterm-256color", **(variables or {})}
    own, other = os.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        command, stdin=other, stdout=other, stderr=other, cwd=ROOT, env=environment
    )
    os.close(other)
    output = b""
    # On Linux, reading fails when the other end is closed.
    with contextlib.suppress(OSError):
        while read := os.read(own, 65536):
            output += read
    os.close(own)
    return process.wait(), output.decode().replace("\r\n", "\n")


def without_style(text: str) -> str:
    """Return a text without colours and styles. Cursor movements stay."""
    return _STYLE.sub("", text)
