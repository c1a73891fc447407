"""The command line of ``dmd errors``, which runs ``ops.failed.action``."""

from __future__ import annotations

import rich_click as click

from console.help import Command
from ops.failed.options import ChosenOptions, choosing_options
from ops.options import StackOptions, stack_options

_json = click.option("--json", "as_json", is_flag=True, help="Print the answer as one JSON object.")
_show = click.option(
    "--show",
    is_flag=True,
    help="Show one record of each line, decoded. Records may contain personal data.",
)


@click.group()
def errors() -> None:
    """Show the records that did not become rows, and why."""


@errors.command("list", cls=Command)
@choosing_options
@_show
@_json
@stack_options
def list_(where: StackOptions, chosen: ChosenOptions, show: bool, as_json: bool) -> int:
    """Count what failed or is in quarantine, by type, reason and day.

    The reason is Firehose's error code, or the Avro writer's reason. The reason of the transform is
    in its log; `dmd errors explain` finds it again. Records that `dmd replay` has brought back are
    counted apart. The command changes nothing.
    """
    from ops.failed.action import run

    return run(where, chosen, explain=False, show=show, as_json=as_json)


@errors.command(cls=Command)
@choosing_options
@click.option("--column", metavar="NAME", help="Only records that do not fit this column now.")
@_show
@_json
@stack_options
def explain(
    where: StackOptions, chosen: ChosenOptions, column: str | None, show: bool, as_json: bool
) -> int:
    """Say what each failed record would become now.

    The command runs the records through the transform and the schemas of this checkout. A record
    becomes a row, fails with a reason and a column, or is of another record type. `dmd replay`
    writes those that become rows. The command changes nothing.
    """
    from ops.failed.action import run

    return run(where, chosen, explain=True, column=column, show=show, as_json=as_json)
