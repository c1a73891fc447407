"""One run of the command line: a command's exit status, and what it says if it fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import rich_click as click
from click.exceptions import Exit, NoArgsIsHelpError
from click.shell_completion import shell_complete

from console.terminal import write
from dmd.cli import dmd
from dmd.completion import VARIABLE
from dmd.errors import explained

_NAME = "dmd"


def run(arguments: Sequence[str]) -> int:
    """Run one command and return the exit status; errors are shown on the standard error.

    Raises
    ------
    SystemExit
        With status 2: the arguments are wrong.
    """
    instruction = os.environ.get(VARIABLE)
    if instruction:
        return shell_complete(dmd, {}, _NAME, VARIABLE, instruction)
    context: click.Context | None = None
    try:
        context = dmd.make_context(_NAME, list(arguments))
        with context:
            status = int(dmd.invoke(context))
        write("")
        return status
    except Exit as done:
        return done.exit_code
    except click.UsageError as error:
        sys.stderr.write(_usage(error))
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        raise
    except Exception as error:
        text = explained(error)
        if text is None or (context and context.params.get("debug")):
            raise
        command = context.invoked_subcommand if context else None
        sys.stderr.write(f"{_NAME} {command}: {text}\n" if command else f"{_NAME}: {text}\n")
        return 1


def _usage(error: click.UsageError) -> str:
    """Return what a wrong use of the command line is told: how to use it, and what is wrong."""
    if isinstance(error, NoArgsIsHelpError):
        return f"{error.message}\n"
    if error.ctx is None:
        return f"{_NAME}: {error.format_message()}\n"
    path = error.ctx.command_path
    pieces = " ".join(error.ctx.command.collect_usage_pieces(error.ctx))
    return f"usage: {path} {pieces}\n{path}: {error.format_message()} (`{path} --help` says more)\n"
