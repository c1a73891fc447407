"""What of a table a query reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from athena.tables.catalog import Table

# Where a row comes from: a column that every table has and no * shows.
PATH_COLUMN = "$path"


@dataclass
class Scan:
    """One reading of a table by the query: the columns and the partitions that it needs.

    Parameters
    ----------
    table
        The table that is read.
    relation
        The name that the rows have in the engine.
    columns
        Names of the columns that the query uses.
    date_tests
        Conditions on partition key values, each of which every needed partition meets.
    """

    table: Table
    relation: str
    columns: set[str] = field(default_factory=set)
    date_tests: list[tuple[str, Callable[[str], bool]]] = field(default_factory=list)
