"""Trino still gives the answers that are recorded, which ``dmd sql`` is held to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.athena.record_trino_answers import ANSWERS, ask, read, trino_over_tables
from tests.trino.server import Tools

pytestmark = pytest.mark.trino


@pytest.fixture(scope="module")
def trino_url(tools: Tools) -> Iterator[str]:
    with trino_over_tables(tools) as url:
        yield url


def comparable(entry: dict[str, Any]) -> Any:
    """An answer without what may differ each time: an error's text, and rows without an order."""
    if "error" in entry:
        return entry["error"].partition(":")[0]
    rows = [rounded(row) for row in entry["rows"]]
    if "ORDER BY" not in entry["sql"]:
        rows.sort(key=lambda row: json.dumps(row, sort_keys=True))
    return [entry["columns"], rows]


def rounded(value: Any) -> Any:
    """Sums of floating-point numbers depend on the order of the additions."""
    if isinstance(value, float):
        return float(f"{value:.14g}")
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return {k: rounded(v) for k, v in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.stem)
def test_trino_answers_as_recorded(path: Path, trino_url: str) -> None:
    entries = [entry for entry in read(path) if "varies" not in entry]
    assert entries
    again = [{"sql": entry["sql"], **ask(trino_url, entry["sql"])} for entry in entries]
    differing = [
        entry["sql"]
        for entry, answer in zip(entries, again, strict=True)
        if comparable(answer) != comparable(entry)
    ]
    assert differing == []
