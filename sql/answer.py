"""What an engine gives back, whichever it is, and what it must be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from athena.engine import QueryResult
from console.progress import Progress
from infra.queries import SavedQuery
from sql.tables import TableShape


@dataclass(frozen=True)
class Statistics:
    """What a statement took.

    Parameters
    ----------
    seconds
        From the start of the statement to its last row.
    files, bytes
        What was read of the tables; None if the engine does not tell.
    usd
        What Athena charges for it; None if the engine is not Athena.
    """

    seconds: float
    files: int | None = None
    bytes: int | None = None
    usd: float | None = None


@dataclass(frozen=True)
class Answer:
    """The answer to a statement: columns with Trino's types, rows, and what it took."""

    result: QueryResult
    statistics: Statistics


class Engine(Protocol):
    """What answers statements.

    A KeyboardInterrupt during `run` cancels the statement where it runs, and goes on to the caller.
    Every method raises `athena.errors.SqlError` or another `console.errors.CommandError` if there
    is no answer.
    """

    @property
    def label(self) -> str:
        """Where the answers come from, for the prompt."""

    def run(self, sql: str, parameters: Sequence[str], progress: Progress) -> Answer:
        """Answer one statement.

        Parameters
        ----------
        sql
            The statement, without a semicolon at its end.
        parameters
            An SQL literal for each ``?`` of the statement.
        progress
            Shows how far a slow statement is.
        """

    def tables(self) -> Sequence[TableShape]:
        """Return the tables and views that a statement can name."""

    def saved(self) -> Sequence[SavedQuery]:
        """Return the saved queries of the stack."""
