"""``SHOW`` and ``DESCRIBE``: the databases, tables and columns that exist."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

from athena.errors import SqlError
from athena.tables.catalog import Catalog, Table
from athena.values.trino_types import VARCHAR, TrinoType

Shown = tuple[tuple[tuple[str, TrinoType], ...], list[tuple[Any, ...]]]

_NAME = r'["`]?([\w-]+)["`]?'
_TABLE = rf"(?:{_NAME}\.)?{_NAME}"
_DATABASES = re.compile(r"show\s+(?:databases|schemas)", re.IGNORECASE)
_TABLES = re.compile(
    rf"show\s+(tables|views)(?:\s+(?:in|from)\s+{_NAME})?(?:\s+(?:like\s+)?'([^']*)')?",
    re.IGNORECASE,
)
_COLUMNS = re.compile(rf"show\s+columns\s+(?:in|from)\s+{_TABLE}", re.IGNORECASE)
_DESCRIBE = re.compile(rf"desc(?:ribe)?\s+{_TABLE}", re.IGNORECASE)


def show(sql: str, catalog: Catalog, database: str | None) -> Shown | None:
    """Return the answer of a SHOW or DESCRIBE, or None if the statement is neither.

    Raises
    ------
    SqlError
        The table or database does not exist, or dmd sql does not support the statement.
    """
    text = " ".join(sql.split()).removesuffix(";").strip()
    if not re.match(r"(show|desc|describe)\b", text, re.IGNORECASE):
        return None
    if _DATABASES.fullmatch(text):
        return _named("database_name", sorted(catalog.databases))
    found = _TABLES.fullmatch(text)
    if found:
        named = catalog.known_database(found[2]) if found[2] else database
        return _tables(catalog, found[1].lower(), named, found[3] or "*")
    found = _COLUMNS.fullmatch(text) or _DESCRIBE.fullmatch(text)
    if found:
        return describe(catalog.table(found[2], found[1] or database))
    raise SqlError(
        "dmd sql supports SHOW DATABASES, SHOW TABLES [IN database], SHOW VIEWS,"
        " SHOW COLUMNS IN table and DESCRIBE table"
    )


def _tables(catalog: Catalog, kind: str, database: str | None, pattern: str) -> Shown:
    names = [
        table.name
        for table in catalog.tables
        if database in (None, table.database)
        and (kind == "tables" or table.view is not None)
        and any(fnmatchcase(table.name, one) for one in pattern.lower().split("|"))
    ]
    return _named("tab_name", sorted(names))


def _named(column: str, names: list[str]) -> Shown:
    return ((column, VARCHAR),), [(name,) for name in names]


def describe(table: Table) -> Shown:
    """Return a table's columns as rows: name, type, whether it is a partition key, comment."""
    columns = (
        ("column", VARCHAR),
        ("type", VARCHAR),
        ("extra", VARCHAR),
        ("comment", VARCHAR),
    )
    rows = [
        (
            column.name,
            str(column.type),
            "partition key" if column.name in table.partition_keys else "",
            column.comment,
        )
        for column in table.columns
    ]
    return columns, rows
