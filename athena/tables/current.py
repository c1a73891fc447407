"""Stand-ins for the tables of the current state, which Athena alone makes and refreshes.

On AWS, the view ``<type>_current`` reads an Iceberg table in the parquet database. A local run has
no such table, and an export does not have its data in a form that can be read here. A stand-in is
a view in its place over the changes themselves, with the same rows as after a refresh.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from athena.tables.catalog import PARQUET_SUFFIX, Catalog, Table, View
from athena.values.trino_types import TrinoType, quoted, timestamp
from catalog.newness import newest_of_each
from schemas.names import CURRENT_SUFFIX


def with_stand_ins(catalog: Catalog) -> Catalog:
    """Return the catalog with a stand-in for the table of each view ``<type>_current``."""
    stand_ins = {each.full_name: each for each in _stand_ins(catalog.tables)}
    kept = tuple(each for each in catalog.tables if each.full_name not in stand_ins)
    databases = (*catalog.databases, *(each.database for each in stand_ins.values()))
    return replace(
        catalog,
        databases=tuple(dict.fromkeys(databases)),
        tables=(*kept, *stand_ins.values()),
    )


def _stand_ins(tables: tuple[Table, ...]) -> Iterator[Table]:
    asked = {each.full_name for each in tables if each.is_view}
    for changes in tables:
        if changes.view is None and f"{changes.full_name}{CURRENT_SUFFIX}" in asked:
            yield _stand_in(changes)


def _stand_in(changes: Table) -> Table:
    columns = tuple(replace(each, type=_in_iceberg(each.type)) for each in changes.columns)
    return Table(
        database=f"{changes.database}{PARQUET_SUFFIX}",
        name=changes.name,
        columns=columns,
        partition_keys=(),
        location="",
        parameters={},
        schema_literal=None,
        view=View(_newest_of_each(changes), changes.database, columns),
        stand_in=True,
    )


def _in_iceberg(kind: TrinoType) -> TrinoType:
    """Return the type that a column has in an Iceberg table, whose times have microseconds."""
    if kind.name == "timestamp":
        return timestamp(6)
    return replace(kind, members=tuple(map(_in_iceberg, kind.members)))


def _newest_of_each(changes: Table) -> str:
    """Return the query of the newest change of each record, removed records too."""
    listed = ", ".join(quoted(each.name) for each in changes.columns)
    return newest_of_each(listed, quoted(changes.name))
