"""The error of a query, with a message for the author of the query."""

from __future__ import annotations

from console.errors import CommandError


class SqlError(CommandError):
    """A query, or the data it asks for, cannot be answered.

    Parameters
    ----------
    message
        What is wrong and what to do about it.
    line, column
        Where in the query's text, counted from 1, if known.
    """

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        self.message = message
        self.line = line
        self.column = column
        where = "" if line is None else f"line {line}" + (f":{column}" if column else "") + ": "
        super().__init__(where + message)

    def at(self, line: int, column: int) -> SqlError:
        """Return the error with a place, unless it has one already."""
        return self if self.line is not None else SqlError(self.message, line, column)
