"""How answers are shown: as a table to a person, as text or Parquet to a program."""

from __future__ import annotations

import io
import sys

from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

from athena.engine import QueryResult
from athena.errors import SqlError
from athena.render import print_table as print_answer
from athena.render import render
from console.storage import writing
from console.tables import print_table
from console.terminal import messages, output, write
from sql.answer import Answer, Statistics
from sql.parquet import write_parquet


def show(answer: Answer, form: str) -> None:
    """Write an answer to the standard output, and what it took to a person who watches.

    Parameters
    ----------
    answer
        The answer.
    form
        One of `sql.command.FORMATS`.

    Raises
    ------
    SqlError
        Parquet is not for a terminal.
    CannotWriteError
        The disk that the standard output goes to is full.
    """
    console = output()
    if form == "parquet":
        if sys.stdout.isatty():
            raise SqlError(
                "Parquet is not for a terminal: write it to a file with > answer.parquet"
            )
        file = io.BytesIO()
        write_parquet(answer.result, file)
        with writing("the standard output"):
            sys.stdout.buffer.write(file.getvalue())
            sys.stdout.buffer.flush()
    elif not answer.result.columns:
        # Such as PREPARE, which answers nothing.
        pass
    elif form == "table" and console.is_terminal:
        print_answer(answer.result, console)
    else:
        write(render(answer.result, form))
    told = messages()
    print_notes(answer, told)
    if told.is_terminal or answer.statistics.usd is not None:
        print_summary(answer, told)


def print_notes(answer: Answer, console: Console) -> None:
    """Print what the reader of an answer should know."""
    for note in answer.result.notes:
        console.print(Text(f"note: {note}"), soft_wrap=True)


def print_summary(answer: Answer, console: Console) -> None:
    """Print what a statement took."""
    console.print(Text(summary(answer.statistics), "dim"), soft_wrap=True)


def print_texts(result: QueryResult, console: Console) -> None:
    """Print rows of sentences and names as a table, which may wrap them; values are not for it."""
    names = [name for name, _ in result.columns]
    print_table(console, names, [[str(cell or "") for cell in row] for row in result.rows])


def summary(statistics: Statistics) -> str:
    """Return what a statement took as one line: ``0.12 s, 4 files, 1.2 MB read``."""
    parts = [f"{statistics.seconds:.2f} s"]
    if statistics.files is not None:
        parts.append(f"{statistics.files:,} file{'' if statistics.files == 1 else 's'}")
    if statistics.bytes is not None:
        parts.append(f"{decimal(statistics.bytes)} read")
    if statistics.usd is not None:
        parts.append(f"{statistics.usd:.5f} USD at the list price")
    return ", ".join(parts)
