"""Made-up items belong together as those of a real table do."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from demo.feed.items import Item
from demo.feed.market import RECORD_TYPES, Change, Market
from schemas import RECORD_TYPES as TABLES

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def changes(seed: int, count: int) -> list[tuple[datetime, Change]]:
    market = Market(Random(seed))
    times = [BEGIN + number * SECOND for number in range(count)]
    return [(now, market.change(now)) for now in times]


HISTORY = changes(5, 6000)


def value(item: Item, name: str) -> Any:
    """An attribute's text, or its number."""
    ((kind, inner),) = item[name].items()
    return Decimal(inner) if kind == "N" else inner


def kind_of(change: Change) -> str:
    return str(value(change.new or change.old or {}, "type"))


def inserted(record_type: str) -> list[tuple[datetime, Item]]:
    return [
        (now, change.new)
        for now, change in HISTORY
        if change.event == "INSERT" and change.new and kind_of(change) == record_type
    ]


def time(item: Item, name: str) -> datetime:
    """A text attribute's time."""
    return datetime.fromisoformat(value(item, name))


def test_every_type_is_made() -> None:
    assert sorted(RECORD_TYPES) == sorted(TABLES)
    assert {kind_of(change) for _, change in HISTORY} == set(TABLES)


def test_whatever_belongs_to_an_event_comes_after_the_event() -> None:
    known: set[str] = set()
    for _, change in HISTORY:
        item = change.new or change.old or {}
        if kind_of(change) == "event":
            known.add(value(item, "eventId"))
        assert value(item, "eventId") in known


def test_a_sale_fulfils_a_demand_that_was_there_and_is_open() -> None:
    demands: dict[str, Item] = {}
    sold: Counter[str] = Counter()
    alone = 0
    for (_, change), (_, following) in pairwise(HISTORY):
        new = change.new
        if kind_of(change) == "demand":
            if new is None:
                del demands[value(change.old or {}, "demandId")]
            else:
                demands[value(new, "demandId")] = new
        elif kind_of(change) == "sale" and change.event == "INSERT":
            assert new is not None
            if "demandId" not in new:
                alone += 1
                continue
            sold[value(new, "demandId")] += 1
            demand = demands[value(new, "demandId")]
            assert value(demand, "status") in {"ACTIVE", "OFFERED"}
            for name in ("customerId", "eventId", "currency"):
                assert new[name] == demand[name]
            assert value(new, "quantity") <= value(demand, "requestedSeats")
            assert value(new, "totalAmount") == value(new, "quantity") * value(new, "unitPrice")
            if "maxPrice" in demand:
                assert value(new, "unitPrice") <= value(demand, "maxPrice")
            assert time(new, "soldAt") > time(demand, "requestedAt")
            # The table's owner changes the demand in the same transaction.
            assert following.old == demand
            assert following.new is not None
            assert value(following.new, "status") == "FULFILLED"
    assert set(sold.values()) == {1}
    assert 0 < alone < len(sold) / 2, "most sales have a demand, and some have none"


def test_a_message_tells_of_a_demand_a_sale_or_an_event_that_was_there() -> None:
    demands: dict[str, Item] = {}
    told: Counter[str] = Counter()
    templates: Counter[str] = Counter()
    for now, item in sorted(
        [*inserted("demand"), *inserted("notification")], key=lambda each: each[0]
    ):
        if value(item, "type") == "demand":
            demands[value(item, "demandId")] = item
            continue
        templates[value(item, "templateId")] += 1
        if "demandId" in item:
            demand = demands[value(item, "demandId")]
            told[value(item, "demandId")] += 1
            for name in ("customerId", "eventId"):
                assert item[name] == demand[name]
            assert now > time(demand, "requestedAt")
    assert max(told.values()) > 1
    assert set(templates) == {"demand-received", "seats-offered", "tickets-sold", "event-announced"}


def test_a_sale_is_told_to_its_customer() -> None:
    """A message has no identifier of a sale: it has those of the sale's demand, if there is one."""
    told = {
        (value(item, "customerId"), value(item, "eventId"))
        for _, item in inserted("notification")
        if value(item, "templateId") == "tickets-sold"
    }
    sold = {(value(item, "customerId"), value(item, "eventId")) for _, item in inserted("sale")}
    assert told <= sold
    assert len(told) > len(sold) / 2


def test_some_customers_come_back_often_and_most_come_once() -> None:
    visits = Counter(value(item, "customerId") for _, item in inserted("demand"))
    often = Counter(visits.values())
    assert often[1] > len(visits) / 2
    assert often[2] > 20
    assert max(visits.values()) > 5


def test_an_event_is_removed_only_when_it_is_over() -> None:
    removed = [
        value(change.old, "status")
        for _, change in HISTORY
        if change.event == "REMOVE" and change.old and kind_of(change) == "event"
    ]
    assert set(removed) == {"OFF_SALE", "CANCELLED"}


def test_some_events_are_wanted_much_more_than_others() -> None:
    wanted = Counter(value(item, "eventId") for _, item in inserted("demand"))
    top = sum(count for _, count in wanted.most_common(len(wanted) // 5))
    assert top > wanted.total() / 3


def test_a_change_begins_with_the_item_as_it_was_and_keeps_what_joins_it() -> None:
    living: dict[str, Item] = {}
    changed: Counter[str] = Counter()
    for _, change in HISTORY:
        key = value(change.new or change.old or {}, "pk")
        assert living.get(key) == change.old
        if change.new is None:
            del living[key]
            continue
        living[key] = change.new
        if change.old is not None:
            changed[kind_of(change)] += 1
            for name, old in change.old.items():
                if name.endswith("Id") or name in {"pk", "sk", "type", "currency"}:
                    assert change.new[name] == old
    assert set(changed) == set(TABLES)


def test_times_of_a_message_and_of_a_sale_follow_each_other() -> None:
    seen: Counter[str] = Counter()
    for now, change in HISTORY:
        item = change.new
        if item is None:
            continue
        millis = int(now.timestamp() * 1000)
        if change.old and "deliveredAt" in item and "deliveredAt" not in change.old:
            seen["delivered"] += 1
            assert value(item, "deliveredAt") == millis > time(item, "sentAt").timestamp() * 1000
        if change.old and "openedAt" in item and "openedAt" not in change.old:
            seen["opened"] += 1
            assert value(item, "openedAt") > value(item, "deliveredAt") * 1000
        if change.old and "settledAt" in item and "settledAt" not in change.old:
            seen["settled"] += 1
            assert value(item, "settledAt") == millis > time(item, "soldAt").timestamp() * 1000
        if change.old and "refundedAt" in item and "refundedAt" not in change.old:
            seen["refunded"] += 1
            assert value(item, "refundedAt") * 1000 > value(item, "settledAt") - 1000
    assert set(seen) == {"delivered", "opened", "settled", "refunded"}


def test_the_memory_does_not_grow_with_the_changes() -> None:
    market = Market(Random(1))
    held = []
    tracemalloc.start()
    try:
        for number in range(9000):
            market.change(BEGIN + number * SECOND)
            if number in (3000, 8999):
                held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert held[1] < held[0] * 2


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_one_type_alone_can_be_made(record_type: str) -> None:
    market = Market(Random(1))
    items = [market.item(record_type, BEGIN + number * SECOND) for number in range(20)]
    assert {value(each, "type") for each in items} == {record_type}
    for item in items:
        assert value(market.changed(item, BEGIN + timedelta(hours=1)), "pk") == value(item, "pk")
