"""Structured log lines, one JSON object each, as CloudWatch Logs Insights reads them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True)
class Log:
    """Writes log lines at or above a level.

    Parameters
    ----------
    level
        One of ``LEVELS``.
    context
        Fields of every line, for example the request ID.
    stream
        Where the lines are written. None is standard output, which is Lambda's log.
    """

    level: str = "INFO"
    context: Mapping[str, Any] = field(default_factory=dict)
    stream: TextIO | None = None

    def bind(self, **context: Any) -> Log:
        """Return a log whose lines carry these fields too."""
        return Log(self.level, {**self.context, **context}, self.stream)

    def debug(self, message: str, **fields: Any) -> None:
        """Write a line at level DEBUG."""
        self._write("DEBUG", message, fields)

    def info(self, message: str, **fields: Any) -> None:
        """Write a line at level INFO."""
        self._write("INFO", message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        """Write a line at level WARNING."""
        self._write("WARNING", message, fields)

    def error(self, message: str, **fields: Any) -> None:
        """Write a line at level ERROR."""
        self._write("ERROR", message, fields)

    def raw(self, line: str) -> None:
        """Write a line unchanged, at any level; for embedded metrics."""
        print(line, file=self.stream or sys.stdout, flush=True)

    def _write(self, level: str, message: str, fields: Mapping[str, Any]) -> None:
        if LEVELS.index(level) >= LEVELS.index(self.level):
            self.raw(json.dumps({"level": level, "message": message, **self.context, **fields}))
