"""The command line of ``dmd replay``, which runs ``ops.replay.action``."""

from __future__ import annotations

import rich_click as click

from console.help import Command
from ops.failed.options import ChosenOptions, choosing_options
from ops.options import StackOptions, stack_options

_EXAMPLES = """
Examples:

  dmd replay --stack prod1 --type sale --since 2d --dry-run
  dmd replay --stack prod1 --type sale --since 2d
"""


@click.command(cls=Command, epilog=_EXAMPLES)
@choosing_options
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@click.option("--yes", is_flag=True, help="Do not ask before writing.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as one JSON object.")
@stack_options
def replay(
    where: StackOptions, chosen: ChosenOptions, dry_run: bool, yes: bool, as_json: bool
) -> int:
    """Bring failed records back into the tables, each exactly once.

    The command runs the chosen records through the transform and the schemas of this checkout, and
    writes those that become rows now. Rows keep their own time and partition. Records that fail
    again stay where they are.

    The command may be interrupted and repeated at any moment, and two people may run it at once:
    no record is written twice.
    """
    from ops.replay.action import run

    return run(where, chosen, dry_run=dry_run, yes=yes, as_json=as_json)
