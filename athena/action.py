"""What ``dmd sql`` does: answers over the last run or an exported folder."""

from __future__ import annotations

import sys
from pathlib import Path

from athena.engine import QueryResult, run_query
from athena.render import print_table, render
from athena.show import describe
from athena.tables.catalog import read_catalog
from console.state import LAST_RUN, state_directory
from console.tables import print_table as wrapped
from console.terminal import output, write


def answer(query: str, data: Path | None, database: str | None, form: str) -> int:
    """Print the answer to a query; return the exit status.

    Parameters
    ----------
    query
        One statement, or ``-``: the statement on standard input.
    data
        An exported folder; the last run by default.
    database
        Where table names without a database are looked up.
    form
        One of `athena.command.FORMATS`.

    Raises
    ------
    SqlError
        Athena would refuse the query, its data is broken, or it cannot be answered exactly.
    """
    text = sys.stdin.read() if query == "-" else query
    _print(run_query(data or _last_run(), text, database), form)
    return 0


def list_tables(data: Path | None, database: str | None) -> int:
    """Print each table with its columns; return the exit status.

    Raises
    ------
    SqlError
        There is no such database, or the catalog cannot be read.
    """
    catalog = read_catalog(data or _last_run())
    wanted = None if database is None else catalog.known_database(database)
    listed = [table for table in catalog.tables if wanted in (None, table.database)]
    for number, table in enumerate(listed):
        kind = "view" if table.view else "table"
        write(("\n" if number else "") + f"{table.full_name} ({kind})\n")
        _print_columns(QueryResult(*describe(table)))
    if not listed:
        write("There are no tables.\n")
    return 0


def _last_run() -> Path:
    return state_directory() / LAST_RUN


def _print_columns(result: QueryResult) -> None:
    console = output()
    if console.is_terminal:
        # Comments are sentences, which a table may wrap; values are not.
        names = [name for name, _ in result.columns]
        wrapped(console, names, [[str(cell or "") for cell in row] for row in result.rows])
    else:
        write(render(result, "table"))


def _print(result: QueryResult, form: str) -> None:
    console = output()
    if form == "table" and console.is_terminal:
        print_table(result, console)
    else:
        write(render(result, form))
