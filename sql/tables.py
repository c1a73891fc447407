"""The tables and views that a statement can name, as every engine lists them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from athena.engine import QueryResult
from athena.show import DESCRIPTION, describe
from athena.tables.catalog import Table


@dataclass(frozen=True)
class TableColumn:
    """A column as an engine lists it.

    Parameters
    ----------
    name
        Its name.
    type
        The name of its type in Trino.
    extra
        ``partition key``, or nothing.
    comment
        What the catalog says of it.
    """

    name: str
    type: str
    extra: str = ""
    comment: str = ""


@dataclass(frozen=True)
class TableShape:
    """A table or view as an engine lists it."""

    database: str
    name: str
    view: bool
    columns: tuple[TableColumn, ...]

    @property
    def full_name(self) -> str:
        """``database.table``."""
        return f"{self.database}.{self.name}"

    @property
    def kind(self) -> str:
        """``table`` or ``view``."""
        return "view" if self.view else "table"

    def described(self) -> QueryResult:
        """Return the columns as rows."""
        return QueryResult(
            DESCRIPTION,
            [(each.name, each.type, each.extra, each.comment) for each in self.columns],
        )


def shapes(tables: Iterable[Table]) -> tuple[TableShape, ...]:
    """Return Glue's tables as all engines list them."""
    return tuple(
        TableShape(
            table.database,
            table.name,
            table.is_view,
            tuple(TableColumn(*row) for row in describe(table)[1]),
        )
        for table in tables
    )
