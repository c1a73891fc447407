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
  dmd replay --stack prod1 --type sale --from-stream --since 20h
"""


@click.command(cls=Command, epilog=_EXAMPLES)
@choosing_options
@click.option(
    "--from-stream",
    is_flag=True,
    help="Correct rows that were written wrongly, from what the Kinesis stream still holds since "
    "--since. Only --type goes with it.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@click.option("--yes", is_flag=True, help="Do not ask before writing.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as one JSON object.")
@stack_options
def replay(
    where: StackOptions,
    chosen: ChosenOptions,
    from_stream: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Bring failed records back into the tables, each exactly once.

    The command runs the chosen records through the transform and the schemas of this checkout, and
    writes those that become rows now. Rows keep their own time and partition. Records that fail
    again stay where they are.

    The command may be interrupted and repeated at any moment, and two people may run it at once:
    no record is written twice.

    With --from-stream, the command reads the change records of the stream again, and compares the
    rows that they become now with the tables. A row that comes out otherwise is written again with
    a higher revision, which supersedes the wrong row in the views.
    """
    if from_stream:
        from ops.replay.stream_action import run as run_from_stream

        return run_from_stream(where, chosen, dry_run=dry_run, yes=yes, as_json=as_json)
    from ops.replay.action import run

    return run(where, chosen, dry_run=dry_run, yes=yes, as_json=as_json)
