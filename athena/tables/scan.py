"""The part of a table that a query reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from athena.tables.catalog import Table

# The file of a row: a column that every table has and that * leaves out.
PATH_COLUMN = "$path"
# The end of the name under which a table's partitions are a table of their own.
PARTITIONS = "$partitions"


@dataclass
class Scan:
    """One reading of a table by the query: the columns and the partitions that it needs.

    Parameters
    ----------
    table
        The table that is read.
    relation
        The name of the rows in DuckDB.
    columns
        Names of the columns that the query uses.
    date_tests
        Conditions on the values of partition keys. A partition is read if it meets all of them.
    files_read, bytes_read
        What has been read so far.
    partitions_only
        Whether it lists the partitions and reads no file.
    """

    table: Table
    relation: str
    columns: set[str] = field(default_factory=set)
    date_tests: list[tuple[str, Callable[[str], bool]]] = field(default_factory=list)
    files_read: int = 0
    bytes_read: int = 0
    partitions_only: bool = False
