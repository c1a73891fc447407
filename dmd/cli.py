"""The commands of ``dmd``, and their groups in its help.

Only options are declared here and in the modules imported here: what a command runs is imported
when it runs, so that ``--help`` and shell completion are fast.
"""

from __future__ import annotations

import rich_click as click

from console.help import CONTEXT_SETTINGS
from console.process import forget_aws
from demo.command import demo, sample
from dmd.completion import completion
from estate.command import provision, resources
from ops.backfill.command import backfill
from ops.failed.command import errors
from ops.replay.command import replay
from ops.schema_command import schema
from ops.smoke.command import smoke
from ops.status.command import status
from sql.command import sql

_GROUPS = {
    "One machine": (demo, sample, sql, provision),
    "On call": (status, smoke, errors, replay, backfill),
    "Tables and schemas": (schema,),
    "Stacks": (resources,),
    "Shell": (completion,),
}

# They use the caller's own credentials. All others work on this machine alone.
_ON_AWS = {sql.name, *(each.name for each in _GROUPS["On call"])}


@click.group(context_settings=CONTEXT_SETTINGS)
@click.version_option(package_name="dmd-pipeline", prog_name="dmd", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def dmd(context: click.Context, debug: bool) -> None:
    """Land a DynamoDB table's changes in S3 as partitioned Avro for Athena."""
    if context.invoked_subcommand not in _ON_AWS:
        forget_aws()


for _title, _commands in _GROUPS.items():
    for _command in _commands:
        dmd.add_command(_command)
    dmd.add_panel(
        click.RichCommandPanel(_title, commands=[each.name for each in _commands if each.name])
    )
