"""What the names in a query mean: tables, columns, row fields, inner queries first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from athena.errors import SqlError
from athena.tables.scan import Scan
from athena.values.coercion import Typed
from athena.values.trino_types import TrinoType, member_name


@dataclass(frozen=True)
class Field:
    """A column of a relation in FROM: its name, if it has one, its type and its DuckDB text."""

    name: str | None
    type: TrinoType
    sql: str


@dataclass(frozen=True)
class Source:
    """One relation in FROM, under its alias; ``*`` leaves out the ``hidden`` fields."""

    alias: str | None
    fields: tuple[Field, ...]
    database: str | None = None
    scan: Scan | None = None
    hidden: tuple[Field, ...] = ()

    def named(self, name: str) -> Iterator[Field]:
        """Yield the fields of that name, whatever its case."""
        every = (*self.fields, *self.hidden)
        return (f for f in every if f.name is not None and f.name.lower() == name.lower())

    def use(self, own: Field) -> Typed:
        """Return the field as an expression, and note that the query needs it."""
        if self.scan is not None:
            self.scan.columns.add(own.sql.partition(".")[2].strip('"'))
        return Typed(own.sql, own.type)


@dataclass
class Scope:
    """The relations that the names of one SELECT can mean, and the scope around it."""

    parent: Scope | None = None
    sources: list[Source] = field(default_factory=list)
    merged: dict[str, Typed] = field(default_factory=dict)

    def resolve(self, parts: Sequence[str]) -> Typed:
        """Return what ``a``, ``a.b``, ``a.b.c`` … means.

        Raises
        ------
        SqlError
            The name means no column, or more than one.
        """
        scope: Scope | None = self
        while scope is not None:
            found = scope._here(parts)
            if found is not None:
                return found
            scope = scope.parent
        name = ".".join(parts)
        known = sorted({f.name for s in self.sources for f in s.fields if f.name is not None})
        hint = f"; there are {', '.join(known)}" if known else ""
        raise SqlError(f"column {name!r} cannot be resolved{hint}")

    def _here(self, parts: Sequence[str]) -> Typed | None:
        if len(parts) > 2:
            of_database = [
                source
                for source in self.sources
                if source.database == parts[0].lower() and _is(source.alias, parts[1])
            ]
            found = self._column(of_database, parts[2], parts[3:])
            if found is not None:
                return found
        if len(parts) > 1:
            aliased = [source for source in self.sources if _is(source.alias, parts[0])]
            found = self._column(aliased, parts[1], parts[2:])
            if found is not None:
                return found
        merged = self.merged.get(parts[0].lower())
        if merged is not None:
            return row_field(merged, parts[1:])
        return self._column(self.sources, parts[0], parts[1:])

    @staticmethod
    def _column(sources: Sequence[Source], name: str, path: Sequence[str]) -> Typed | None:
        found = [(source, own) for source in sources for own in source.named(name)]
        if len(found) > 1:
            raise SqlError(f"column {name!r} is ambiguous; write it with its table's name")
        return row_field(found[0][0].use(found[0][1]), path) if found else None


def _is(alias: str | None, name: str) -> bool:
    return alias is not None and alias.lower() == name.lower()


def row_field(value: Typed, path: Sequence[str]) -> Typed:
    """Return the field that ``path`` leads to inside a row.

    Raises
    ------
    SqlError
        The value is not a row, or has no such field.
    """
    for name in path:
        kind = value.type.field(name) if value.type.name == "row" else None
        if kind is None:
            raise SqlError(f"{value.type} has no field {name!r}")
        own = next(n for n in value.type.names if n is not None and n.lower() == name.lower())
        text = own.replace("'", "''")
        value = Typed(f"struct_extract({value.sql}, '{text}')", kind)
    return value


def row_member(value: Typed, number: str) -> Typed:
    """Return a row's field by its place, counted from 1 as in ``r[1]``.

    Raises
    ------
    SqlError
        The row has no such field, or the place is not a whole number.
    """
    count = len(value.type.members)
    if not number.isdigit() or not 1 <= int(number) <= count:
        raise SqlError(f"a subscript of {value.type} must be a number from 1 to {count}")
    index = int(number) - 1
    name = member_name(value.type, index).replace("'", "''")
    return Typed(f"struct_extract({value.sql}, '{name}')", value.type.members[index])
