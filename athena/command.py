"""``dmd sql``: ask the tables of the last run, or of an exported folder, in Athena's SQL."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from athena.engine import QueryResult, run_query
from athena.errors import SqlError
from athena.render import FORMATS, render
from athena.show import describe
from athena.tables.catalog import read_catalog
from console.state import LAST_RUN, state_directory

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add ``dmd sql`` to the subcommands of ``dmd``."""
    parser = subparsers.add_parser(
        "sql",
        help="answer Athena SQL over the tables of the last local run",
        description=(
            "Answer a query of Athena's SQL (Trino's dialect) over the tables as Glue describes"
            " them. What cannot be answered as Athena would is an error that says so."
        ),
    )
    parser.add_argument("query", nargs="?", metavar="SQL", help="the query; - reads it from stdin")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="a folder from `dmd demo --export` (last run)"
    )
    parser.add_argument("--database", help="where bare table names are looked up")
    parser.add_argument("--format", choices=FORMATS, default="table", dest="form")
    parser.add_argument("--tables", action="store_true", help="list the tables and their columns")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Answer the query on standard output; return the exit status.

    1 is a query or data that cannot be answered, 2 a wrong use of the command.
    """
    if bool(args.query) == args.tables:
        sys.stderr.write('dmd sql: give a query, "SELECT …", or --tables\n')
        return 2
    try:
        data_dir = args.data or _last_run()
        if args.tables:
            sys.stdout.write(_tables(data_dir, args.database))
            return 0
        query = sys.stdin.read() if args.query == "-" else args.query
        sys.stdout.write(render(run_query(data_dir, query, args.database), args.form))
    except SqlError as error:
        sys.stderr.write(f"dmd sql: {error}\n")
        return 1
    return 0


def _last_run() -> Path:
    return state_directory() / LAST_RUN


def _tables(data_dir: Path, database: str | None) -> str:
    catalog = read_catalog(data_dir)
    parts = []
    for table in catalog.tables:
        if database is None or table.database == database.lower():
            kind = "view" if table.view else "table"
            parts.append(
                f"{table.full_name} ({kind})\n{render(QueryResult(*describe(table)), 'table')}"
            )
    return "\n".join(parts) or "There are no tables.\n"
