"""Answers are those of a real Trino: ``trino_answers.json`` has queries and Trino's answers."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from athena.engine import QueryResult, run_query
from athena.errors import SqlError
from athena.render import shortest_real
from athena.values.trino_types import TrinoType

from .record_trino_answers import ANSWERS, read

# DuckDB's own words: the author of a query has written none of them.
OF_DUCKDB = re.compile(
    r"DuckDB|[a-z] Error\b|\b(U?INT(8|16|32|64|128)|VARCHAR|HUGEINT)\b|LINE 1|!$"
)
RECORDED = [entry for path in ANSWERS for entry in read(path)]


def _unordered(value: Any) -> Any:
    """Sort the rows of a query without ORDER BY; JSON objects compare without order anyway."""
    return sorted(value, key=lambda row: json.dumps(row, sort_keys=True))


def _type_name(kind: str) -> str:
    """Return Trino's type without the length of a varchar, which dmd sql ignores."""
    plain = re.sub(r"varchar\(\d+\)", "varchar", kind.lower()).replace('"', "")
    return re.sub(r"\s*,\s*", ",", plain)


def _wire(value: Any, kind: TrinoType) -> Any:
    """Return a value as Trino's client protocol has it, which is exact text for most types."""
    if value is None:
        return None
    if kind.name == "array":
        return [_wire(item, kind.members[0]) for item in value]
    if kind.name == "map":
        key, member = kind.members
        return {str(_wire(k, key)): _wire(v, member) for k, v in value.items()}
    if kind.name == "row":
        return [_wire(v, m) for v, m in zip(value.values(), kind.members, strict=True)]
    written = WRITERS.get(kind.name)
    return written(value, kind) if written else value


def _float(value: float) -> Any:
    if value != value:
        return "NaN"
    return {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, value)


def _clock(value: dt.datetime, digits: int) -> str:
    text = f"{value:%Y-%m-%d %H:%M:%S}"
    fraction = f"{value.microsecond:06}000"[:digits]
    return f"{text}.{fraction}" if digits else text


def _duration(value: dt.timedelta) -> str:
    sign = "-" if value < dt.timedelta(0) else ""
    millis = abs(value) // dt.timedelta(milliseconds=1)
    days, rest = divmod(millis, 86_400_000)
    hours, rest = divmod(rest, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{sign}{days} {hours:02}:{minutes:02}:{rest // 1000:02}.{rest % 1000:03}"


WRITERS: dict[str, Callable[[Any, TrinoType], Any]] = {
    "decimal": lambda value, _: format(value, "f") if isinstance(value, Decimal) else repr(value),
    "date": lambda value, _: value.isoformat(),
    "timestamp": lambda value, kind: _clock(value, int(kind.numbers[0])),
    "timestamp with time zone": lambda value, kind: f"{_clock(value, int(kind.numbers[0]))} UTC",
    "varbinary": lambda value, _: base64.b64encode(value).decode(),
    "real": lambda value, _: _float(shortest_real(value)),
    "double": lambda value, _: _float(value),
    "interval day to second": lambda value, _: _duration(value),
}


def _answer(result: QueryResult) -> dict[str, Any]:
    kinds = [kind for _, kind in result.columns]
    return {
        "columns": [[name, _type_name(str(kind))] for name, kind in result.columns],
        "rows": [
            [_wire(value, kind) for value, kind in zip(row, kinds, strict=True)]
            for row in result.rows
        ],
    }


def _recorded(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "columns": [[name, _type_name(kind)] for name, kind in entry["columns"]],
        "rows": entry["rows"],
    }


def _close(value: Any) -> Any:
    """Round floating-point numbers, whose sums depend on the order of the additions."""
    if isinstance(value, float):
        return float(f"{value:.14g}")
    if isinstance(value, list):
        return [_close(item) for item in value]
    return {k: _close(v) for k, v in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("entry", RECORDED, ids=[entry["sql"][:80] for entry in RECORDED])
def test_query_is_answered_as_trino_answers_it(entry: dict[str, Any], data_dir: Path) -> None:
    if "error" in entry or "refused" in entry:
        with pytest.raises(SqlError) as refused:
            run_query(data_dir, entry["sql"])
        assert entry.get("refused", "") in str(refused.value)
        assert not OF_DUCKDB.search(str(refused.value))
        return
    answer, recorded = _answer(run_query(data_dir, entry["sql"])), _recorded(entry)
    if "ORDER BY" not in entry["sql"]:
        answer["rows"], recorded["rows"] = map(_unordered, (answer["rows"], recorded["rows"]))
    assert answer["columns"] == recorded["columns"]
    assert _close(answer["rows"]) == _close(recorded["rows"])


def test_a_wrong_answer_would_be_noticed(data_dir: Path) -> None:
    entry = next(entry for entry in RECORDED if entry["sql"].startswith("SELECT 7/2"))
    answer = _answer(run_query(data_dir, entry["sql"].replace("7/2", "7.0/2", 1)))
    assert answer["rows"] != _recorded(entry)["rows"]
