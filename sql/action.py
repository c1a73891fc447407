"""What ``dmd sql`` does: it chooses an engine, and answers statements or opens the prompt."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from athena.engine import QueryResult
from athena.errors import SqlError
from athena.render import render
from console.progress import Progress
from console.state import LAST_RUN, state_directory
from console.terminal import output, write
from ops.options import StackOptions
from sql.answer import Engine
from sql.output import print_texts, show
from sql.saved import by_name, listed
from sql.statements import check_count, split

_STANDARD_INPUT = Path("-")


@dataclass(frozen=True)
class Source:
    """Where answers come from; the last local run unless one of the first three is given.

    Parameters
    ----------
    data
        An exported folder.
    trino
        URL of a Trino.
    where
        A stack on AWS or at an endpoint; without a name, the run that is kept up.
    database
        Where table names without a database are looked up.
    """

    data: Path | None = None
    trino: str | None = None
    where: StackOptions | None = None
    database: str | None = None

    def engine(self) -> Engine:
        """Return the engine, with nothing asked yet except whose the credentials are.

        Raises
        ------
        CommandError
            There is no such stack, run or Trino, or the credentials do not reach it.
        """
        # Each imports what only it needs.
        if self.trino is not None:
            from sql.engines.trino import TrinoEngine

            return TrinoEngine(self.trino, self.database)
        if self.where is not None:
            return _stack(self.where, self.database)
        from sql.engines.files import FilesEngine

        if self.data is not None:
            return FilesEngine(self.data, self.database, self.data.name)
        return FilesEngine(state_directory() / LAST_RUN, self.database, "last run")


def _stack(where: StackOptions, database: str | None) -> Engine:
    from ops.deployment import open_deployment
    from sql.engines.athena import AthenaEngine

    deployment = open_deployment(where)
    return AthenaEngine(
        deployment.client("athena"),
        deployment.client("glue"),
        # The workgroup has the database's name.
        workgroup=deployment.naming.database,
        database=database or deployment.naming.database,
        label=f"{deployment.stack} (local)" if deployment.local else deployment.stack,
    )


def run(
    source: Source,
    text: str | None,
    file: Path | None,
    saved: str | None,
    parameters: Sequence[str],
    form: str,
) -> int:
    """Answer statements, or open the prompt if there are none; return the exit status.

    Parameters
    ----------
    source
        Where the answers come from.
    text, file, saved
        The statements, a file with them, or the name of a saved query: at most one of them.
        ``-`` is the standard input.
    parameters
        An SQL literal for each ``?`` of the one statement.
    form
        One of `sql.command.FORMATS`.

    Raises
    ------
    CommandError
        A statement has no answer. Those before it have been answered.
    """
    engine = source.engine()
    asked = text is not None or file is not None or saved is not None
    if not asked and sys.stdin.isatty() and sys.stdout.isatty():
        from sql.prompt import Prompt

        return Prompt(engine).run()
    statements = split(_text(engine, text, file, saved)).every
    if not statements:
        raise SqlError("there is no statement; give a SELECT")
    if len(statements) > 1 and (parameters or form == "parquet"):
        option = "--param" if parameters else "--format parquet"
        raise SqlError(f"{option} is for one statement, and there are {len(statements)}")
    for number, each in enumerate(statements):
        if each.startswith("\\"):
            raise SqlError(
                f"{each.split()[0]} is a command of the prompt, not a statement; --tables lists "
                "the tables with their columns, --saved the saved queries"
            )
        check_count(each, parameters)
        with Progress() as progress:
            answer = engine.run(each, parameters, progress)
        if number and form == "table":
            write("\n")
        show(answer, form)
    return 0


def _text(engine: Engine, text: str | None, file: Path | None, saved: str | None) -> str:
    if saved is not None:
        return by_name(engine, saved).sql
    if text is not None and text != "-":
        return text
    if file is None or file == _STANDARD_INPUT:
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise SqlError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SqlError(f"{file} is not a text in UTF-8: {error}") from error


def list_tables(source: Source) -> int:
    """Print each table with its columns; return the exit status.

    Raises
    ------
    CommandError
        There is no such database, or the catalog cannot be read.
    """
    listed = source.engine().tables()
    for number, table in enumerate(listed):
        write(("\n" if number else "") + f"{table.full_name} ({table.kind})\n")
        _print_texts(table.described())
    if not listed:
        write("There are no tables.\n")
    return 0


def list_saved(source: Source) -> int:
    """Print the saved queries; return the exit status.

    Raises
    ------
    CommandError
        They cannot be read.
    """
    _print_texts(listed(source.engine()))
    return 0


def _print_texts(result: QueryResult) -> None:
    console = output()
    if console.is_terminal:
        # Comments are sentences, which a table may wrap; values are not.
        print_texts(result, console)
    else:
        write(render(result, "table"))
