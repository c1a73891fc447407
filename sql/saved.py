"""The saved queries of a stack, by name and as a list."""

from __future__ import annotations

from athena.engine import QueryResult
from athena.errors import SqlError
from athena.values.trino_types import VARCHAR
from infra.queries import SavedQuery
from sql.answer import Engine


def by_name(engine: Engine, name: str) -> SavedQuery:
    """Return a saved query.

    Raises
    ------
    SqlError
        There is none of this name.
    """
    known = {each.name: each for each in engine.saved()}
    if name not in known:
        names = ", ".join(known) or "none"
        raise SqlError(f"there is no saved query {name!r}; there are {names}")
    return known[name]


def listed(engine: Engine) -> QueryResult:
    """Return the saved queries as rows."""
    rows: list[tuple[str, ...]] = [(each.name, each.description) for each in engine.saved()]
    return QueryResult((("name", VARCHAR), ("description", VARCHAR)), rows)
