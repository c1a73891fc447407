"""An answer as a Parquet file."""

from __future__ import annotations

from typing import Any, BinaryIO

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from athena.engine import QueryResult
from athena.errors import SqlError
from athena.render import athena_text
from athena.values.trino_types import TrinoType, arrow_type, member_name


def write_parquet(result: QueryResult, file: BinaryIO) -> None:
    """Write an answer as one Parquet file.

    Parameters
    ----------
    result
        The answer. Intervals and JSON are written as text, for Parquet has no such types that
        others read.
    file
        Where to write it; it need not be seekable.

    Raises
    ------
    SqlError
        Two columns have the same name.
    """
    names = [name for name, _ in result.columns]
    for name in names:
        if names.count(name) > 1:
            raise SqlError(f"two columns are named {name}: give one another name with AS")
    arrays = [
        pa.array([_value(row[index], kind) for row in result.rows], _type(kind))
        for index, (_, kind) in enumerate(result.columns)
    ]
    pq.write_table(pa.table(arrays, names=names), file)


def _type(kind: TrinoType) -> pa.DataType:
    match kind.name:
        case "array":
            return pa.list_(_type(kind.members[0]))
        case "map":
            return pa.map_(_type(kind.members[0]), _type(kind.members[1]))
        case "row":
            return pa.struct(
                [(member_name(kind, index), _type(each)) for index, each in enumerate(kind.members)]
            )
        case "unknown":
            return pa.null()
        case "timestamp with time zone":
            return pa.timestamp("us", "UTC")
        case "json":
            return pa.string()
    return pa.string() if kind.name.startswith("interval") else arrow_type(kind)


def _value(value: Any, kind: TrinoType) -> Any:
    if value is None:
        return None
    match kind.name:
        case "array":
            return [_value(each, kind.members[0]) for each in value]
        case "map":
            key, member = kind.members
            return [(_value(k, key), _value(v, member)) for k, v in value.items()]
        case "row":
            pairs = zip(value.items(), kind.members, strict=True)
            return {name: _value(each, member) for (name, each), member in pairs}
    return athena_text(value, kind) if kind.name.startswith("interval") else value
