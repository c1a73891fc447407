"""Error output of delivery streams that are shared, or change: what is there, and its replay."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.settings import Settings
from infra.stack_config import settings_of, stack_config
from ops.choices.protocol import Choices
from ops.failed.owners import Owners
from ops.failed.survey import places
from ops.failed.wanted import Wanted
from ops.replay.objects import Replayed, replay_places
from ops.smoke.items import minimal_item
from schemas import table
from tests.support.changes import change
from tests.support.ledger import rows_of
from tests.support.memory_store import MemoryStore
from tests.support.programs import AskingStore, Program
from tests.support.replaying import PREFIX, code_in_force
from tests.support.runs import AFTER_ALL_ROWS, FOLDER, NOW

TYPES = ("demand", "sale")
BORDER = datetime(2026, 11, 22, 12, tzinfo=UTC)
BEFORE, AFTER = BORDER - timedelta(milliseconds=1), BORDER
REFUSED, UNANSWERED = "Lambda.ProcessingFailedStatus", "Lambda.FunctionError"

Record = tuple[bytes, datetime]


def settings_with(**given: str) -> Settings:
    """The settings of dev1 with others."""
    return settings_of("dev1", stack_config("dev1", given))


SHARED = settings_with(delivery="shared", delivery_buffer_size_mb="64")
TO_SHARED = settings_with(
    delivery="shared", delivery_buffer_size_mb="64", delivery_border="2026-11-22T12:00Z"
)
TO_PER_TYPE = settings_with(
    delivery="per_type", delivery_buffer_size_mb="64", delivery_border="2026-11-22T12:00Z"
)


def changed(record_type: str, number: int) -> bytes:
    """A change record of an item of a type, which is a row now."""
    key = {"pk": {"S": f"{record_type}#{number}"}, "sk": {"N": "7"}}
    record = change(eventID=f"{record_type}-{number}")
    record["dynamodb"]["NewImage"] = minimal_item(table(record_type), "type", key, NOW)
    record["dynamodb"]["Keys"] = key
    return json.dumps(record).encode()


def stranger(item_type: dict[str, Any] | None) -> bytes:
    """A change record whose item has this attribute as its type."""
    return json.dumps(change({"type": item_type})).encode()


def put_output(store: MemoryStore, delivery: str, name: str, code: str, *records: Record) -> str:
    """Put an object of a delivery stream's error output, and return its key."""
    lines = [
        {
            "arrivalTimestamp": round(arrived.timestamp() * 1000),
            "errorCode": code,
            "rawData": base64.b64encode(data).decode(),
        }
        for data, arrived in records
    ]
    key = f"{PREFIX}/errors/{delivery}/processing-failed/2026/11/22/{name}"
    store.put(key, b"".join(json.dumps(each).encode() + b"\n" for each in lines))
    return key


def replay_all(
    store: Any, settings: Settings, name: str = "last", types: tuple[str, ...] = TYPES
) -> dict[str, Replayed]:
    """Replay the error output of some types."""
    wanted = Wanted(types, ("errors",))
    owners = Owners(settings)

    def now() -> datetime:
        return NOW + timedelta(hours=ord(name[0]))

    codes = {each: code_in_force(each) for each in types}
    choices = {each: Choices(store, PREFIX, each, AFTER_ALL_ROWS, now, FOLDER) for each in types}
    found = places(store, PREFIX, wanted, owners)
    counts = replay_places(found, wanted, owners, choices, codes, name)
    assert all(each.reconciled for each in counts.values()), counts
    return counts


def replay_program(name: str, settings: Settings, types: tuple[str, ...] = TYPES) -> Program:
    """Return a replay as a program."""

    def main(store: AskingStore, left: Callable[[], float]) -> None:
        replay_all(store, settings, name, types)

    return Program(main)


def written(store: MemoryStore) -> Counter[tuple[str, str]]:
    """Return how often each change is in the tables, by type and ``change_id``."""
    found: Counter[tuple[str, str]] = Counter()
    for key in store.keys(f"{PREFIX}/avro/"):
        record_type = key.split("/")[2]
        found.update((record_type, row[0]) for row in rows_of(store.kept[key][0])[0])
    return found


def closing(settings: Settings, expected: set[str]) -> Callable[[MemoryStore], None]:
    """Return a check of what must hold now, and after a last replay of everything."""
    once = Counter({(each.split("-")[0], each): 1 for each in expected})

    def check(store: MemoryStore) -> None:
        found = written(store)
        assert found <= once, f"twice, or in the wrong table: {found - once}"
        replay_all(store, settings)
        assert written(store) == once, "each is in one file"
        again = replay_all(store, settings, "again")
        assert [each.rows for each in again.values() if each.rows] == []

    return check
