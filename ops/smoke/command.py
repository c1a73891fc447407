"""The command line of ``dmd smoke``, which runs ``ops.smoke.action``."""

from __future__ import annotations

import rich_click as click

from console.help import Command
from ops.options import StackOptions, stack_options

_EXAMPLES = """
Examples:

  dmd smoke --stack dev1
  dmd smoke --stack dev1 --as-ci --yes     # as CI does after a deployment
"""


@click.command(cls=Command, epilog=_EXAMPLES)
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only this record type.")
@click.option(
    "--timeout",
    type=click.IntRange(min=1),
    metavar="SECONDS",
    show_default="what the stack's buffers and waiting times add up to",
    help="Wait so long for the rows.",
)
@click.option(
    "--as-ci",
    is_flag=True,
    help="Assume the stack's CI role first, and do everything with its permissions.",
)
@click.option("--yes", is_flag=True, help="Do not ask before the items are put.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@stack_options
def smoke(
    where: StackOptions,
    types: tuple[str, ...],
    timeout: int | None,
    as_ci: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Send a marked record of each type through a stack, and wait for its rows in Athena.

    The command puts one item of each type into the demand table, and takes them back after two
    seconds. Then it waits until Athena finds both changes of each item. If one does not come in
    time, the command says at which stage it stopped and what to look at, and the exit status is 1.
    """
    from ops.smoke.action import Options, run

    return run(where, Options(types, timeout, as_ci, yes, dry_run, as_json))
