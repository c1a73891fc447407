"""The change records of the benchmark: as a real stream has them, the same for the same seed.

The records are those of `demo.feed.market`: its mix of types and events, and one new item in ten
with attributes without a column. Times are at random within their unit. Of a hundred records, three
are odd in one of the ways of `ODDITIES`.

A real stream also has repeats, broken records and items of types that nobody takes. They are left
out, because the peers differ in what they do with them: each record here makes exactly one row.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from demo.feed.items import Attribute, Item, number, text
from demo.feed.market import Change, Market
from demo.feed.replication import json_attribute

TABLE_NAME = "prd3292-dev1-us-east-1-demand-table"

_BEGIN = datetime(2026, 11, 1, 6, tzinfo=UTC)
_SPAN = timedelta(days=3)
_SHARE_ODD = 0.03
_SHARE_EXPIRED = 0.5
_TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
# An attribute of each type that can be a text of any length.
_LONG_COLUMN = {
    "demand": "referrer",
    "sale": "orderId",
    "event": "timeZone",
    "notification": "subject",
}
# Attributes of each type: a time in text, a double, a map that is a record (those of a sale are in
# a list), a nullable decimal.
_TIME = {"demand": "requestedAt", "sale": "soldAt", "event": "startsAt", "notification": "sentAt"}
_DOUBLE = {
    "demand": "latitude",
    "sale": "fraudScore",
    "event": "averageRating",
    "notification": "engagementScore",
}
_MAP = {"demand": "party", "event": "venue", "notification": "provider"}
_DECIMAL = {"demand": "maxPrice", "sale": "tax", "notification": "offeredPrice"}
_RARE_NAMES = 1000
_WORDS = ("seat", "row", "gate", "north", "balcony", "evening", "étage", "waiting", "list", "offer")


def _finer_time(item: Item, random: Random) -> Item:
    """As Python writes a time."""
    when = _BEGIN + _SPAN * random.random()
    return {_TIME[item["type"]["S"]]: text(when.isoformat(timespec="microseconds"))}


def _longer_number(item: Item, random: Random) -> Item:
    return {_DOUBLE[item["type"]["S"]]: number(f"0.{random.randrange(1, 10**20):020d}")}


def _unknown_member(item: Item, random: Random) -> Item:
    if "seats" in item:
        first, *others = item["seats"]["L"]
        return {"seats": {"L": [_with_member(first), *others]}}
    name = _MAP.get(item["type"]["S"], "")
    return {name: _with_member(item[name])} if name in item else {}


def _with_member(value: Attribute) -> Attribute:
    return {"M": {**value["M"], "source": text("import")}}


def _rare_attribute(item: Item, random: Random) -> Item:
    return {f"variant{random.randrange(_RARE_NAMES)}": text("control")}


def _another_type(item: Item, random: Random) -> Item:
    return {_DOUBLE[item["type"]["S"]]: text("unknown")}


def _more_decimals(item: Item, random: Random) -> Item:
    name = _DECIMAL.get(item["type"]["S"])
    return {name: number("12.34567")} if name else {}


# Returns the attributes that make an item odd, if it can be.
Oddity = Callable[[Item, Random], Item]

# What can be odd about an item, such that each peer still reads it.
ODDITIES: dict[str, Oddity] = {
    "a time finer than its column": _finer_time,
    "a number with more digits than a double": _longer_number,
    "a member of a map that the schema does not have": _unknown_member,
    "an attribute that was hardly ever seen": _rare_attribute,
}


# What does not fit its nullable column. The peers stop at these, so only the project is measured.
MISFITS: dict[str, Oddity] = {
    "a value of another type": _another_type,
    "a decimal with more digits than its column": _more_decimals,
}


def changes(
    seed: int,
    count: int,
    text_bytes: int = 0,
    share_odd: float = _SHARE_ODD,
    oddities: Sequence[Oddity] = tuple(ODDITIES.values()),
) -> Iterator[bytes]:
    """Yield change records as bytes in the form that Kinesis has, each about 1.6 KB.

    Parameters
    ----------
    seed
        Any number.
    count
        The number of records.
    text_bytes
        Bytes of text to add to each item; 0 adds none.
    share_odd
        The share of records that are odd.
    oddities
        In which ways, one of them at random.
    """
    random = Random(seed)  # noqa: S311 - no secret
    market = Market(random)
    step = _SPAN / max(count, 1)
    now = _BEGIN
    for _ in range(count):
        now += step * random.uniform(0.5, 1.5)
        change = market.change(now)
        more: Item = {}
        item = change.new or change.old or {}
        if random.random() < share_odd:
            more = random.choice(oddities)(item, random)
        if text_bytes:
            more[_LONG_COLUMN[item["type"]["S"]]] = text(_prose(random, text_bytes))
        yield record(random, change, more, now)


def record(random: Random, change: Change, more: Item, now: datetime) -> bytes:
    """Return a change record.

    Parameters
    ----------
    random
        Source of the record's identifier, and of whether time to live has removed an item.
    change
        The change of an item.
    more
        Attributes that replace those of both images.
    now
        When the item changed.
    """
    images = {"NewImage": change.new, "OldImage": change.old}
    both = {name: {**item, **more} for name, item in images.items() if item}
    image = next(iter(both.values()))
    by_ttl = change.event == "REMOVE" and random.random() < _SHARE_EXPIRED
    micros = (now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    shaped: dict[str, Any] = {
        "awsRegion": "us-east-1",
        "eventID": str(uuid.UUID(int=random.getrandbits(128), version=4)),
        "eventName": change.event,
        "userIdentity": _TTL if by_ttl else None,
        "recordFormat": "application/json",
        "tableName": TABLE_NAME,
        "dynamodb": {
            "ApproximateCreationDateTime": micros,
            "Keys": {name: image[name] for name in ("pk", "sk")},
            **{name: json_attribute({"M": each})["M"] for name, each in both.items()},
            "SizeBytes": len(str(image)),
            "ApproximateCreationDateTimePrecision": "MICROSECOND",
        },
        "eventSource": "aws:dynamodb",
    }
    return json.dumps(shaped, ensure_ascii=False, separators=(",", ":")).encode()


def _prose(random: Random, size: int) -> str:
    words: list[str] = []
    left = size
    while left > 0:
        words.append(random.choice(_WORDS) + str(random.randrange(1000)))
        left -= len(words[-1]) + 1
    return " ".join(words)
