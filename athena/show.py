"""``SHOW`` and ``DESCRIBE``: the databases, tables, columns and partitions that exist."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

from athena.errors import SqlError
from athena.tables.catalog import Catalog, Table
from athena.tables.ddl import create_table, create_view
from athena.values.trino_types import VARCHAR, TrinoType

Shown = tuple[tuple[tuple[str, TrinoType], ...], list[tuple[Any, ...]]]

DESCRIPTION = tuple((name, VARCHAR) for name in ("column", "type", "extra", "comment"))
"""The columns of `describe`."""

_NAME = r'["`]?([\w-]+)["`]?'
_TABLE = rf"(?:{_NAME}\.)?{_NAME}"
_DATABASES = re.compile(r"show\s+(?:databases|schemas)", re.IGNORECASE)
_TABLES = re.compile(
    rf"show\s+(tables|views)(?:\s+(?:in|from)\s+{_NAME})?(?:\s+(?:like\s+)?'([^']*)')?",
    re.IGNORECASE,
)
_COLUMNS = re.compile(rf"show\s+columns\s+(?:in|from)\s+{_TABLE}", re.IGNORECASE)
_CREATE = re.compile(rf"show\s+create\s+(table|view)\s+{_TABLE}", re.IGNORECASE)
_PARTITIONS = re.compile(rf"show\s+partitions\s+{_TABLE}", re.IGNORECASE)
_DESCRIBE = re.compile(rf"desc(?:ribe)?\s+{_TABLE}", re.IGNORECASE)


def show(text: str, catalog: Catalog, database: str | None) -> Shown:
    """Return the answer of a SHOW or DESCRIBE; ``text`` is the statement in one line.

    Raises
    ------
    SqlError
        The table or database does not exist, or dmd sql does not support the statement.
    """
    if _DATABASES.fullmatch(text):
        return _named("database_name", sorted(catalog.databases))
    found = _TABLES.fullmatch(text)
    if found:
        named = catalog.known_database(found[2]) if found[2] else database
        return _tables(catalog, found[1].lower(), named, found[3] or "*")
    found = _COLUMNS.fullmatch(text) or _DESCRIBE.fullmatch(text)
    if found:
        return describe(catalog.table(found[2], found[1] or database))
    found = _CREATE.fullmatch(text)
    if found:
        created = create_table if found[1].lower() == "table" else create_view
        lines = created(catalog.table(found[3], found[2] or database))
        return _named("createtab_stmt" if found[1].lower() == "table" else "Create View", lines)
    found = _PARTITIONS.fullmatch(text)
    if found:
        return _partitions(catalog.table(found[2], found[1] or database))
    raise SqlError(
        "dmd sql supports SHOW DATABASES, SHOW TABLES [IN database], SHOW VIEWS, SHOW COLUMNS IN"
        " table, SHOW CREATE TABLE table, SHOW CREATE VIEW view, SHOW PARTITIONS table and DESCRIBE"
        " table"
    )


def _partitions(table: Table) -> Shown:
    """Return the registered partitions: none, because all partitions are projected.

    Notes
    -----
    https://docs.aws.amazon.com/athena/latest/ug/show-partitions.html
    """
    if not table.partition_keys:
        raise SqlError(f"{table.full_name} has no partitions")
    return _named("partition", [])


def notes_on(text: str) -> tuple[str, ...]:
    """Return what the reader of the answer to a SHOW should know."""
    if _PARTITIONS.fullmatch(text) is None:
        return ()
    return (
        "SHOW PARTITIONS lists the registered partitions. The partitions of these tables are"
        ' projected: SELECT * FROM "table$partitions" lists them',
    )


def _tables(catalog: Catalog, kind: str, database: str | None, pattern: str) -> Shown:
    names = [
        table.name
        for table in catalog.tables
        if database in (None, table.database)
        and (kind == "tables" or table.is_view)
        and any(fnmatchcase(table.name, one) for one in pattern.lower().split("|"))
    ]
    return _named("tab_name", sorted(names))


def _named(column: str, names: list[str]) -> Shown:
    return ((column, VARCHAR),), [(name,) for name in names]


def describe(table: Table) -> Shown:
    """Return a table's columns as rows: name, type, whether it is a partition key, comment."""
    rows = [
        (
            column.name,
            str(column.type),
            "partition key" if column.name in table.partition_keys else "",
            column.comment,
        )
        for column in table.columns
    ]
    return DESCRIPTION, rows
