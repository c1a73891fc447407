"""Writes to the demand table: puts, updates and deletes items with boto3."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

from demo.feed.items import Item, ItemMaker


def write_items(
    dynamodb: Any,
    table_name: str,
    seed: int,
    count: int,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Put items of every type, then update and delete some of them; return the number of writes.

    Parameters
    ----------
    dynamodb
        boto3's client.
    table_name
        The demand table.
    seed
        Seed of all random values.
    count
        Number of items to put.
    progress
        Called with the number of writes so far.
    """
    random = Random(seed)  # noqa: S311 - made-up items, no secret
    maker = ItemMaker(random)
    writes = 0

    def done() -> None:
        nonlocal writes
        writes += 1
        if progress:
            progress(writes)

    items: list[Item] = []
    for number in range(count):
        record_type = maker.record_types[number % len(maker.record_types)]
        item = maker.item(record_type, datetime.now(UTC))
        dynamodb.put_item(TableName=table_name, Item=item)
        items.append(item)
        done()
    for item in items[::3]:
        dynamodb.update_item(
            TableName=table_name,
            Key={name: item[name] for name in ("pk", "sk")},
            UpdateExpression="SET reviewed = :yes",
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )
        done()
    for item in items[::5]:
        dynamodb.delete_item(TableName=table_name, Key={name: item[name] for name in ("pk", "sk")})
        done()
    return writes
