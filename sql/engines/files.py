"""The tables of a local run or of an exported folder, which `athena.engine` reads."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from athena.engine import run_query
from athena.tables.catalog import Catalog
from athena.tables.folder import read_catalog
from catalog.current.view import current
from console.progress import Progress
from infra.queries import SavedQuery, saved_queries
from schemas import RECORD_TYPES
from sql.answer import Answer, Statistics
from sql.tables import TableShape, shapes


class FilesEngine:
    """Answers from files, as Athena would.

    Parameters
    ----------
    folder
        What ``dmd demo --export`` writes.
    database
        Where table names without a database are looked up; the one with tables by default.
    label
        What the folder is called in the prompt.
    """

    def __init__(self, folder: Path, database: str | None, label: str) -> None:
        self._folder = folder
        self._database = database
        self.label = label
        self._prepared: dict[str, str] = {}

    def run(self, sql: str, parameters: Sequence[str], progress: Progress) -> Answer:
        """Answer one statement; see `sql.answer.Engine`."""
        began = time.monotonic()
        result = run_query(
            self._folder,
            sql,
            self._database,
            parameters=parameters,
            prepared=self._prepared,
        )
        took = time.monotonic() - began
        return Answer(result, Statistics(took, result.files_read, result.bytes_read))

    def tables(self) -> tuple[TableShape, ...]:
        """Return the tables of the database, or of all without one."""
        catalog = read_catalog(self._folder)
        wanted = None if self._database is None else catalog.known_database(self._database)
        return shapes(each for each in catalog.tables if wanted in (None, each.database))

    def saved(self) -> tuple[SavedQuery, ...]:
        """Return the queries that the Pulumi program saves for a stack with these tables."""
        catalog = read_catalog(self._folder)
        types, names = _record_types(catalog), {each.name for each in catalog.tables}
        return saved_queries(types, current=names.issuperset(map(current, types)))


def _record_types(catalog: Catalog) -> list[str]:
    database = catalog.default_database()
    names = {each.name for each in catalog.tables if each.database == database and not each.view}
    return [each for each in sorted(RECORD_TYPES) if each in names]
