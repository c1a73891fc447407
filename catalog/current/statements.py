"""The queries that make, fill and maintain a record type's table of the current state.

Athena's own grammar is used where it differs from Trino's, the engine that Athena is built from.
The tests run the Trino spelling on a real Trino. The Athena spelling follows AWS's pages and was
not run on Athena:

- CREATE TABLE: https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg-creating-tables.html
- ALTER TABLE ADD COLUMNS:
  https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg-evolving-table-schema.html
- OPTIMIZE: https://docs.aws.amazon.com/athena/latest/ug/optimize-statement.html
- VACUUM: https://docs.aws.amazon.com/athena/latest/ug/vacuum-statement.html
- MERGE INTO: https://docs.aws.amazon.com/athena/latest/ug/merge-into-statement.html

The other statements are the same in both.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from textwrap import indent

from catalog.columns import queried_columns
from catalog.newness import is_newer, newest_of_each
from catalog.types import hive_type, trino_iceberg_type, trino_type
from schemas.columns import Column, Nullable
from schemas.envelope import PARTITION_COLUMN
from schemas.table import Table

_SNAPSHOT_DAYS = 2

# A Trino makes Iceberg tables only in a catalog of their own. In Athena there is one catalog.
_TRINO_CATALOG = "iceberg"


class Dialect(enum.Enum):
    """Whose grammar the statements have."""

    ATHENA = "athena"
    TRINO = "trino"


@dataclass(frozen=True)
class Statements:
    """The queries on one record type's table of the current state.

    Parameters
    ----------
    table
        The type's table of changes, which the current state is made of.
    database, current_database
        The Glue databases of the changes and of the current state.
    days
        How many days a refresh reads at least, the day of the last refresh included.
    tombstone_days
        For how many days a removed record is kept.
    dialect
        Whose grammar to use.
    """

    table: Table
    database: str
    current_database: str
    days: int
    tombstone_days: int
    dialect: Dialect = Dialect.ATHENA

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns in order: those of the changes, then the date of the newest change."""
        return queried_columns(self.table)

    def create(self, location: str) -> str:
        """Return the query that makes the empty table, if there is none.

        Parameters
        ----------
        location
            An ``s3://`` URL, where nothing else lies.
        """
        if self.dialect is Dialect.TRINO:
            columns = ",\n  ".join(
                f"{each.name} {trino_iceberg_type(each.type)}" for each in self.columns
            )
            # Trino compresses with zstd unless told otherwise.
            properties = f"format = 'PARQUET', format_version = 2, location = '{location}'"
            return f"CREATE TABLE IF NOT EXISTS {self._name} (\n  {columns}\n)\nWITH ({properties})"
        columns = ",\n  ".join(f"{each.name} {hive_type(each.type)}" for each in self.columns)
        properties = ",\n  ".join(
            f"'{name}' = '{value}'"
            for name, value in {
                "table_type": "ICEBERG",
                "format": "parquet",
                "write_compression": "zstd",
                "vacuum_max_snapshot_age_seconds": str(_SNAPSHOT_DAYS * 24 * 60 * 60),
            }.items()
        )
        return (
            f"CREATE TABLE IF NOT EXISTS {self._name} (\n  {columns}\n)\n"
            f"LOCATION '{location}'\nTBLPROPERTIES (\n  {properties}\n)"
        )

    def drop(self) -> str:
        """Return the query that deletes the table with its data."""
        if self.dialect is Dialect.TRINO:
            return f"DROP TABLE IF EXISTS {self._name}"
        return f"DROP TABLE IF EXISTS {self._name}"

    def add(self, column: Column) -> str | None:
        """Return the query that adds a column, or None if existing rows would not get its value.

        Existing rows get null in an added column. Only in a nullable column do the files of
        changes that lack it have the same.
        """
        if not isinstance(column.type, Nullable):
            return None
        if self.dialect is Dialect.TRINO:
            kind = trino_iceberg_type(column.type)
            return f"ALTER TABLE {self._name} ADD COLUMN {column.name} {kind}"
        kind = hive_type(column.type)
        return f"ALTER TABLE {self._name} ADD COLUMNS ({column.name} {kind})"

    def merge(self, late: str, since: str) -> str:
        """Return the query that brings the newest changes into the table.

        It reads all dates from one on, not only those with new files. So it always sees the
        removal of a record whose late change it sees, and no removed record comes back. Run again,
        or with changes that the table has, it changes nothing.

        Parameters
        ----------
        late
            The earliest date with changes that came late, ``YYYY-MM-DD``.
        since
            When the last refresh that succeeded began, in ISO 8601 with a time zone: changes that
            came before are in the table. One hour is taken off for clocks that differ.
        """
        # Literals that the engine can work out before it lists partitions.
        first = (
            f"least('{late}', CAST(date(from_iso8601_timestamp('{since}') - INTERVAL '1' HOUR)"
            f" - INTERVAL '{self.days - 1}' DAY AS varchar))"
        )
        return self._merge(is_newer("s", "t"), f"\n  WHERE {PARTITION_COLUMN} >= {first}")

    def merge_all(self) -> str:
        """Return the query that brings all changes into the table.

        It also completes the rows that were merged before a column was added. It compares more
        columns of the table than `merge`, and Athena bills for each.
        """
        fuller = " OR ".join(
            f"(t.{each.name} IS NULL AND s.{each.name} IS NOT NULL)"
            for each in self.columns
            if isinstance(each.type, Nullable)
        )
        return self._merge(f"({is_newer('s', 't')} OR (NOT {is_newer('t', 's')} AND ({fuller})))")

    def _merge(self, wins: str, where: str = "") -> str:
        columns = [each.name for each in self.columns]
        listed = ",\n  ".join(
            converted(each, trino_iceberg_type(each.type)) for each in self.columns
        )
        source = newest_of_each(listed, f"{self.database}.{self.table.record_type}{where}")
        updates = ", ".join(f"{name} = s.{name}" for name in columns)
        return f"""\
MERGE INTO {self._name} AS t
USING (
{indent(source, "  ")}
) AS s
ON t.record_key = s.record_key
WHEN MATCHED AND {wins}
  THEN UPDATE SET {updates}
WHEN NOT MATCHED
  THEN INSERT ({", ".join(columns)})
  VALUES ({", ".join(f"s.{name}" for name in columns)})"""  # noqa: S608 - names of schemas

    def forget(self) -> str:
        """Return the query that deletes the records that were removed long enough ago."""
        return (
            f"DELETE FROM {self._name} WHERE is_deleted AND changed_at < "  # noqa: S608 - as above
            f"CAST(current_timestamp AS timestamp(6)) - INTERVAL '{self.tombstone_days}' DAY"
        )

    def check(self) -> str:
        """Return the query that fails with a division by zero if a record has two rows.

        Iceberg lets one of two merges fail that insert the same record. Where an engine did not,
        nothing else would show it.
        """
        return (
            "SELECT 1 / IF(count(*) = count(DISTINCT record_key), 1, 0) "  # noqa: S608 - as above
            f"FROM {self._name}"
        )

    def optimize(self) -> str:
        """Return the query that rewrites small files and files with deleted rows."""
        if self.dialect is Dialect.TRINO:
            return f"ALTER TABLE {self._name} EXECUTE optimize"
        return f"OPTIMIZE {self._name} REWRITE DATA USING BIN_PACK"

    def vacuum(self) -> str:
        """Return the query that deletes what no snapshot of the last days needs.

        Athena asks for another run as long as there is more to delete.
        """
        if self.dialect is Dialect.TRINO:
            return (
                f"ALTER TABLE {self._name} EXECUTE "
                f"expire_snapshots(retention_threshold => '{_SNAPSHOT_DAYS}d')"
            )
        return f"VACUUM {self._name}"

    @property
    def _name(self) -> str:
        # Without quotes: a database's and a type's name need none, and Athena's statements differ
        # in those that they allow.
        name = f"{self.current_database}.{self.table.record_type}"
        return f"{_TRINO_CATALOG}.{name}" if self.dialect is Dialect.TRINO else name


def converted(column: Column, wanted: str) -> str:
    """Return what to select for a column between the table of changes and that of Iceberg.

    Parameters
    ----------
    column
        The column, which both tables have.
    wanted
        The Trino type that it has in the one that is written or shown.
    """
    if trino_type(column.type) == trino_iceberg_type(column.type):
        return column.name
    return f"CAST({column.name} AS {wanted}) AS {column.name}"
