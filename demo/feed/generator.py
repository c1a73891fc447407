"""Generates change records from a seed, with the irregularities of a real stream.

Most are inserts, changes and removals of items of the four types, which belong together. Among them
are items of other types or of none, attributes without a column, removals by time to live, records
that come twice or out of order, and broken ones.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Container, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from demo.feed.items import Item, text
from demo.feed.market import Change, Market
from demo.feed.replication import json_attribute
from demo.feed.stream import StreamRecord

# Fixed, so that a seed gives the same bytes every day.
_BEGIN = datetime(2026, 11, 1, 6, tzinfo=UTC)
_SPAN = timedelta(days=3)
_SAMPLE_STEP = timedelta(minutes=1)

_SHARE_REPEATED = 0.04
_SHARE_BROKEN = 0.02
_SHARE_OF_STRANGERS = 0.06
_SHARE_EXPIRED = 0.5
_DISORDER = 25  # how many records late a record may be, about
_TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


def generate(seed: int, count: int, table_name: str) -> Iterator[StreamRecord]:
    """Yield ``count`` change records, the same for the same seed.

    Parameters
    ----------
    seed
        Any number.
    count
        Number of records, with repeats and broken ones.
    table_name
        The demand table's name.
    """
    changes = _Changes(Random(seed), table_name, _SPAN / max(count, 1))  # noqa: S311 - no secret
    random = Random(seed + 1)  # noqa: S311
    waiting: list[StreamRecord] = []
    sent: list[StreamRecord] = []
    for number in range(1, count + 1):
        if sent and random.random() < _SHARE_REPEATED:
            waiting.append(random.choice(sent))
        else:
            waiting.append(changes.record(number))
        if len(waiting) > _DISORDER:
            sent.append(waiting.pop(random.randrange(len(waiting))))
            yield sent[-1]
            del sent[:-1000]
    random.shuffle(waiting)
    yield from waiting


def sample(seed: int, count: int, table_name: str, record_types: Container[str]) -> Iterator[bytes]:
    """Yield ``count`` change records of some record types, none of them broken.

    Parameters
    ----------
    seed, table_name
        As for `generate`.
    count
        Number of records.
    record_types
        The types; at least one of `demo.feed.market.RECORD_TYPES`.
    """
    changes = _Changes(Random(seed), table_name, _SAMPLE_STEP)  # noqa: S311 - no secret
    while count:
        change = changes.change()
        image = change["dynamodb"].get("NewImage") or change["dynamodb"]["OldImage"]
        if image.get("type", {}).get("S") in record_types:
            count -= 1
            yield _encoded(change)


class _Changes:
    """Makes successive changes of items, as change records in Kinesis."""

    def __init__(self, random: Random, table_name: str, step: timedelta) -> None:
        self._random = random
        self._table_name = table_name
        self._step = step
        self._now = _BEGIN
        self._market = Market(random)

    def record(self, number: int) -> StreamRecord:
        change = self.change()
        data = _encoded(change)
        if self._random.random() < _SHARE_BROKEN:
            data = self._random.choice(_BREAKAGES)(change, data)
        key = change["dynamodb"]["Keys"]["pk"]["S"]
        return StreamRecord(data, key, f"generated record {number}")

    def change(self) -> dict[str, Any]:
        self._now += self._step * self._random.uniform(0.5, 1.5)
        if self._random.random() < _SHARE_OF_STRANGERS:
            return self._shaped(Change("INSERT", new=self._stranger()))
        return self._shaped(self._market.change(self._now))

    def _stranger(self) -> Item:
        item = {"pk": text(f"HOLD#{self._random.getrandbits(32)}"), "sk": text("v0")}
        if self._random.random() < 0.7:
            item["type"] = text("venue-hold")
        # A search for text instead of parsing would find another record type here.
        item["note"] = text('{"type":{"S":"demand"}}')
        return item

    def _shaped(self, change: Change) -> dict[str, Any]:
        image = change.new or change.old or {}
        images = {"NewImage": change.new, "OldImage": change.old}
        by_ttl = change.event == "REMOVE" and self._random.random() < _SHARE_EXPIRED
        micros = (self._now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        precise = self._random.random() < 0.9
        body: dict[str, Any] = {
            "ApproximateCreationDateTime": micros if precise else micros // 1000,
            "Keys": {name: image[name] for name in ("pk", "sk")},
            **{name: json_attribute({"M": item})["M"] for name, item in images.items() if item},
            "SizeBytes": len(str(image)),
        }
        if precise:
            body["ApproximateCreationDateTimePrecision"] = "MICROSECOND"
        return {
            "awsRegion": "us-east-1",
            "eventID": str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
            "eventName": change.event,
            "userIdentity": _TTL if by_ttl else None,
            "recordFormat": "application/json",
            "tableName": self._table_name,
            "dynamodb": body,
            "eventSource": "aws:dynamodb",
        }


def _encoded(change: dict[str, Any]) -> bytes:
    return json.dumps(change, ensure_ascii=False, separators=(",", ":")).encode()


def _broken(change: dict[str, Any], **envelope: Any) -> bytes:
    return json.dumps({**change, **envelope}).encode()


def _without_required(change: dict[str, Any], data: bytes) -> bytes:
    body = dict(change["dynamodb"])
    for image in ("NewImage", "OldImage"):
        if image in body:
            kept = ("pk", "sk", "type")
            body[image] = {name: body[image][name] for name in kept if name in body[image]}
    return _broken(change, dynamodb=body)


_BREAKAGES: tuple[Callable[[dict[str, Any], bytes], bytes], ...] = (
    lambda change, data: data[: len(data) // 2],
    lambda change, data: b"\xff\xfe" + data,
    lambda change, data: b"[]",
    lambda change, data: _broken(change, eventName="UPSERT"),
    lambda change, data: _broken(change, dynamodb={**change["dynamodb"], "Keys": 5}),
    lambda change, data: _broken(change, dynamodb={"Keys": {}}),
    _without_required,
)
