"""The view that analysts ask: the records that are not removed, as of the last refresh."""

from __future__ import annotations

from catalog.columns import queried_columns
from catalog.current.statements import converted
from catalog.types import trino_type
from catalog.views import CATALOG, CurrentStateView
from schemas.names import CURRENT_SUFFIX
from schemas.table import Table, table


def current(record_type: str) -> str:
    """Return the name of the view of a record type's current state as it was last refreshed."""
    return f"{record_type}{CURRENT_SUFFIX}"


def refreshed_view(record_type: str, current_database: str) -> CurrentStateView:
    """Return the view of a record type's table of the current state.

    Its columns are those of the view over all changes, with the same types.

    Parameters
    ----------
    record_type
        For example ``demand``.
    current_database
        The Glue database of the table of the current state.

    Raises
    ------
    SchemaError
        The type is unknown or its schema cannot be used.
    """
    return refreshed_view_of(table(record_type), current_database)


def refreshed_view_of(described: Table, current_database: str) -> CurrentStateView:
    """Return the view of the current state of a table's records, as `refreshed_view`."""
    columns = queried_columns(described)
    listed = ",\n  ".join(converted(each, trino_type(each.type)) for each in columns)
    source = f'"{CATALOG}"."{current_database}"."{described.record_type}"'
    return CurrentStateView(
        name=current(described.record_type),
        sql=f"SELECT\n  {listed}\nFROM {source}\nWHERE NOT is_deleted",
        columns=columns,
    )
