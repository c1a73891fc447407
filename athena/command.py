"""The command line of ``dmd sql``; ``athena.action`` is what it runs."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from console.help import Command

FORMATS = ("table", "json", "csv")

_EXAMPLES = """
Examples:

  dmd sql "SELECT channel, count(*) FROM demand GROUP BY channel"
  dmd sql --tables
  dmd sql --data out --format csv - < query.sql
"""


@click.command(cls=Command, epilog=_EXAMPLES)
@click.argument("query", metavar="[SQL]", required=False)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Ask a folder that `dmd demo --export` has written, instead of the last run.",
)
@click.option("--database", metavar="NAME", help="Look up table names without a database here.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How to print the answer.",
)
@click.option("--tables", is_flag=True, help="List the tables and their columns instead.")
def sql(query: str | None, data: Path | None, database: str | None, form: str, tables: bool) -> int:
    """Answer a query of Athena SQL over the tables of the last local run.

    SQL is one statement of Athena's dialect, or - to read it from standard input. A query that
    cannot be answered as Athena would answer it ends in an error that says why.
    """
    if bool(query) == tables:
        raise click.UsageError('give a query, "SELECT …", or --tables')
    from athena.action import answer, list_tables

    return answer(query, data, database, form) if query else list_tables(data, database)
