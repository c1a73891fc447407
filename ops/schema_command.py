"""The command line of ``dmd schema``, which runs ``ops.schema_action``."""

from __future__ import annotations

import rich_click as click

from console.help import Command
from ops.options import complete_types
from schemas import RECORD_TYPES


@click.group()
def schema() -> None:
    """Show the tables' schemas, or check a change of them."""


@schema.command(cls=Command)
@click.argument("types", metavar="[TYPE]...", nargs=-1, shell_complete=complete_types)
@click.option("--avro", is_flag=True, help="Show the full Avro schemas instead, one per line.")
def show(types: tuple[str, ...], avro: bool) -> int:
    """Show the columns of tables as Markdown.

    TYPE is a record type; without one, all tables are shown. The columns are derived from
    schemas/<type>.json.
    """
    from ops.schema_action import show as run

    return run(types or RECORD_TYPES, avro=avro)


@schema.command(cls=Command)
@click.option(
    "--against",
    metavar="REF",
    show_default="the main branch",
    help="Compare with this commit, by any name that git knows.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option(
    "--warning-status",
    type=click.IntRange(0, 255),
    default=0,
    show_default=True,
    metavar="N",
    help="Exit with this status if there are warnings and nothing is refused.",
)
def check(against: str | None, as_json: bool, warning_status: int) -> int:
    """Compare the schemas with those of a commit, and refuse what is not safe.

    The command refuses a change if Athena could no longer read files of the older schemas, or
    would read them wrongly without an error. The exit status is then 1.
    """
    from ops.schema_action import check as run

    return run(against, as_json=as_json, warning_status=warning_status)
