"""The root of the errors that a command ends with."""

from __future__ import annotations


class CommandError(Exception):
    """An error that the command line shows as one line: what is wrong, where, and what to do."""
