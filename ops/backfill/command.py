"""The command line of ``dmd backfill``, which runs ``ops.backfill.action``."""

from __future__ import annotations

import re

import rich_click as click

from console.help import Command
from ops.options import StackOptions, stack_options, types_option

_EXAMPLES = """
Examples:

  dmd backfill s3://exports/AWSDynamoDB/01695353076000-a1b2c3d4/ --dry-run
  dmd backfill s3://exports/AWSDynamoDB/01695353076000-a1b2c3d4/ --stack dev1

docs/backfill.md says when to make the export.
"""


class _Shard(click.ParamType[tuple[int, int]]):
    name = "shard"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"([0-9]{1,6})/([1-9][0-9]{0,5})", str(value))
        if match is None or int(match[1]) >= int(match[2]):
            self.fail(f"{value!r} is not I/N with I from 0 to N - 1, such as 0/8", param, ctx)
        return int(match[1]), int(match[2])


@click.command(cls=Command, epilog=_EXAMPLES)
@click.argument("export")
@stack_options
@types_option("Take only items of this record type.", "those of the stack")
@click.option(
    "--margin",
    type=click.IntRange(0, 3600),
    metavar="SECONDS",
    show_default="300",
    help="Date the rows so long before the export's time. It has to be more than clocks differ.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Share the data files among so many processes.",
)
@click.option(
    "--shard",
    type=_Shard(),
    default=(0, 1),
    show_default="0/1",
    metavar="I/N",
    help="Take only each N-th data file, from number I on (I begins with 0).",
)
@click.option(
    "--failed-again",
    is_flag=True,
    help="Take only the items that failed before, for example after a schema was corrected.",
)
@click.option("--dry-run", is_flag=True, help="Check everything, say what would be done, and stop.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def backfill(
    where: StackOptions,
    export: str,
    types: tuple[str, ...],
    margin: int | None,
    workers: int,
    shard: tuple[int, int],
    failed_again: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Write the items of a DynamoDB export to the tables.

    EXPORT is the URL of an export to S3, or a local folder with the same content. Each item becomes
    a row with the change_type SNAPSHOT, and changes from the stream win over it. The command may be
    stopped and run again at any moment, and several may run at once: each item is written once. The
    exit status is 1 if a data file is left or an item failed.
    """
    from ops.backfill.action import BackfillOptions, run

    options = BackfillOptions(
        source=export,
        margin_seconds=margin,
        types=types,
        shard=shard,
        workers=workers,
        failed_again=failed_again,
        dry_run=dry_run,
        yes=yes,
        as_json=as_json,
    )
    return run(where, options)
