"""``CREATE`` statements of tables and views, from what Glue keeps of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from athena.errors import SqlError
from athena.tables.catalog import Table


def create_table(table: Table) -> list[str]:
    """Return the lines of the Hive statement that makes a table as it is.

    Raises
    ------
    SqlError
        It is a view, or a stand-in, whose CREATE statement is not known here.

    Notes
    -----
    The clauses are those of Athena's CREATE TABLE, and their order too. The layout of the lines
    was not compared with Athena's.
    https://docs.aws.amazon.com/athena/latest/ug/create-table.html
    """
    if table.stand_in:
        raise SqlError(
            f"only Athena makes the table {table.full_name}; here the changes answer for it"
        )
    if table.view is not None:
        raise SqlError(f"{table.full_name} is a view; use SHOW CREATE VIEW")
    storage = table.definition.get("StorageDescriptor", {})
    serde = storage.get("SerdeInfo", {})
    lines = [f"CREATE EXTERNAL TABLE `{table.database}`.`{table.name}`("]
    lines += _columns(storage.get("Columns", []))
    keys = table.definition.get("PartitionKeys", [])
    if keys:
        lines += ["PARTITIONED BY (", *_columns(keys)]
    lines += ["ROW FORMAT SERDE", f"  {_text(serde.get('SerializationLibrary', ''))}"]
    if serde.get("Parameters"):
        lines += ["WITH SERDEPROPERTIES (", *_properties(serde["Parameters"])]
    lines += ["STORED AS INPUTFORMAT", f"  {_text(storage.get('InputFormat', ''))}"]
    lines += ["OUTPUTFORMAT", f"  {_text(storage.get('OutputFormat', ''))}"]
    lines += ["LOCATION", f"  {_text(table.location)}"]
    return [*lines, "TBLPROPERTIES (", *_properties(table.parameters)]


def create_view(table: Table) -> list[str]:
    """Return the lines of the statement that makes a view as it is.

    Raises
    ------
    SqlError
        It is a table.
    """
    if table.view is None or table.stand_in:
        raise SqlError(f"{table.full_name} is a table; use SHOW CREATE TABLE")
    head = f'CREATE VIEW "{table.database}"."{table.name}" AS'
    return [head, *table.view.sql.splitlines()]


def _columns(columns: list[Mapping[str, Any]]) -> list[str]:
    return _closed([f"  `{each['Name']}` {each['Type']}{_comment(each)}" for each in columns])


def _comment(column: Mapping[str, Any]) -> str:
    return f" COMMENT {_text(column['Comment'])}" if column.get("Comment") else ""


def _properties(parameters: Mapping[str, str]) -> list[str]:
    return _closed([f"  {_text(key)}={_text(value)}" for key, value in sorted(parameters.items())])


def _closed(lines: list[str]) -> list[str]:
    """Return the lines of a list with commas between them and its bracket at the end."""
    return [*(f"{line}," for line in lines[:-1]), *(f"{line})" for line in lines[-1:])]


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
