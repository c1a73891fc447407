"""The root of the errors that a command ends with."""

from __future__ import annotations


class CommandError(Exception):
    """An error that the command line shows as one line: what is wrong, where, and what to do."""


class CannotWriteError(CommandError):
    """A file, a folder or the standard output cannot be written.

    Parameters
    ----------
    problem
        Which, and why.
    remedy
        What the user can do, for example ``name another folder``.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__("; ".join(filter(None, (problem, remedy))))
        self.problem = problem
        self.remedy = remedy
