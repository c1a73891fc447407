"""The columns of a table as Glue lists them."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.types import hive_type
from schemas import table
from schemas.columns import Column, String
from schemas.envelope import PARTITION_COLUMN
from schemas.table import Table


@dataclass(frozen=True)
class GlueColumn:
    """A column of a Glue table: its name, Hive type and comment."""

    name: str
    type: str
    comment: str


def glue_columns(record_type: str) -> tuple[GlueColumn, ...]:
    """Return the Glue columns of a record type's table, without the partition key.

    Raises
    ------
    SchemaError
        The type is unknown or its schema cannot be used.
    """
    columns = table(record_type).record.columns
    return tuple(GlueColumn(c.name, hive_type(c.type), c.doc) for c in columns)


def queried_columns(described: Table) -> tuple[Column, ...]:
    """Return the columns of a table as a query has them: the partition key is the last."""
    partition = Column(
        PARTITION_COLUMN,
        PARTITION_COLUMN,
        String(),
        doc="UTC date of the newest change, YYYY-MM-DD",
    )
    return (*described.record.columns, partition)
