"""Asks before a command changes something."""

from __future__ import annotations

import sys

import rich_click as click

from console.errors import CommandError


def confirm(question: str, *, yes: bool) -> None:
    """Ask a question that has to be answered with yes; return if it was.

    Parameters
    ----------
    question
        Without a question mark's options, for example ``Write 12 rows?``.
    yes
        Whether the answer was given on the command line (``--yes``).

    Raises
    ------
    CommandError
        The answer is no, or nobody is there to answer.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(
            "nothing was changed: nobody can be asked here, so give --yes to go on, or --dry-run"
        )
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        # Ctrl-C, or the end of the input.
        agreed = False
    if not agreed:
        raise CommandError("nothing was changed: the answer was no")
