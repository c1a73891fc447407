"""Answering Athena SQL from an exported bucket: parse, translate, read the files, run DuckDB."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]

from athena.errors import SqlError
from athena.messages import message
from athena.show import notes_on, show
from athena.tables import avro_files
from athena.tables.catalog import Catalog
from athena.tables.folder import read_catalog
from athena.tables.scan import Scan
from athena.translation.parameters import with_parameters
from athena.translation.parse import parse
from athena.translation.relation import Relation
from athena.translation.relations import translate
from athena.translation.statement import (
    Deallocate,
    Execute,
    Explain,
    Prepare,
    Query,
    Show,
    read_statement,
)
from athena.values.trino_types import (
    BIGINT,
    JSON,
    MONTHS,
    VARCHAR,
    TrinoType,
    duckdb_type,
    member_name,
)

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
    notes
        Sentences about the answer, for its reader.
    """

    columns: tuple[tuple[str, TrinoType], ...]
    rows: list[tuple[Any, ...]]
    files_read: int = 0
    bytes_read: int = 0
    notes: tuple[str, ...] = ()


def run_query(
    data_dir: Path,
    sql: str,
    database: str | None = None,
    now: dt.datetime | None = None,
    parameters: Sequence[str] = (),
    prepared: MutableMapping[str, str] | None = None,
) -> QueryResult:
    """Answer one statement of Athena SQL over the tables of a data directory.

    Parameters
    ----------
    data_dir
        What ``dmd demo --export`` writes: the bucket's objects under their keys, and
        ``catalog.json``.
    sql
        A query, SHOW, DESCRIBE, EXPLAIN, PREPARE, EXECUTE or DEALLOCATE.
    database
        Where table names without a database are looked up; the one with tables by default.
    now
        The time that a partition projection's ``NOW`` means; the present by default.
    parameters
        An SQL literal for each ``?`` of the query, as Athena's execution parameters.
    prepared
        The prepared statements of the session by name, which PREPARE and DEALLOCATE change.

    Raises
    ------
    SqlError
        Athena would refuse the query, its data is broken, or it cannot be answered exactly.
    """
    catalog = read_catalog(data_dir)
    database = catalog.default_database() if database is None else catalog.known_database(database)
    prepared = {} if prepared is None else prepared
    statement = read_statement(sql)
    if isinstance(statement, Prepare | Deallocate):
        _keep(statement, prepared)
        return QueryResult((), [])
    if isinstance(statement, Show):
        return QueryResult(*show(statement.sql, catalog, database), notes=notes_on(statement.sql))
    query = _query_of(statement, prepared, parameters)
    translated = translate(parse(query), catalog, database)
    relation, scans = translated.relation, translated.scans
    moment = now or dt.datetime.now(dt.UTC)
    if isinstance(statement, Explain):
        plan = _explained(data_dir, catalog, scans, moment)
        return replace(plan, notes=translated.notes)
    names = tuple(
        (name if name is not None else f"_col{i}", kind)
        for i, (name, kind) in enumerate(relation.columns)
    )
    rows = _rows(data_dir, catalog, relation, scans, moment)
    files, size = sum(each.files_read for each in scans), sum(each.bytes_read for each in scans)
    return QueryResult(names, rows, files, size, translated.notes)


def _keep(statement: Prepare | Deallocate, prepared: MutableMapping[str, str]) -> None:
    if isinstance(statement, Prepare):
        parse(statement.query)
        prepared[statement.name] = statement.query
    elif prepared.pop(statement.name, None) is None:
        raise _not_prepared(statement.name)


def _not_prepared(name: str) -> SqlError:
    return SqlError(
        f"there is no prepared statement {name}; PREPARE it first, in the same session of dmd sql"
    )


def _query_of(
    statement: Query | Explain | Execute,
    prepared: MutableMapping[str, str],
    parameters: Sequence[str],
) -> str:
    """Return the text of the query to answer or to explain, with its parameters."""
    if isinstance(statement, Execute):
        if statement.name not in prepared:
            raise _not_prepared(statement.name)
        # As in Athena, the values of EXECUTE without USING come with the request.
        given = statement.parameters or parameters
        return with_parameters(prepared[statement.name], given)
    return with_parameters(
        statement.query if isinstance(statement, Explain) else statement.sql, parameters
    )


_PLAN = (
    ("table", VARCHAR),
    ("columns", VARCHAR),
    ("first_partition", VARCHAR),
    ("last_partition", VARCHAR),
    ("partitions", BIGINT),
    ("files", BIGINT),
    ("bytes", BIGINT),
)


def _explained(
    data_dir: Path, catalog: Catalog, scans: list[Scan], now: dt.datetime
) -> QueryResult:
    """Return what a query reads: a row for each reading of a table, in the order of the query."""
    rows = []
    for scan in scans:
        read = avro_files.plan(data_dir, catalog.bucket, scan, now)
        listed = [column.name for column in scan.table.columns if column.name in scan.columns]
        ends = (min(read.partitions), max(read.partitions)) if read.partitions else (None, None)
        rows.append(
            (
                scan.table.full_name,
                ", ".join(listed),
                *ends,
                len(read.partitions),
                read.files,
                read.bytes,
            )
        )
    return QueryResult(_PLAN, rows)


def _rows(
    data_dir: Path, catalog: Catalog, relation: Relation, scans: list[Scan], now: dt.datetime
) -> list[tuple[Any, ...]]:
    with _database().cursor() as connection:
        for scan in scans:
            connection.register(scan.relation, avro_files.read(data_dir, catalog.bucket, scan, now))
        try:
            table = _interruptibly(connection, lambda: _arrow_table(connection, relation))
        except duckdb.Error as error:
            raise SqlError(message(str(error))) from None
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
            f"column {name or f'_col{i}'} is {kind} in Athena, and dmd sql cannot give it this"
            f" type; write CAST(… AS {kind}) in the query"
        )


def _same(own: str, wanted: str) -> bool:
    return own.replace('"', "").replace(" ", "") == wanted.replace('"', "").replace(" ", "")


def _values(column: pa.ChunkedArray, kind: TrinoType) -> list[Any]:
    convert = _converter(kind)
    try:
        values = column.to_pylist()
    except (OverflowError, ValueError):
        raise SqlError("dmd sql shows only dates of the years 1 to 9999") from None
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
    if kind == JSON:
        return _certain_json
    members = [_or_same(_converter(member)) for member in kind.members]
    if kind.name == "array":
        return lambda value: [members[0](item) for item in value]
    if kind.name == "map":
        return lambda value: {_key(members[0](k)): members[1](v) for k, v in value}
    if kind.name == "row":
        names = [member_name(kind, i) for i in range(len(members))]
        return lambda value: {n: m(value[n]) for n, m in zip(names, members, strict=True)}
    return None


def _certain_json(text: str) -> str:
    """Return a JSON text, if Athena's is certainly the same: json_parse sorts the names."""
    try:
        value = json.loads(text, object_pairs_hook=_sorted_names, parse_float=_plain_number)
    except ValueError:
        value = None
    if value is None and text != "null":
        raise SqlError(
            f"dmd sql cannot tell how Athena would write the JSON {text} (the order of names, or a"
            " number with E); take its parts with json_extract_scalar"
        )
    return text


def _sorted_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    # Java compares UTF-16.
    if names != sorted(set(names), key=lambda name: name.encode("utf-16-be")):
        raise ValueError("the names are not in order")
    return dict(pairs)


def _plain_number(text: str) -> float:
    number = float(text)
    if "e" in text.lower() or (number and not 1e-3 <= abs(number) < 1e7):
        raise ValueError("Java writes this number with E")
    return number


def _key(value: Any) -> Any:
    """Return a map's key as a hashable value."""
    return tuple(value.values()) if isinstance(value, dict) else value


def _or_same(convert: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    if convert is None:
        return lambda value: value
    return lambda value: None if value is None else convert(value)
