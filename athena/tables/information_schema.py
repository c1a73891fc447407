"""``information_schema``: the catalog as tables, with the rows that Trino gives them.

Source: https://trino.io/docs/current/connector/hive.html and recorded answers of Trino.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from athena.errors import SqlError
from athena.tables.catalog import CATALOG_NAME, Catalog, Column, Table
from athena.values.trino_types import BIGINT, VARCHAR

SCHEMA = "information_schema"

_TABLE = ("table_catalog", "table_schema", "table_name")
# Of the roles and privileges, dmd sql knows only that Athena lists their tables.
_COLUMNS = {
    "applicable_roles": ("grantee", "grantee_type", "role_name", "is_grantable"),
    "columns": (
        *_TABLE,
        *("column_name", "ordinal_position", "column_default", "is_nullable", "data_type"),
    ),
    "enabled_roles": ("role_name",),
    "roles": ("role_name",),
    "schemata": ("catalog_name", "schema_name"),
    "table_privileges": (
        *("grantor", "grantor_type", "grantee", "grantee_type"),
        *(*_TABLE, "privilege_type", "is_grantable", "with_hierarchy"),
    ),
    "tables": (*_TABLE, "table_type"),
    "views": (*_TABLE, "view_definition"),
}
_HIDDEN = {"columns": ("comment", "extra_info")}


@dataclass(frozen=True)
class SchemaTable:
    """One of its tables; ``*`` leaves out the last ``hidden`` columns."""

    columns: tuple[Column, ...]
    hidden: int
    rows: list[tuple[Any, ...]]


def schema_table(name: str, catalog: Catalog) -> SchemaTable:
    """Return a table of ``information_schema``.

    Raises
    ------
    SqlError
        dmd sql does not have it.
    """
    name = name.lower()
    reader = _READERS.get(name)
    if reader is None:
        raise SqlError(f"dmd sql has no {SCHEMA}.{name}; it has {', '.join(sorted(_READERS))}")
    hidden = _HIDDEN.get(name, ())
    names = (*_COLUMNS[name], *hidden)
    columns = tuple(Column(each, _kind(each)) for each in names)
    return SchemaTable(columns, len(hidden), [row[: len(names)] for row in reader(catalog)])


def _kind(column: str) -> Any:
    return BIGINT if column == "ordinal_position" else VARCHAR


def _schemata(catalog: Catalog) -> list[tuple[Any, ...]]:
    return [(CATALOG_NAME, name) for name in (SCHEMA, *catalog.databases)]


def _tables(catalog: Catalog) -> list[tuple[Any, ...]]:
    own = [(CATALOG_NAME, SCHEMA, name, "BASE TABLE") for name in _COLUMNS]
    kinds = {True: "VIEW", False: "BASE TABLE"}
    return own + [(*_place(each), kinds[each.is_view]) for each in catalog.tables]


def _columns(catalog: Catalog) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for table, names in _COLUMNS.items():
        for number, name in enumerate(names, 1):
            place = (CATALOG_NAME, SCHEMA, table, name, number)
            rows.append((*place, None, "YES", str(_kind(name)), None, None))
    for each in catalog.tables:
        for number, column in enumerate(each.columns, 1):
            extra = "partition key" if column.name in each.partition_keys else None
            rows.append(
                (
                    *(*_place(each), column.name, number),
                    *(None, "YES", str(column.type), column.comment or None, extra),
                )
            )
    return rows


def _views(catalog: Catalog) -> list[tuple[Any, ...]]:
    return [(*_place(each), each.view.sql) for each in catalog.tables if each.view and each.is_view]


def _place(table: Table) -> tuple[str, str, str]:
    return CATALOG_NAME, table.database, table.name


_READERS = {"schemata": _schemata, "tables": _tables, "columns": _columns, "views": _views}
