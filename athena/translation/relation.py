# ruff: noqa: S608  (writing SQL is this module's work; values are quoted by literal)
"""A translated query, and what the parts of one translation share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from athena.errors import SqlError
from athena.tables.catalog import Catalog
from athena.tables.scan import Scan
from athena.translation.scope import Field, Source
from athena.values.coercion import Typed, coerce
from athena.values.trino_types import TrinoType, duckdb_type

Columns = tuple[tuple[str | None, TrinoType], ...]


@dataclass(frozen=True)
class Relation:
    """A translated query: DuckDB text with columns c0, c1, …, and their names and types."""

    sql: str
    columns: Columns


@dataclass
class Translation:
    """What the parts of one translation share.

    Parameters
    ----------
    catalog, database
        Where table names are looked up, and the database of names without one.
    scans
        The readings of tables that the query needs, in order of appearance.
    views
        The views that are being translated, to refuse a view inside itself.
    called
        The functions that the query and its views call, in lower case.
    stands_in
        Whether the changes answer for a table of the current state.
    """

    catalog: Catalog
    database: str | None
    scans: list[Scan] = field(default_factory=list)
    views: tuple[str, ...] = ()
    names: int = 0
    called: set[str] = field(default_factory=set)
    stands_in: bool = False

    def note_calls(self, node: exp.Expr) -> None:
        """Add the functions that a query calls to ``called``."""
        self.called |= {str(call.this).lower() for call in node.find_all(exp.Anonymous)}

    def name(self, kind: str) -> str:
        """Return a name that nothing else in the translation has."""
        self.names += 1
        return f"{kind}{self.names}"


def only(node: exp.Expr, allowed: frozenset[str]) -> None:
    """Refuse a node with clauses that are not in ``allowed``."""
    for name, value in node.args.items():
        if value and name not in allowed:
            raise SqlError(
                f"dmd sql does not translate {name.strip('_').upper()} in `"
                f"{node.sql(dialect='trino')[:60]}`"
            )


def as_types(relation: Relation, kinds: Sequence[TrinoType]) -> str:
    """Return the query with its columns cast to these types, as Trino does implicitly."""
    pairs = list(zip(relation.columns, kinds, strict=True))
    if all(duckdb_type(own) == duckdb_type(kind) for (_, own), kind in pairs):
        return relation.sql
    listed = ", ".join(
        f"{coerce(Typed(f'c{i}', own), kind).sql} AS c{i}"
        for i, ((_, own), kind) in enumerate(pairs)
    )
    return f"SELECT {listed} FROM ({relation.sql})"


def renamed(columns: Columns, alias: exp.Expr | None) -> Columns:
    """Return the columns under the names that an alias lists, if it lists any."""
    names = [column.name for column in alias.args.get("columns") or ()] if alias else []
    offset = alias.parent.args.get("offset") if alias is not None and alias.parent else None
    if names and isinstance(offset, exp.Identifier):
        names.append(offset.name)
    if not names:
        return columns
    if len(names) != len(columns):
        raise SqlError(f"an alias has {len(names)} names for {len(columns)} columns")
    return tuple((name, kind) for name, (_, kind) in zip(names, columns, strict=True))


def derived(name: str, alias: str | None, columns: Columns) -> Source:
    """Return a translated query as a relation of FROM; ``name`` is its name in DuckDB."""
    fields = (Field(own, kind, f"{name}.c{i}") for i, (own, kind) in enumerate(columns))
    return Source(alias, tuple(fields))
