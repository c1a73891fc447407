"""What becomes of an item: its next state, and the end of its life.

A change keeps everything by which items belong together, and its times follow those before it.
"""

from __future__ import annotations

from datetime import datetime
from random import Random

from demo.feed.items import Item, epoch, iso, number, text

_OVER = {
    "demand": {"FULFILLED", "CANCELLED", "EXPIRED"},
    "event": {"OFF_SALE", "CANCELLED"},
    "notification": {"CLICKED", "BOUNCED", "FAILED", "SUPPRESSED"},
}
# The states that can follow a state, each with its weight.
_DEMAND = {
    "ACTIVE": {"ACTIVE": 30, "OFFERED": 60, "CANCELLED": 7, "EXPIRED": 3},
    "OFFERED": {"OFFERED": 50, "CANCELLED": 25, "EXPIRED": 25},
}
_EVENT = {
    "ANNOUNCED": {"ANNOUNCED": 60, "PRESALE": 38, "POSTPONED": 2},
    "PRESALE": {"PRESALE": 60, "ON_SALE": 38, "POSTPONED": 2},
    "ON_SALE": {"ON_SALE": 87, "OFF_SALE": 10, "POSTPONED": 2, "CANCELLED": 1},
    "POSTPONED": {"POSTPONED": 70, "ON_SALE": 20, "CANCELLED": 10},
}
_NOTIFICATION = {
    "QUEUED": {"SENT": 95, "FAILED": 5},
    "SENT": {"DELIVERED": 90, "BOUNCED": 10},
    "DELIVERED": {"OPENED": 1},
    "OPENED": {"CLICKED": 1},
}
_FAILURES = {"FAILED": "provider unavailable", "BOUNCED": "unknown recipient"}


def is_over(item: Item) -> bool:
    """Tell whether nothing changes about the item any more."""
    kind = item["type"]["S"]
    return "refundedAt" in item if kind == "sale" else item["status"]["S"] in _OVER[kind]


def fulfilled(demand: Item, now: datetime) -> Item:
    """Return a demand after its sale."""
    return {**demand, "status": text("FULFILLED"), "updatedAt": epoch(now, 1000)}


def changed(item: Item, now: datetime, random: Random) -> Item:
    """Return the item's next state.

    Parameters
    ----------
    item
        An item of `demo.feed.items.ItemMaker`.
    now
        When it changes.
    random
        Source of all random values.
    """
    return {**item, **_CHANGES[item["type"]["S"]](item, now, random)}


def _next(states: dict[str, dict[str, int]], item: Item, random: Random) -> str:
    now = item["status"]["S"]
    following = states.get(now, {now: 1})
    return random.choices(list(following), list(following.values()))[0]


def _demand(item: Item, now: datetime, random: Random) -> Item:
    status = _next(_DEMAND, item, random)
    edited = {"requestedSeats": number(random.randint(1, 8))}
    same = status == item["status"]["S"] and not is_over(item)
    return {**(edited if same else {}), "status": text(status), "updatedAt": epoch(now, 1000)}


def _sale(item: Item, now: datetime, random: Random) -> Item:
    if "settledAt" not in item:
        return {"settledAt": epoch(now, 1000)}
    if random.random() < 0.3:
        return {"refundedAt": epoch(now, 1)}
    return {"deliveryMethod": text(random.choice(("MOBILE", "WILL_CALL", "POST")))}


def _event(item: Item, now: datetime, random: Random) -> Item:
    demands = int(item.get("demandCount", {"N": "0"})["N"])
    seats = int(item.get("seatsAvailable", item.get("capacity", {"N": "5000"}))["N"])
    return {
        "status": text(_next(_EVENT, item, random)),
        "demandCount": number(demands + random.randrange(200)),
        "seatsAvailable": number(max(0, seats - random.randrange(100))),
        "synchronizedAt": epoch(now, 1_000_000),
    }


def _notification(item: Item, now: datetime, random: Random) -> Item:
    status = _next(_NOTIFICATION, item, random)
    states: dict[str, Item] = {
        "SENT": {"sentAt": iso(now)},
        "DELIVERED": {"deliveredAt": epoch(now, 1000)},
        "OPENED": {"openedAt": epoch(now, 1_000_000)},
    }
    failures = {"failureReasons": {"L": [text(_FAILURES[status])]}} if status in _FAILURES else {}
    return {"status": text(status), **states.get(status, failures)}


_CHANGES = {
    "demand": _demand,
    "sale": _sale,
    "event": _event,
    "notification": _notification,
}
