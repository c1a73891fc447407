"""One line that says how far a long command has got; nothing where no terminal is watching."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

_SECONDS_BETWEEN = 0.1


class Progress:
    """A status line on a terminal, rewritten in place.

    Parameters
    ----------
    stream
        Where the line goes; nothing is written unless it is a terminal.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._shown = self._stream.isatty()
        self._written = 0.0

    def step(self, text: str) -> None:
        """Begin a step: its line stays."""
        if self._shown:
            self._stream.write(f"\r\x1b[K{text}\n")
            self._stream.flush()

    def show(self, text: str) -> None:
        """Show how far the step is, in place of what was shown before."""
        now = time.monotonic()
        if self._shown and now - self._written >= _SECONDS_BETWEEN:
            self._written = now
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[K  {text}"[: width + 4])
            self._stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
