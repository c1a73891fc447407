"""The view of the current state of each record, over a record type's table of changes.

See docs/design.md#the-current-state.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from catalog.columns import GlueColumn, queried_columns
from catalog.newness import newest_of_each
from catalog.types import hive_type, trino_type
from schemas.columns import Column
from schemas.envelope import PARTITION_COLUMN
from schemas.names import VIEW_SUFFIX
from schemas.table import Table, table

# Athena's name of Glue's catalog. A view names the catalog of its tables.
CATALOG = "awsdatacatalog"


@dataclass(frozen=True)
class CurrentStateView:
    """The view of a record type's current state: the newest change of each record, not deleted.

    Parameters
    ----------
    name
        ``<record_type>_latest``.
    sql
        The query, in Trino's dialect.
    columns
        The query's columns in order: those of the table, then the partition key.
    """

    name: str
    sql: str
    columns: tuple[Column, ...]

    @property
    def glue_columns(self) -> tuple[GlueColumn, ...]:
        """The columns as Glue lists them."""
        return tuple(GlueColumn(c.name, hive_type(c.type), c.doc) for c in self.columns)

    def original_text(self, database: str) -> str:
        """Return the definition as Athena itself writes it into Glue's ``ViewOriginalText``.

        It lists the columns with Trino's types. If the view's query returns other columns,
        Athena refuses the view, but only when somebody queries it
        (docs/aws-contracts.md#athena-views).

        Parameters
        ----------
        database
            The Glue database of the view and its table.
        """
        definition = {
            "originalSql": self.sql,
            "catalog": CATALOG,
            "schema": database,
            "columns": [
                {"name": column.name, "type": trino_type(column.type)} for column in self.columns
            ],
        }
        encoded = base64.b64encode(json.dumps(definition).encode()).decode()
        return f"/* Presto View: {encoded} */"


def current_state_view(record_type: str) -> CurrentStateView:
    """Return the view of a record type's current state.

    Raises
    ------
    SchemaError
        The type is unknown or its schema cannot be used.
    """
    return view_of(table(record_type))


def view_of(described: Table) -> CurrentStateView:
    """Return the view of the current state of a table's records."""
    return CurrentStateView(
        name=latest(described.record_type),
        sql=_sql(described),
        columns=queried_columns(described),
    )


def latest(record_type: str) -> str:
    """Return the name of the view of a record type's current state."""
    return f"{record_type}{VIEW_SUFFIX}"


def current_state_sql(record_type: str, since: str | None = None) -> str:
    """Return the query of a record type's current state.

    Parameters
    ----------
    record_type
        For example ``demand``.
    since
        A partition date as an SQL expression: only changes from that date on are read. The answer
        is that of the view filtered by ``partition_date >= since``: if the newest change of a
        record is of that date or later, it is among the changes read. There is no form with an
        end date, because its answer would be an older state.

    Raises
    ------
    SchemaError
        The type is unknown or its schema cannot be used.
    """
    return _sql(table(record_type), since)


def _sql(described: Table, since: str | None = None) -> str:
    listed = ",\n  ".join(column.name for column in queried_columns(described))
    where = f"\n  WHERE {PARTITION_COLUMN} >= {since}" if since else ""
    newest = newest_of_each(listed, f'"{described.record_type}"{where}')
    return f"{newest} AND NOT is_deleted"
