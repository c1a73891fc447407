"""Writes to the demand table: puts, updates and deletes items with boto3."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

from demo.feed.items import Item
from demo.feed.market import RECORD_TYPES, Change, Market


def write_items(
    dynamodb: Any,
    table_name: str,
    seed: int,
    count: int,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Put items of every type, with what follows; then update and delete some of them.

    Return the number of writes.

    Parameters
    ----------
    dynamodb
        boto3's client.
    table_name
        The demand table.
    seed
        Seed of all random values.
    count
        Number of items to put, besides those that follow from them.
    progress
        Called with the number of writes so far.
    """
    # Other items than those of the generated records, whose seed may be the same.
    market = Market(Random(f"table {seed}"))  # noqa: S311 - made-up items, no secret
    writes = 0

    def done() -> None:
        nonlocal writes
        writes += 1
        if progress:
            progress(writes)

    def put(change: Change) -> Item:
        item = change.new or {}
        dynamodb.put_item(TableName=table_name, Item=item)
        done()
        return item

    items: list[Item] = []
    for number in range(count):
        record_type = RECORD_TYPES[number % len(RECORD_TYPES)]
        items.append(put(market.insert(record_type, datetime.now(UTC))))
        while change := market.due(datetime.now(UTC)):
            put(change)
    for item in items[::3]:
        dynamodb.update_item(
            TableName=table_name,
            Key={name: item[name] for name in ("pk", "sk")},
            UpdateExpression="SET reviewed = :yes",
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )
        done()
    # An event stays, because other items belong to it.
    for item in [each for each in items if each["type"]["S"] != "event"][::4]:
        dynamodb.delete_item(TableName=table_name, Key={name: item[name] for name in ("pk", "sk")})
        done()
    return writes
