"""Answering Athena SQL from an exported bucket: parse, translate, read the files, run DuckDB."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]

from athena.errors import SqlError
from athena.show import show
from athena.tables import avro_files
from athena.tables.catalog import Catalog, read_catalog
from athena.tables.scan import Scan
from athena.translation.parse import parse
from athena.translation.relation import Relation
from athena.translation.relations import translate
from athena.values.failures import FAILURE
from athena.values.trino_types import MONTHS, TrinoType, duckdb_type, member_name

# A query can read the tables that are registered for it, and nothing else of this machine.
_SETTINGS = """
SET GLOBAL TimeZone = 'UTC';
SET GLOBAL python_enable_replacements = false;
SET GLOBAL autoinstall_known_extensions = false;
SET GLOBAL autoload_known_extensions = false;
SET GLOBAL enable_external_access = false;
SET GLOBAL lock_configuration = true;
"""


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """Return the process's empty database; each query has a connection, and tables, of its own."""
    database = duckdb.connect(":memory:")
    database.execute(_SETTINGS)
    return database


@dataclass(frozen=True)
class QueryResult:
    """The answer to a query.

    Parameters
    ----------
    columns
        (name, type) of each column as in Athena. An expression without a name gets one by its
        position, such as ``_col0``.
    rows
        One tuple for each row: Decimal, datetime (in UTC if the type has a zone), date, bytes,
        timedelta, list for arrays, dict for maps and rows.
    files_read, bytes_read
        How many files of the tables were read, and their size. A file that is read twice counts
        twice, as on Athena's bill.
    """

    columns: tuple[tuple[str, TrinoType], ...]
    rows: list[tuple[Any, ...]]
    files_read: int = 0
    bytes_read: int = 0


def run_query(
    data_dir: Path, sql: str, database: str | None = None, now: dt.datetime | None = None
) -> QueryResult:
    """Answer one statement of Athena SQL over the tables of a data directory.

    Parameters
    ----------
    data_dir
        What ``dmd demo --export`` writes: the bucket's objects under their keys, and
        ``catalog.json``.
    sql
        A SELECT or WITH, SHOW DATABASES, SHOW TABLES, SHOW COLUMNS or DESCRIBE.
    database
        Where table names without a database are looked up; the one with tables by default.
    now
        The time that a partition projection's ``NOW`` means; the present by default.

    Raises
    ------
    SqlError
        Athena would refuse the query, its data is broken, or it cannot be answered exactly.
    """
    catalog = read_catalog(data_dir)
    database = catalog.default_database() if database is None else catalog.known_database(database)
    shown = show(sql, catalog, database)
    if shown is not None:
        return QueryResult(*shown)
    relation, scans = translate(parse(sql), catalog, database)
    moment = now or dt.datetime.now(dt.UTC)
    names = tuple(
        (name if name is not None else f"_col{i}", kind)
        for i, (name, kind) in enumerate(relation.columns)
    )
    rows = _rows(data_dir, catalog, relation, scans, moment)
    files, size = sum(each.files_read for each in scans), sum(each.bytes_read for each in scans)
    return QueryResult(names, rows, files, size)


def _rows(
    data_dir: Path, catalog: Catalog, relation: Relation, scans: list[Scan], now: dt.datetime
) -> list[tuple[Any, ...]]:
    with _database().cursor() as connection:
        for scan in scans:
            connection.register(scan.relation, avro_files.read(data_dir, catalog.bucket, scan, now))
        try:
            table = _interruptibly(connection, lambda: _arrow_table(connection, relation))
        except duckdb.Error as error:
            raise SqlError(_message(str(error))) from None
    kinds = [kind for _, kind in relation.columns]
    columns = [_values(table.column(i), kind) for i, kind in enumerate(kinds)]
    return list(zip(*columns, strict=True))


def _arrow_table(connection: duckdb.DuckDBPyConnection, relation: Relation) -> pa.Table:
    result = connection.sql(relation.sql)
    if result is None:
        raise SqlError("the query has no answer")
    _check_types(result.types, relation)
    return result.to_arrow_table()


def _interruptibly(connection: duckdb.DuckDBPyConnection, work: Callable[[], pa.Table]) -> pa.Table:
    """Return what some work on a connection returns; Ctrl-C ends it at once.

    In the main thread, DuckDB would look for Ctrl-C only between its tasks, and a join may be a
    single task of many minutes.
    """
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        try:
            return done.result()
        except KeyboardInterrupt:
            connection.interrupt()
            raise


def _check_types(types: list[Any], relation: Relation) -> None:
    """Refuse an answer in which DuckDB has other types than Athena, because it may be wrong."""
    for i, (own, (name, kind)) in enumerate(zip(types, relation.columns, strict=True)):
        if kind.name == "unknown" or str(own) == duckdb_type(kind):
            continue
        if "unknown" in str(kind) or _same(str(own), duckdb_type(kind)):
            continue
        raise SqlError(
            f"column {name or f'_col{i}'} is {kind} in Athena but {own} in DuckDB; cast it in the"
            " query"
        )


def _same(own: str, wanted: str) -> bool:
    return own.replace('"', "").replace(" ", "") == wanted.replace('"', "").replace(" ", "")


def _message(text: str) -> str:
    """Return the message for the author of the query from DuckDB's error."""
    _, own, message = text.partition(FAILURE)
    if own:
        end = r"""('|") to [A-Z]+\d*$|("|'), expected format.*$|'!$"""
        return re.sub(end, "", message.split("\n")[0])
    kind, _, rest = text.partition(": ")
    first = rest.split("\n")[0]
    if "must appear in the GROUP BY" in first:
        return "a column of the SELECT list is neither in GROUP BY nor inside an aggregate"
    if "division by zero" in text.lower() or "divide by zero" in text.lower():
        return "division by zero; Athena fails too: use nullif(x, 0) or try(...)"
    if "Map keys must be unique" in first:
        return "a map has a key twice; make the keys unique"
    if "perl operator" in first or "regex" in first.lower():
        return f"DuckDB (RE2) does not accept the regular expression: {first}"
    return f"the translated query failed: {kind}: {first}"


def _values(column: pa.ChunkedArray, kind: TrinoType) -> list[Any]:
    convert = _converter(kind)
    values = column.to_pylist()
    return values if convert is None else [None if v is None else convert(v) for v in values]


def _converter(kind: TrinoType) -> Callable[[Any], Any] | None:
    """Return a function from Arrow's value to Python's, or None if they are the same."""
    if kind == MONTHS:
        return lambda value: (
            f"{'-' if value[0] < 0 else ''}{abs(value[0]) // 12}-{abs(value[0]) % 12}"
        )
    if kind.name == "interval day to second":
        return lambda value: dt.timedelta(days=value[1], microseconds=value[2] // 1000)
    if kind.name == "timestamp with time zone":
        return lambda value: value.astimezone(dt.UTC)
    members = [_or_same(_converter(member)) for member in kind.members]
    if kind.name == "array":
        return lambda value: [members[0](item) for item in value]
    if kind.name == "map":
        return lambda value: {_key(members[0](k)): members[1](v) for k, v in value}
    if kind.name == "row":
        names = [member_name(kind, i) for i in range(len(members))]
        return lambda value: {n: m(value[n]) for n, m in zip(names, members, strict=True)}
    return None


def _key(value: Any) -> Any:
    """Return a map's key as a hashable value."""
    return tuple(value.values()) if isinstance(value, dict) else value


def _or_same(convert: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    if convert is None:
        return lambda value: value
    return lambda value: None if value is None else convert(value)
