"""The items of a smoke test become rows by the transform, whatever key the table has."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from demo.feed.replication import json_attribute
from ops.errors import SmokeError
from ops.smoke.items import MARK, TableKeys, minimal_item, record_key, table_keys
from transform.change_record import ChangeRecordReader
from transform.row import RowMaker

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)


def described(**types: str) -> dict[str, Any]:
    """DescribeTable's answer for a table with these key attributes, the partition key first."""
    return {
        "TableName": "table",
        "KeySchema": [
            {"AttributeName": name, "KeyType": kind}
            for name, kind in zip(types, ("HASH", "RANGE"), strict=False)
        ],
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in types.items()
        ],
    }


@pytest.mark.parametrize("record_type", schemas.RECORD_TYPES)
@pytest.mark.parametrize("sort_type", ["S", "N", "B"])
def test_the_item_becomes_a_row_that_rescues_nothing(record_type: str, sort_type: str) -> None:
    keys = TableKeys("pk", "sk", sort_type)
    key = keys.key(record_type, 1_790_000_000_000, 1)
    item = minimal_item(schemas.table(record_type), "type", key, NOW)
    image = json_attribute({"M": item})["M"]
    change = {
        "eventID": "1",
        "eventName": "INSERT",
        "tableName": "table",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_790_000_000_000,
            "Keys": json_attribute({"M": key})["M"],
            "NewImage": image,
        },
    }
    data = msgspec.json.encode(change)
    reader = ChangeRecordReader("type")
    event, found = reader.glance(data)
    assert found == record_type
    row = RowMaker(schemas.table(record_type), "type").row(reader.read(data, event), "1")
    assert row.rescued == 0
    assert msgspec.json.decode(row.line)["record_key"] == record_key(key), "the query finds it"


@given(st.integers(0, 2**42), st.integers(0, 2**42), st.integers(0, 99), st.integers(0, 99))
def test_no_two_items_have_the_same_key(run: int, other: int, i: int, j: int) -> None:
    for sort_type in "SNB":
        keys = TableKeys("pk", "sk", sort_type)
        same = keys.key(f"t{i}", run, i) == keys.key(f"t{j}", other, j)
        assert same == ((run, i) == (other, j))


def test_every_item_has_the_mark_as_partition_key() -> None:
    keys = table_keys(described(owner="S", at="N"))
    assert keys == TableKeys("owner", "at", "N")
    assert keys.key("sale", 5, 1) == {"owner": {"S": MARK}, "at": {"N": "501"}}


@pytest.mark.parametrize("types", [{"id": "S"}, {"id": "N", "at": "S"}])
def test_a_table_whose_items_cannot_be_marked_and_found_again_is_refused(
    types: dict[str, str],
) -> None:
    with pytest.raises(SmokeError, match="needs a text as partition key, and a sort key"):
        table_keys(described(**types))
