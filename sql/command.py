"""The command line of ``dmd sql``; ``sql.action`` is what it runs."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from console.help import Command
from ops.options import StackOptions, stack_options_of

FORMATS = ("table", "json", "csv", "parquet")

_EXAMPLES = """
Examples:

  dmd sql
  dmd sql "SELECT channel, count(*) FROM demand GROUP BY channel"
  dmd sql --data out --format csv -f queries.sql
  dmd sql --saved changes-of-a-day --param "'2026-11-01'"
  dmd sql --stack dev1 --format parquet "SELECT * FROM sale" > sale.parquet
"""


@click.command(cls=Command, epilog=_EXAMPLES)
@click.argument("query", metavar="[SQL]", required=False)
@click.option("-c", "given", metavar="SQL", help="Answer these statements, as the argument does.")
@click.option(
    "-f",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Answer the statements of a file; - is the standard input.",
)
@click.option(
    "--saved",
    is_flag=False,
    flag_value="",
    metavar="[NAME]",
    help="Answer a saved query of the stack. Without a name, list them.",
)
@click.option("--tables", is_flag=True, help="List the tables and their columns.")
@click.option(
    "--param",
    "parameters",
    multiple=True,
    metavar="VALUE",
    help="An SQL literal for the next ? of the statement, such as \"'2026-11-01'\".",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How to print the answers. Parquet holds the answer of one statement.",
)
@click.option("--database", metavar="NAME", help="Look up table names without a database here.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Ask a folder that `dmd demo --export` has written, instead of the last run.",
)
@click.option("--kept", is_flag=True, help="Ask the run that `dmd demo --keep` keeps up.")
@click.option("--trino", metavar="URL", help="Ask a Trino: http://user@host:8080/catalog/schema.")
@stack_options_of("the last local run")
def sql(
    query: str | None,
    given: str | None,
    file: Path | None,
    saved: str | None,
    tables: bool,
    parameters: tuple[str, ...],
    form: str,
    database: str | None,
    data: Path | None,
    kept: bool,
    trino: str | None,
    where: StackOptions,
) -> int:
    r"""Answer statements of Athena SQL over the tables of the last local run.

    With --stack, Athena itself answers in the stack's workgroup, with your own credentials, and
    bills for what it reads. A local query that cannot be answered as Athena would answer it ends in
    an error that says why.

    Without a statement it is a prompt, in which \? lists the commands. If the standard input is no
    terminal, the statements are read from there. SQL can be - for the same.
    """
    if sum(each is not None for each in (query, given, file, saved)) + tables > 1:
        raise click.UsageError("give one of SQL, -c, -f, --saved and --tables")
    on_aws = where.stack is not None or where.endpoint_url is not None
    if sum((data is not None, kept, trino is not None, on_aws)) > 1:
        raise click.UsageError(
            "give one of --data, --kept, --trino and --stack (with or without --endpoint-url)"
        )
    if (where.profile or where.region) and not (on_aws or kept):
        raise click.UsageError("--profile and --region need --stack or --endpoint-url")
    if saved == "" and parameters:
        raise click.UsageError("--param needs a statement")
    from sql.action import Source, list_saved, list_tables, run

    source = Source(data, trino, where if on_aws or kept else None, database)
    if tables:
        return list_tables(source)
    if saved == "":
        return list_saved(source)
    return run(source, query or given, file, saved, parameters, form)
