"""The changes that are fed, in two runs: real ones of the four types, and those of the cases.

The first run is fed under the schemas as they were, the second under those of now. The second
brings changes of the first once more, as Kinesis does, and as a replay would.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from demo.feed.generator import generate
from tests.support.changes import DEMAND, change
from tests.trino import kinds

TABLE = "prd3292-dev1-us-east-1-demand-table"
SEED, RECORDS, REPLAYED = 11, 1200, 150

_DAY = 86_400_000_000
_UNKNOWN: dict[str, Any] = dict.fromkeys(DEMAND)
# When the generator's changes begin; they are moved to days that the tables project.
_GENERATED = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class History:
    """What is fed: lines of change records, run by run.

    Parameters
    ----------
    today
        The UTC date on which the tests run; changes are of the days before it.
    first, second
        The lines of the two runs, in order.
    """

    today: dt.date
    first: tuple[bytes, ...]
    second: tuple[bytes, ...]

    @property
    def first_date(self) -> dt.date:
        """The first date that the tables project; some changes are older."""
        return self.today - dt.timedelta(days=9)


STATES: dict[str, str | None] = {
    "inserted": "INSERT ACTIVE",
    "changed": "MODIFY OFFERED",
    "changed, in disorder": "MODIFY OFFERED",
    "changed over three days": "MODIFY FULFILLED",
    "removed": None,
    "removed, in disorder": None,
    "expired": None,
    "created again": "INSERT CANCELLED",
    "created again, in disorder": "INSERT CANCELLED",
    "created again and changed": "MODIFY OFFERED",
    "created and removed twice": None,
    "changed, then the insert comes again": "MODIFY OFFERED",
    "removed, then the insert comes again": None,
    "created again, then the removal comes again": "INSERT CANCELLED",
    "changed twice at one time": "MODIFY OFFERED",
    "created again at the time of the removal": "INSERT CANCELLED",
    "removed at the time of the insert": None,
    "removed and known by its removal alone": None,
}
"""The cases of the current state, and what each has to be in the end: type of change, status."""


def history(today: dt.date) -> History:
    """Return the changes to feed on a day."""
    begin = dt.datetime.combine(today, dt.time(), dt.UTC) - dt.timedelta(days=5)
    shift = (begin - _GENERATED) // dt.timedelta(microseconds=1)
    generated = [_moved(each.data, shift) for each in generate(SEED, RECORDS, TABLE)]
    random = Random(SEED)
    replayed = random.sample(generated, REPLAYED)
    random.shuffle(replayed)
    first, second = _cases(_micros(begin))
    first_kinds = _kinds(_micros(begin), now=False)
    second_kinds = _kinds(_micros(begin) + _DAY, now=True)
    return History(
        today,
        (*generated, *first, *_outside(), *first_kinds),
        # An insert that the first run had under the schema as it was.
        (*replayed, *second, *second_kinds, first_kinds[2]),
    )


def _micros(moment: dt.datetime) -> int:
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def _moved(data: bytes, micros: int) -> bytes:
    """A change record at another time; broken ones stay as they are."""
    try:
        record = json.loads(data)
        body = record["dynamodb"]
        fine = body.get("ApproximateCreationDateTimePrecision") == "MICROSECOND"
        body["ApproximateCreationDateTime"] += micros if fine else micros // 1000
    except (ValueError, KeyError, TypeError):
        return data
    return _line(record)


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode()


def _at(record: dict[str, Any], micros: int) -> bytes:
    record["dynamodb"]["ApproximateCreationDateTime"] = micros
    return _line(record)


def _outside() -> Iterator[bytes]:
    """A change of a day long before the first date that the tables project."""
    yield _at(change({"pk": {"S": "long ago"}}, eventID="long-ago"), 1_546_300_800_000_000)


def _cases(begin: int) -> tuple[list[bytes], list[bytes]]:
    """The changes of each case in the order in which they come, now and in the second run."""
    runs: tuple[list[bytes], list[bytes]] = ([], [])

    def put(case: str, event: str, second: float, status: str = "ACTIVE", run: int = 0) -> None:
        made = change(
            {"pk": {"S": case}, "status": {"S": status}},
            event=event,
            eventID=f"{case}: {event} at {second}",
        )
        runs[run].append(_at(made, begin + int(second * 1_000_000)))

    day = _DAY // 1_000_000
    put("inserted", "INSERT", 1)
    put("changed", "INSERT", 1)
    put("changed", "MODIFY", 1.000001, "OFFERED")
    put("changed, in disorder", "MODIFY", 2, "OFFERED")
    put("changed, in disorder", "INSERT", 1)
    put("changed over three days", "INSERT", 1)
    put("changed over three days", "MODIFY", 2 * day, "FULFILLED")
    put("changed over three days", "MODIFY", day, "OFFERED", run=1)
    put("removed", "INSERT", 1)
    put("removed", "REMOVE", day)
    put("removed, in disorder", "REMOVE", 2)
    put("removed, in disorder", "INSERT", 1, run=1)
    put("created again", "INSERT", 1)
    put("created again", "REMOVE", 2)
    put("created again", "INSERT", 3, "CANCELLED")
    put("created again, in disorder", "INSERT", day, "CANCELLED")
    put("created again, in disorder", "REMOVE", 2, run=1)
    put("created again, in disorder", "INSERT", 1)
    put("created again and changed", "REMOVE", 1)
    put("created again and changed", "INSERT", 2)
    put("created again and changed", "MODIFY", 3, "OFFERED")
    for second in (1, 3):
        put("created and removed twice", "INSERT", second)
        put("created and removed twice", "REMOVE", second + 1)
    for run in (0, 1):
        put("changed, then the insert comes again", "INSERT", 1, run=run)
        put("removed, then the insert comes again", "INSERT", 1, run=run)
        put("created again, then the removal comes again", "REMOVE", 1, run=run)
    put("changed, then the insert comes again", "MODIFY", 2, "OFFERED")
    put("removed, then the insert comes again", "REMOVE", 2)
    put("created again, then the removal comes again", "INSERT", 2, "CANCELLED")
    put("changed twice at one time", "INSERT", 1)
    put("changed twice at one time", "MODIFY", 1, "OFFERED")
    put("created again at the time of the removal", "REMOVE", 1)
    put("created again at the time of the removal", "INSERT", 1, "CANCELLED", run=1)
    put("removed at the time of the insert", "INSERT", 1)
    put("removed at the time of the insert", "REMOVE", 1)
    put("removed and known by its removal alone", "REMOVE", 1)
    put("expired", "INSERT", 1)
    expired = change(
        {"pk": {"S": "expired"}},
        event="REMOVE",
        eventID="expired: by its time to live",
        userIdentity={"type": "Service", "principalId": "dynamodb.amazonaws.com"},
    )
    runs[0].append(_at(expired, begin + 5_000_000))
    return runs


def _kinds(begin: int, *, now: bool) -> list[bytes]:
    """An insert of each item of every kind, and the removal of the first."""
    when = "now" if now else "at first"
    lines = []
    for number, item in enumerate(kinds.items(now=now)):
        key = {"pk": {"S": f"KINDS {when} {number}"}, "type": {"S": kinds.NAME}}
        inserted = change({**_UNKNOWN, **key, "sk": {"N": "1"}, **item}, eventID=f"{when} {number}")
        lines.append(_at(inserted, begin + number))
        if number == 0:
            removed = {**_UNKNOWN, **key, "sk": {"N": "1"}, **item}
            gone = change(removed, event="REMOVE", eventID=f"{when} {number} removed")
            lines.append(_at(gone, begin + 1000))
    return lines
