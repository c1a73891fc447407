"""The life of a demand table: items that belong together, and their changes in order.

An event is announced, customers ask for seats, offers and sales follow, and messages tell of them.
The market remembers a bounded number of items, so any number of changes needs the same memory. It
forgets an item at random, which then stays in the table as it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random

from demo.feed import lifecycle
from demo.feed.items import Item, ItemMaker, text

# An event comes first, because everything else belongs to one.
RECORD_TYPES = ("event", "demand", "sale", "notification")

_MOST_OF_A_POOL = 200
_FEWEST_EVENTS = 3
_SHARE_UNMODELLED = 0.1
_SHARE_WITHOUT_DEMAND = 0.15

# How often something happens by itself, as weights. Offers, sales and messages bring more changes.
_HAPPENINGS = {
    ("INSERT", "event"): 4,
    ("INSERT", "demand"): 24,
    ("INSERT", "sale"): 15,
    ("INSERT", "notification"): 4,
    ("MODIFY", "event"): 14,
    ("MODIFY", "demand"): 22,
    ("MODIFY", "sale"): 12,
    ("MODIFY", "notification"): 24,
    ("REMOVE", "event"): 2,
    ("REMOVE", "demand"): 8,
    ("REMOVE", "sale"): 2,
    ("REMOVE", "notification"): 8,
}
_LIKELY = (list(_HAPPENINGS), list(_HAPPENINGS.values()))
_SHARE_TOLD = {"demand": 0.3, "offer": 0.8, "sale": 0.9}


@dataclass(frozen=True)
class Change:
    """A change of an item.

    Parameters
    ----------
    event
        ``INSERT``, ``MODIFY`` or ``REMOVE``.
    new, old
        The item after and before the change; None if there was or is none.
    """

    event: str
    new: Item | None = None
    old: Item | None = None


class _Pool:
    """A bounded number of items, in no order."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._items: list[Item] = []

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: Item) -> None:
        if len(self._items) == _MOST_OF_A_POOL:
            self.take()
        self._items.append(item)

    def take(self) -> Item | None:
        """Return any item, and keep it no longer."""
        if not self._items:
            return None
        place = self._random.randrange(len(self._items))
        self._items[place], self._items[-1] = self._items[-1], self._items[place]
        return self._items.pop()

    def favourite(self) -> Item | None:
        """Return an item, some much more often than others, and keep it."""
        if not self._items:
            return None
        return self._items[int(len(self._items) * self._random.random() ** 2)]


class Market:
    """Makes items of each record type that belong together, and changes them.

    Parameters
    ----------
    random
        Source of all random values.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._maker = ItemMaker(random)
        self._open = {record_type: _Pool(random) for record_type in RECORD_TYPES}
        self._offered = _Pool(random)
        self._over = {record_type: _Pool(random) for record_type in RECORD_TYPES}
        self._due: deque[Callable[[datetime], Change]] = deque()

    def item(self, record_type: str, now: datetime) -> Item:
        """Return a new item of a record type, which belongs to items that were made before.

        If no event was made before, it belongs to an event that nobody sees.

        Parameters
        ----------
        record_type
            One of `RECORD_TYPES`.
        now
            When the item is put into the table.
        """
        item, _ = self._made(record_type, now)
        return item

    def changed(self, item: Item, now: datetime) -> Item:
        """Return the item's next state; its times are about ``now``."""
        return lifecycle.changed(item, now, self._random)

    def insert(self, record_type: str, now: datetime) -> Change:
        """Return the insertion of a new item. What follows from it is due."""
        item, demand = self._made(record_type, now)
        if self._random.random() < _SHARE_UNMODELLED:
            item |= self._maker.unmodelled()
        if demand is not None:
            self._due.append(lambda then: self._fulfil(demand, then))
        if record_type in _SHARE_TOLD:
            self._tell(item, record_type)
        return Change("INSERT", new=item)

    def due(self, now: datetime) -> Change | None:
        """Return the next change that follows from those before, if there is one."""
        return self._due.popleft()(now) if self._due else None

    def change(self, now: datetime) -> Change:
        """Return the next change."""
        following = self.due(now)
        if following is not None:
            return following
        if len(self._open["event"]) < _FEWEST_EVENTS:
            return self.insert("event", now)
        ((event, record_type),) = self._random.choices(*_LIKELY)
        change = None
        if event == "REMOVE":
            change = self._remove(record_type)
        if change is None and event != "INSERT":
            change = self._modify(record_type, now)
        # Where there is nothing to change yet, something new comes.
        return change or self.insert(record_type, now)

    def _made(self, record_type: str, now: datetime) -> tuple[Item, Item | None]:
        """Return a new item, and the demand that it fulfils."""
        demand = None
        match record_type:
            case "event":
                item = self._maker.event(now)
            case "demand":
                item = self._maker.demand(now, self._event(now))
            case "sale":
                demand = self._wanted()
                item = self._maker.sale(now, self._event(now), demand)
            case _:
                wanted = self._random.random() < 0.5 and self._open["demand"].favourite()
                item = self._maker.notification(now, wanted or self._event(now))
        self._keep(item)
        return item, demand

    def _event(self, now: datetime) -> Item:
        known = self._open["event"].favourite()
        if known is None:
            known = self._maker.event(now)
            self._open["event"].add(known)
        return known

    def _wanted(self) -> Item | None:
        if self._random.random() < _SHARE_WITHOUT_DEMAND:
            return None
        return self._offered.take() or self._open["demand"].take()

    def _keep(self, item: Item) -> None:
        record_type = item["type"]["S"]
        if lifecycle.is_over(item):
            self._over[record_type].add(item)
        elif record_type == "demand" and item["status"]["S"] == "OFFERED":
            self._offered.add(item)
        else:
            self._open[record_type].add(item)

    def _modify(self, record_type: str, now: datetime) -> Change | None:
        pool = self._open[record_type]
        if record_type == "demand" and self._random.random() < 0.3:
            pool = self._offered
        old = pool.take()
        if old is None:
            return None
        new = self.changed(old, now)
        self._keep(new)
        if record_type == "demand" and old["status"] != new["status"] == text("OFFERED"):
            self._tell(new, "offer")
        return Change("MODIFY", new=new, old=old)

    def _remove(self, record_type: str) -> Change | None:
        old = self._over[record_type].take()
        # An event is removed only when it is over, because new items belong to the others.
        if old is None and record_type != "event":
            old = self._open[record_type].take()
        return None if old is None else Change("REMOVE", old=old)

    def _fulfil(self, demand: Item, now: datetime) -> Change:
        new = lifecycle.fulfilled(demand, now)
        self._keep(new)
        return Change("MODIFY", new=new, old=demand)

    def _tell(self, about: Item, what: str) -> None:
        if self._random.random() < _SHARE_TOLD[what]:
            self._due.append(lambda now: self._told(about, now))

    def _told(self, about: Item, now: datetime) -> Change:
        item = self._maker.notification(now, about)
        self._keep(item)
        return Change("INSERT", new=item)
