"""The change records of the benchmark: well-formed, and the same for the same seed.

The four record types alternate. Of ten records, six are inserts, two are modifications with both
images, and two are removals. One item in ten has an attribute without a column.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from demo.feed.items import Item, text
from demo.feed.market import RECORD_TYPES, Market
from demo.feed.replication import json_attribute

TABLE_NAME = "prd3292-dev1-us-east-1-demand-table"

_BEGIN = datetime(2026, 11, 1, 6, tzinfo=UTC)
_SPAN = timedelta(days=3)
_SHARE_UNMODELLED = 0.1
_ALWAYS = ("pk", "sk", "type")
# An attribute of each type that can be a text of any length.
_LONG_COLUMN = {
    "demand": "referrer",
    "sale": "orderId",
    "event": "timeZone",
    "notification": "subject",
}
_WORDS = ("seat", "row", "gate", "north", "balcony", "evening", "étage", "waiting", "list", "offer")


def changes(seed: int, count: int, text_bytes: int = 0) -> Iterator[bytes]:
    """Yield change records as bytes in the form that Kinesis has, each about 1.4 KB.

    Parameters
    ----------
    seed
        Any number.
    count
        The number of records.
    text_bytes
        Bytes of text to add to each item; 0 adds none.
    """
    random = Random(seed)  # noqa: S311 - no secret
    market = Market(random)
    step = _SPAN / max(count, 1)
    for number in range(count):
        now = _BEGIN + step * number
        record_type = RECORD_TYPES[number % len(RECORD_TYPES)]
        item = market.item(record_type, now)
        if random.random() < _SHARE_UNMODELLED:
            item["deviceFingerprint"] = {"M": {"os": text("iOS 26"), "depth": {"N": "1E+3"}}}
        if text_bytes:
            item[_LONG_COLUMN[record_type]] = text(_prose(random, text_bytes))
        chance = random.random()
        if chance < 0.6:
            images: dict[str, Item] = {"NewImage": item}
            event = "INSERT"
        elif chance < 0.8:
            images = {"NewImage": market.changed(item, now), "OldImage": item}
            event = "MODIFY"
        else:
            images = {"OldImage": item}
            event = "REMOVE"
        yield _record(random, event, images, now)


def _record(random: Random, event: str, images: dict[str, Item], now: datetime) -> bytes:
    image = next(iter(images.values()))
    change: dict[str, Any] = {
        "awsRegion": "us-east-1",
        "eventID": str(uuid.UUID(int=random.getrandbits(128), version=4)),
        "eventName": event,
        "userIdentity": None,
        "recordFormat": "application/json",
        "tableName": TABLE_NAME,
        "dynamodb": {
            "ApproximateCreationDateTime": int(now.timestamp() * 1_000_000),
            "Keys": {name: image[name] for name in ("pk", "sk")},
            **{name: json_attribute({"M": each})["M"] for name, each in images.items()},
            "SizeBytes": len(str(image)),
            "ApproximateCreationDateTimePrecision": "MICROSECOND",
        },
        "eventSource": "aws:dynamodb",
    }
    return json.dumps(change, ensure_ascii=False, separators=(",", ":")).encode()


def _prose(random: Random, size: int) -> str:
    words: list[str] = []
    left = size
    while left > 0:
        words.append(random.choice(_WORDS) + str(random.randrange(1000)))
        left -= len(words[-1]) + 1
    return " ".join(words)
