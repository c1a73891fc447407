"""A Trino, over its REST protocol, with Trino's own client."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Sequence
from itertools import groupby
from typing import Any
from urllib.parse import unquote, urlsplit

import trino
from rich.filesize import decimal as shown_size
from trino.auth import BasicAuthentication
from trino.exceptions import Error, TrinoQueryError

from athena.engine import QueryResult
from athena.errors import SqlError
from athena.values.trino_types import MONTHS, VARCHAR, TrinoType, member_name, parse_type
from catalog.current.view import current
from console.errors import CommandError
from console.progress import Progress
from infra.queries import SavedQuery, saved_queries
from schemas import RECORD_TYPES
from sql.answer import Answer, Statistics
from sql.tables import TableColumn, TableShape

_FORM = "http://user@host:8080/catalog/schema"
_COLUMNS = """
SELECT table_schema, table_name, t.table_type = 'VIEW', c.column_name, c.data_type,
  coalesce(c.extra_info, ''), coalesce(c.comment, '')
FROM information_schema.tables t
JOIN information_schema.columns c USING (table_schema, table_name)
"""


# What was read from the storage, of the statistics that come with each answer.
_BYTES_READ = "physicalInputBytes"
# The digits of a second that Python's times have.
_DIGITS = 6
_TIME = re.compile(r"time(?:stamp)?\((\d+)\)")


class TrinoError(CommandError):
    """There is no such Trino, or its URL has another form."""


class TrinoEngine:
    """Runs statements on a Trino.

    Parameters
    ----------
    url
        ``http://user@host:8080/catalog/schema``, or with ``https`` and a password.
    database
        The schema, in place of that of the URL.

    Raises
    ------
    TrinoError
        The URL has another form.
    """

    def __init__(self, url: str, database: str | None) -> None:
        parts = urlsplit(url)
        catalog, _, schema = unquote(parts.path).strip("/").partition("/")
        self._schema = database or schema
        # The URL itself is not shown: it may hold a password.
        if parts.scheme not in ("http", "https") or not parts.hostname or not catalog:
            raise TrinoError(f"this is not the URL of a Trino: write {_FORM}")
        if not self._schema or "/" in schema:
            raise TrinoError(f"the URL names no schema: write {_FORM}, or give --database")
        if parts.password and parts.scheme == "http":
            raise TrinoError("a password needs https, or others could read it on the way")
        user = unquote(parts.username or "dmd")
        password = unquote(parts.password) if parts.password else None
        authentication = BasicAuthentication(user, password) if password else None
        self._connection: Any = trino.dbapi.Connection(
            host=parts.hostname,
            port=parts.port or {"http": 8080, "https": 443}[parts.scheme],
            http_scheme=parts.scheme,
            user=user,
            auth=authentication,
            catalog=catalog,
            schema=self._schema,
            timezone="UTC",
            source="dmd",
        )
        self.label = parts.hostname

    def run(self, sql: str, parameters: Sequence[str], progress: Progress) -> Answer:
        """Answer one statement; see `sql.answer.Engine`."""
        progress.step("Trino runs the query")
        began = time.monotonic()
        text = sql
        if parameters:
            quoted = sql.replace("'", "''")
            text = f"EXECUTE IMMEDIATE '{quoted}' USING {', '.join(parameters)}"

        def show(stats: dict[str, Any]) -> None:
            done, size = stats.get("progressPercentage"), stats.get(_BYTES_READ, 0)
            share = "" if done is None else f"{done:.0f} %, "
            progress.show(f"{str(stats.get('state', '')).lower()}, {share}{shown_size(size)} read")

        cursor: Any = self._connection.cursor(stats_callback=show)
        try:
            cursor.execute(text)
            rows = cursor.fetchall()
            columns = cursor.description or ()
        except KeyboardInterrupt:
            cursor.cancel()
            raise
        except TrinoQueryError as error:
            raise SqlError(f"Trino refuses it: {error.message}") from error
        except (Error, OSError) as error:
            raise TrinoError(f"Trino does not answer: {error}") from error
        kinds = [_kind(column.type_code) for column in columns]
        for column in columns:
            _check_digits(column.name, column.type_code)
        read = [
            tuple(_value(value, kind) for value, kind in zip(row, kinds, strict=True))
            for row in rows
        ]
        named = tuple((column.name, kind) for column, kind in zip(columns, kinds, strict=True))
        size = (cursor.stats or {}).get(_BYTES_READ)
        took = time.monotonic() - began
        return Answer(QueryResult(named, read), Statistics(took, bytes=size))

    def tables(self) -> tuple[TableShape, ...]:
        """Return the tables and views of the schema."""
        schema = self._schema.replace("'", "''")
        sql = f"{_COLUMNS}WHERE table_schema = '{schema}' ORDER BY 1, 2, c.ordinal_position"
        rows = self.run(sql, (), Progress()).result.rows
        return tuple(
            TableShape(database, name, view, tuple(TableColumn(*row[3:]) for row in found))
            for (database, name, view), found in groupby(rows, key=lambda row: row[:3])
        )

    def saved(self) -> tuple[SavedQuery, ...]:
        """Return the queries that the Pulumi program saves for a stack with these tables."""
        names = {each.name for each in self.tables()}
        types = [each for each in sorted(RECORD_TYPES) if each in names]
        return saved_queries(types, current=names.issuperset(map(current, types)))


def _kind(name: str) -> TrinoType:
    """Return a column's type; values of a type that `dmd sql` does not know are shown as text."""
    try:
        return parse_type(name)
    except SqlError:
        return VARCHAR


def _check_digits(column: str, kind: str) -> None:
    """Refuse a time whose digits Trino's client would round away."""
    if any(int(digits) > _DIGITS for digits in _TIME.findall(kind)):
        raise SqlError(
            f"column {column} is {kind}, and only {_DIGITS} digits of a second can be shown:"
            f" cast it to timestamp({_DIGITS}), or to varchar"
        )


def _value(value: Any, kind: TrinoType) -> Any:
    """Return a value of Trino's client as `athena.engine.QueryResult` has it."""
    if value is None:
        return None
    if kind.name == "timestamp with time zone":
        return value.astimezone(dt.UTC)
    if kind == MONTHS:
        months = value.years * 12 + value.months
        return f"{'-' if months < 0 else ''}{abs(months) // 12}-{abs(months) % 12}"
    if kind.name == "array":
        return [_value(each, kind.members[0]) for each in value]
    if kind.name == "map":
        key, member = kind.members
        return {_value(k, key): _value(v, member) for k, v in value.items()}
    if kind.name == "row":
        return {
            member_name(kind, index): _value(each, member)
            for index, (each, member) in enumerate(zip(value, kind.members, strict=True))
        }
    return str(value) if kind == VARCHAR else value
