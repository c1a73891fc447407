"""A table's Avro files as Arrow: found by Glue's location, typed by Glue's columns."""

from __future__ import annotations

import copy
import datetime as dt
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa  # type: ignore[import-untyped]
from fastavro.schema import SchemaParseException, UnknownType

from athena.errors import SqlError
from athena.tables.avro_types import column_type
from athena.tables.catalog import Column, Table
from athena.tables.partitions import projected_ends, projected_range
from athena.tables.scan import PATH_COLUMN, Scan
from athena.values.trino_types import VARCHAR, TrinoType, arrow_type, member_name

_ROWS = 4096


def read(data_dir: Path, bucket: str, scan: Scan, now: dt.datetime) -> pa.Table:
    """Read what a query needs of a table: its columns, and the partitions that its filter allows.

    Parameters
    ----------
    data_dir
        The folder with the bucket's objects under their keys.
    bucket
        The bucket's name.
    scan
        The table, the columns and the conditions on partitions.
    now
        The time that a projection's ``NOW`` means.

    Raises
    ------
    SqlError
        A file is not Avro, or its rows cannot be read as the table's columns.
    """
    table = scan.table
    if scan.partitions_only:
        return _partitions(scan, now)
    wanted = [column for column in table.columns if column.name in scan.columns]
    stored = [column for column in wanted if column.name not in table.partition_keys]
    keys = [column for column in table.columns if column.name in table.partition_keys]
    if PATH_COLUMN in scan.columns:
        keys.append(Column(PATH_COLUMN, VARCHAR))
    schema = pa.schema([(column.name, arrow_type(column.type)) for column in (*stored, *keys)])
    reader_schema = _reader_schema(table, {column.name for column in stored})
    batches = []
    for path, values in _objects(data_dir, bucket, scan, now):
        shown = path.relative_to(data_dir).as_posix()
        scan.files_read += 1
        scan.bytes_read += path.stat().st_size
        for rows in _blocks(path, shown, reader_schema):
            arrays = [_column(column, rows, shown) for column in stored]
            values = {**values, PATH_COLUMN: f"s3://{bucket}/{shown}"}
            arrays += [_constant(key, values[key.name], len(rows)) for key in keys]
            if not arrays:
                arrays = [pa.nulls(len(rows))]
                schema = pa.schema([("nothing", pa.null())])
            batches.append(pa.record_batch(arrays, schema=schema))
    if not schema.names:
        schema = pa.schema([("nothing", pa.null())])
    return pa.Table.from_batches(batches, schema=schema)


def _partitions(scan: Scan, now: dt.datetime) -> pa.Table:
    """Return the values that the projection gives the table's partition key."""
    (key,) = scan.table.partition_keys
    first, last = projected_ends(scan.table.parameters, key, now)
    days = (first + dt.timedelta(days) for days in range((last - first).days + 1))
    values = [day.isoformat() for day in days]
    values = [each for each in values if all(test(each) for _, test in scan.date_tests)]
    return pa.table({key: pa.array(values, pa.string())})


@dataclass(frozen=True)
class Plan:
    """What a scan reads: the values of its first partition key, files, and their bytes."""

    partitions: frozenset[str]
    files: int
    bytes: int


def plan(data_dir: Path, bucket: str, scan: Scan, now: dt.datetime) -> Plan:
    """Return what `read` would read, without reading it.

    Raises
    ------
    SqlError
        The table's partitions are not projected as dmd sql supports it.
    """
    objects = [] if scan.partitions_only else list(_objects(data_dir, bucket, scan, now))
    keys = scan.table.partition_keys[:1]
    return Plan(
        frozenset(values[key] for _, values in objects for key in keys),
        len(objects),
        sum(path.stat().st_size for path, _ in objects),
    )


def _objects(
    data_dir: Path, bucket: str, scan: Scan, now: dt.datetime
) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """Yield the files that Athena would read, with the values of the partition keys."""
    table = scan.table
    template = table.location
    if table.partition_keys:
        template = table.parameters.get("storage.location.template") or table.location + "/".join(
            f"{key}=${{{key}}}" for key in table.partition_keys
        )
    prefix = f"s3://{bucket}/"
    if not template.startswith(prefix):
        raise SqlError(f"{table.full_name} is at {template}, outside the exported bucket {bucket}")
    projected = {key: projected_range(table.parameters, key, now) for key in table.partition_keys}
    for folder, values in _folders(data_dir, template.removeprefix(prefix).strip("/")):
        if not all(projected[key](value) for key, value in values.items()):
            continue
        if not all(test(values[key]) for key, test in scan.date_tests):
            continue
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder).parts
            if path.is_file() and path.stat().st_size and not any(p[0] in "_." for p in inside):
                yield path, values


def _folders(data_dir: Path, template: str) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """Yield the folders that a location template describes, with the values in their names."""
    found: list[tuple[Path, dict[str, str]]] = [(data_dir, {})]
    for part in template.split("/"):
        if "${" not in part:
            found = [(folder / part, values) for folder, values in found]
            continue
        pieces = re.split(r"\$\{(\w+)\}", part)
        pattern = re.compile(
            "".join(f"(?P<{p}>.+)" if i % 2 else re.escape(p) for i, p in enumerate(pieces))
        )
        found = [
            (child, {**values, **matched.groupdict()})
            for folder, values in found
            if folder.is_dir()
            for child in sorted(folder.iterdir())
            if (matched := pattern.fullmatch(child.name))
        ]
    return ((folder, values) for folder, values in found if folder.is_dir())


def _reader_schema(table: Table, names: set[str]) -> Any:
    """Return the table's Avro schema, cut down to the columns that the query uses."""
    if table.schema_literal is None:
        return None
    try:
        literal = json.loads(table.schema_literal)
        every = {field["name"].lower(): field for field in literal["fields"]}
        missing = names - every.keys()
        if missing:
            raise SqlError(
                f"{table.full_name}: avro.schema.literal lacks {', '.join(sorted(missing))},"
                " which Glue has; Athena fails too"
            )
        _check_types(table, names, every)
        cut = {**literal, "fields": [every[name] for name in every if name in names]}
        try:
            return fastavro.parse_schema(copy.deepcopy(cut))
        except UnknownType:
            # A column of the query uses a type that another column defines.
            return fastavro.parse_schema(literal)
    except (ValueError, KeyError, TypeError, SchemaParseException) as error:
        raise SqlError(f"{table.full_name}: avro.schema.literal is invalid: {error}") from error


def _check_types(table: Table, names: set[str], fields: Mapping[str, Any]) -> None:
    """Refuse columns that Athena could read wrongly without an error.

    See docs/design.md#changing-a-schema.
    """
    for column in table.columns:
        wanted = column_type(fields[column.name]["type"]) if column.name in names else None
        if wanted is not None and wanted != column.type:
            raise SqlError(
                f"{table.full_name}, column {column.name}: Glue says {column.type}, but"
                f" avro.schema.literal {wanted}; Athena would fail, or read wrong values"
            )


def _blocks(path: Path, shown: str, reader_schema: Any) -> Iterator[list[dict[str, Any]]]:
    try:
        content = io.BytesIO(path.read_bytes())
        rows: list[Any] = []
        for row in fastavro.reader(content, reader_schema):
            rows.append(row)
            if len(rows) == _ROWS:
                yield rows
                rows = []
        if rows:
            yield rows
    except SqlError:
        raise
    except Exception as error:  # for broken bytes, fastavro raises errors of many types
        raise SqlError(
            f"{shown} cannot be read as Avro of its table ({type(error).__name__}: {error});"
            " Athena fails too"
        ) from error


def _column(column: Column, rows: list[dict[str, Any]], shown: str) -> pa.Array:
    convert = _converter(column.type)
    values = [row.get(column.name) for row in rows]
    if convert is not None:
        values = [None if value is None else convert(value) for value in values]
    try:
        return pa.array(values, arrow_type(column.type))
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise SqlError(
            f"{shown}, column {column.name}: a value is not {column.type} ({type(error).__name__})"
        ) from error


def _constant(column: Column, text: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()).cast(arrow_type(column.type)), count)


def _converter(kind: TrinoType) -> Callable[[Any], Any] | None:
    """Return a function from fastavro's value to Arrow's, or None if they are the same."""
    members = [_converter(member) for member in kind.members]
    if kind.name == "timestamp":
        return lambda value: value.replace(tzinfo=None)
    if kind.name == "map":
        value_of = _or_same(members[1])
        return lambda value: [(key, value_of(item)) for key, item in value.items()]
    if kind.name == "array":
        item_of = _or_same(members[0])
        return None if members[0] is None else lambda value: [item_of(item) for item in value]
    if kind.name == "row":
        fields = [(member_name(kind, i), _or_same(m)) for i, m in enumerate(members)]
        return lambda value: _record(value, fields)
    return None


def _or_same(convert: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    if convert is None:
        return lambda value: value
    return lambda value: None if value is None else convert(value)


def _record(value: Mapping[str, Any], fields: list[tuple[str, Callable[[Any], Any]]]) -> Any:
    lowered = {name.lower(): item for name, item in value.items()}
    return {name: convert(lowered.get(name.lower())) for name, convert in fields}
