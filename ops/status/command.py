"""The command line of ``dmd status``, which runs ``ops.status.action``."""

from __future__ import annotations

import rich_click as click

from console.help import Command
from ops.options import StackOptions, stack_options

_EXAMPLES = """
Examples:

  dmd status --stack prod1
  dmd status --stack prod1 --watch
  dmd status --stack prod1 --since 7d --json
"""


@click.command(cls=Command, epilog=_EXAMPLES)
@click.option(
    "--since",
    default="24h",
    show_default=True,
    metavar="TIME",
    help="Count over this time: 90m, 24h, 7d.",
)
@click.option(
    "--watch",
    type=click.IntRange(min=5),
    is_flag=False,
    flag_value=30,
    metavar="SECONDS",
    help="Ask again every so many seconds, 30 if none are given, until Ctrl-C.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@stack_options
def status(where: StackOptions, since: str, watch: int | None, as_json: bool) -> int:
    """Say whether a stack is healthy: what is wrong first, and what mends it.

    The exit status is 0 if the stack is healthy, 3 if it is degraded, and 4 if it is broken: rows
    do not come into the tables, or will soon be lost. The command changes nothing.
    """
    from ops.status.action import run

    return run(where, since=since, watch=watch, as_json=as_json)
