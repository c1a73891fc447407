"""Standard output and standard error: with style on a terminal, as plain text anywhere else.

rich decides what a terminal can show, and respects ``NO_COLOR``, ``FORCE_COLOR``, ``COLUMNS`` and
``TERM`` (https://rich.readthedocs.io/en/stable/console.html#environment-variables).
"""

from __future__ import annotations

import os
import sys
from typing import TextIO

from rich.console import Console

from console.storage import writing

UNLIMITED = 1_000_000
"""The width, in cells, of what is no terminal: nothing is wrapped or cut there."""

_CONTROL = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
_ESCAPES = {
    **{code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROL},
    **{ord(each): repr(each)[1:-1] for each in "\n\r\t"},
}


def output() -> Console:
    """Return the console of the standard output: what a command was asked for."""
    return _console(sys.stdout)


def messages() -> Console:
    """Return the console of the standard error: what a command says about its work."""
    return _console(sys.stderr)


def watched(console: Console) -> bool:
    """Tell whether a person watches a terminal that can rewrite a line."""
    return console.is_interactive and console.file.isatty()


def write(text: str) -> None:
    """Write text to the standard output as it stands.

    Raises
    ------
    CannotWriteError
        The disk that the standard output goes to is full.
    """
    with writing("the standard output"):
        sys.stdout.write(text)
        sys.stdout.flush()


def discard_unwritten() -> None:
    """Discard what the standard output has buffered and cannot take.

    Otherwise Python tries to write it once more at the end of the process, and shows the error.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def visible(text: str) -> str:
    """Return a text with its control characters as escapes: none breaks a line or has an effect."""
    return text.translate(_ESCAPES)


def _console(stream: TextIO) -> Console:
    return Console(
        file=stream,
        width=None if stream.isatty() else UNLIMITED,
        markup=False,
        emoji=False,
        highlight=False,
    )
