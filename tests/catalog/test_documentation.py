"""A table's documentation says of each column what an analyst needs to know."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

import catalog
import schemas

TIME = {"type": "long", "logicalType": "timestamp-millis"}
NULLABLE_TIME = {"type": ["null", TIME], "default": None}
KIND = {"type": "enum", "name": "Kind", "symbols": ["LARGE", "SMALL"]}


@pytest.mark.parametrize(
    ("field", "row"),
    [
        (
            {"name": "a", "type": "string", "doc": "A text"},
            "| `a` | `string` | no | `a` | A text |",
        ),
        (
            {"name": "a", "attribute": "x", "type": ["null", "int"], "default": None, "doc": "A"},
            "| `a` | `int` | yes | `x` | A |",
        ),
        (
            {"name": "a", "type": TIME, "doc": "A"},
            "| `a` | `timestamp` | no | `a` (ISO 8601 text) | A |",
        ),
        (
            {"name": "a", "epoch": "seconds", **NULLABLE_TIME, "doc": "A"},
            "| `a` | `timestamp` | yes | `a` (number, seconds) | A |",
        ),
        (
            {"name": "a", "type": KIND, "doc": "A"},
            "| `a` | `string` | no | `a` | A: LARGE, SMALL |",
        ),
        (
            {"name": "a", "type": "string", "doc": "one | two"},
            "| `a` | `string` | no | `a` | one \\| two |",
        ),
    ],
)
def test_a_column_is_a_row_with_type_null_attribute_and_meaning(
    monkeypatch: pytest.MonkeyPatch, field: dict[str, Any], row: str
) -> None:
    text = json.dumps({"type": "record", "name": "T", "doc": "A row.", "fields": [field]})
    table = schemas.parse_table("t", text, "t.json")
    # The package's function of this name hides the module.
    monkeypatch.setattr(sys.modules["catalog.documentation"], "table", lambda _: table)
    lines = catalog.documentation("t").splitlines()
    assert lines[:3] == ["## t", "", "A row."]
    assert row in lines
