"""The databases, tables and views that a query can name, from Glue's form of them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from athena.errors import SqlError
from athena.values.trino_types import TrinoType, parse_type

CATALOG_NAME = "awsdatacatalog"
PARQUET_SUFFIX = "_parquet"
"""The end of the name of the database of the current state, after that of the changes."""

_VIEW = re.compile(r"/\*\s*Presto View:\s*([A-Za-z0-9+/=\s]+?)\s*\*/")


@dataclass(frozen=True)
class Column:
    """A column of a table or view."""

    name: str
    type: TrinoType
    comment: str = ""


@dataclass(frozen=True)
class View:
    """What Athena keeps of a view: its query and the columns that the query had."""

    sql: str
    database: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Table:
    """A table as Glue describes it.

    Parameters
    ----------
    columns
        Every column, the partition keys last, names in lower case.
    partition_keys
        The names of the partition keys.
    location
        ``s3://bucket/prefix/``.
    parameters
        The table's parameters, ``projection.*`` among them.
    schema_literal
        ``avro.schema.literal``, or None.
    view
        The view's definition if this is one.
    definition
        The table as Glue has it.
    stand_in
        Whether this is a table for which a view answers here (`athena.tables.current`).
    """

    database: str
    name: str
    columns: tuple[Column, ...]
    partition_keys: tuple[str, ...]
    location: str
    parameters: Mapping[str, str]
    schema_literal: str | None
    view: View | None
    definition: Mapping[str, Any] = field(default_factory=dict)
    stand_in: bool = False

    @property
    def is_view(self) -> bool:
        """Whether Athena lists it as a view."""
        return self.view is not None and not self.stand_in

    @property
    def full_name(self) -> str:
        """``database.table``."""
        return f"{self.database}.{self.name}"


@dataclass(frozen=True)
class Catalog:
    """The tables that a query can name."""

    bucket: str
    databases: tuple[str, ...]
    tables: tuple[Table, ...]

    def default_database(self) -> str | None:
        """Return the only database with tables, where names without a database are looked up.

        A database whose name ends with ``_parquet`` counts only if no other has tables.
        """
        filled = sorted({table.database for table in self.tables})
        if len(filled) > 1:
            filled = [name for name in filled if not name.endswith(PARQUET_SUFFIX)]
        return filled[0] if len(filled) == 1 else None

    def known_database(self, name: str) -> str:
        """Return the name of a database in lower case.

        Raises
        ------
        SqlError
            There is no such database.
        """
        if name.lower() not in self.databases:
            raise SqlError(f"there is no database {name!r}; there are {', '.join(self.databases)}")
        return name.lower()

    def table(self, name: str, database: str | None) -> Table:
        """Return the table that a query names.

        Raises
        ------
        SqlError
            There is no such table or database, or several that the name could mean.
        """
        database = self.known_database(database) if database is not None else None
        found = [
            table
            for table in self.tables
            if table.name == name.lower() and database in (None, table.database)
        ]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(table.full_name for table in found)
            raise SqlError(f"the table {name!r} is ambiguous: {names}; name the database")
        within = [t.name for t in self.tables if database in (None, t.database)]
        where = f" in {database}" if database else ""
        listed = ", ".join(sorted(set(within))) or "no tables at all"
        raise SqlError(f"there is no table {name!r}{where}; there are {listed}")


def _columns(listed: Iterable[Mapping[str, Any]], table: str) -> list[Column]:
    columns = []
    for column in listed:
        try:
            kind = parse_type(column["Type"])
        except SqlError as error:
            raise SqlError(f"{table}, column {column['Name']}: {error}") from None
        columns.append(Column(column["Name"].lower(), kind, column.get("Comment", "")))
    return columns


def _view(table: Mapping[str, Any], full_name: str) -> View | None:
    if table.get("TableType") != "VIRTUAL_VIEW":
        return None
    found = _VIEW.fullmatch(str(table.get("ViewOriginalText", "")).strip())
    try:
        if found is None:
            raise ValueError("no Presto View text")
        definition = json.loads(base64.b64decode(found[1]))
        # The definition has the types. Only Glue has the comments.
        listed = table.get("StorageDescriptor", {}).get("Columns", [])
        comments = {column["Name"].lower(): column.get("Comment", "") for column in listed}
        columns = tuple(
            Column(name, parse_type(column["type"]), comments.get(name, ""))
            for column in definition["columns"]
            for name in [column["name"].lower()]
        )
        return View(definition["originalSql"], definition["schema"].lower(), columns)
    except (ValueError, KeyError, TypeError, SqlError) as error:
        raise SqlError(
            f"the view {full_name} does not have the form that Athena writes: {error}"
        ) from error


def _table(table: Mapping[str, Any]) -> Table:
    database, name = table["DatabaseName"].lower(), table["Name"].lower()
    full_name = f"{database}.{name}"
    storage = table.get("StorageDescriptor", {})
    keys = _columns(table.get("PartitionKeys", []), full_name)
    view = _view(table, full_name)
    columns = view.columns if view else (*_columns(storage.get("Columns", []), full_name), *keys)
    return Table(
        database=database,
        name=name,
        columns=tuple(columns),
        partition_keys=tuple(key.name for key in keys),
        location=storage.get("Location", ""),
        parameters=table.get("Parameters", {}),
        schema_literal=storage.get("SerdeInfo", {})
        .get("Parameters", {})
        .get("avro.schema.literal"),
        view=view,
        definition=table,
    )


def tables_of(tables: Iterable[Mapping[str, Any]]) -> tuple[Table, ...]:
    """Return the tables and views that Glue's GetTables describes.

    Raises
    ------
    SqlError
        A column has a type that dmd sql does not know, or a view is not in Athena's form.
    """
    return tuple(map(_table, tables))
