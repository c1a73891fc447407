"""Replays over a bucket in memory: as programs for an exploration, and what must hold."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from ops.choices.protocol import Choices
from ops.failed import current
from ops.failed.current import CurrentCode
from ops.failed.records import AREAS, failed_places
from ops.replay.objects import Replayed, Selection, replay_object
from schemas import Table
from schemas.columns import Column
from tests.support.changes import change
from tests.support.ledger import rows_of
from tests.support.memory_store import MemoryStore, etag_of
from tests.support.programs import AskingStore, Change, Main, Program
from tests.support.runs import AFTER_ALL_ROWS, FOLDER, NOW
from tests.support.writer import landed_row

PREFIX = "data-pipeline"
_NOON = 1_795_348_800_000_000  # 2026-11-22T12:00Z, in microseconds
_DAY = 86_400_000_000
_ALL = Selection()


def changed(number: int, days: int = 0, item: Mapping[str, Any] | None = None) -> bytes:
    """A change record of demand ``number``, some days after 2026-11-22."""
    record = change({"pk": {"S": f"DEMAND#{number}"}, **(item or {})}, eventID=f"c-{number}")
    record["dynamodb"]["ApproximateCreationDateTime"] = _NOON + days * _DAY + number
    return json.dumps(record).encode()


def unfit(number: int) -> bytes:
    """A change record whose required column is missing."""
    return changed(number, item={"demandId": None})


def error_lines(*records: bytes, code: str = "Lambda.ProcessingFailedStatus") -> bytes:
    """An object of Firehose's error output."""
    lines = [
        {
            "attemptsMade": 1,
            "arrivalTimestamp": 1_795_348_800_000,
            "errorCode": code,
            "errorMessage": "the transform answered ProcessingFailed",
            "attemptEndingTimestamp": 1_795_348_801_000,
            "rawData": base64.b64encode(each).decode(),
            "lambdaArn": "arn:aws:lambda:us-east-1:111122223333:function:transform",
        }
        for each in records
    ]
    return b"".join(json.dumps(each).encode() + b"\n" for each in lines)


def put_errors(store: MemoryStore, name: str, body: bytes, record_type: str = "demand") -> str:
    """Put an object of the error output, and return its key."""
    key = f"{PREFIX}/errors/{record_type}/processing-failed/2026/11/22/12/{name}"
    store.put(key, body)
    return key


def put_quarantine(store: MemoryStore, plan: str, entries: Iterable[Mapping[str, Any]]) -> str:
    """Put entries of a plan's quarantine, and return their key."""
    key = f"{PREFIX}/quarantine/demand/{plan}/entries-0.jsonl.gz"
    lines = b"".join(json.dumps(each).encode() + b"\n" for each in entries)
    store.put(key, gzip.compress(lines, mtime=0))
    return key


def bad_line(number: int, landed: str = "a", **row: Any) -> dict[str, Any]:
    """An entry of a landed line that is a row now."""
    line = json.dumps(landed_row(number, **row)).encode()
    return {
        "kind": "line",
        "key": f"{PREFIX}/landing/demand/lanes=1/2026/11/22/10/{landed}.gz",
        "etag": etag_of(line),
        "reason": "does not fit the schema: unknown field",
        "line": number,
        "data": base64.b64encode(line).decode(),
    }


def code_in_force(record_type: str) -> CurrentCode:
    """Return what records of a type become now. An exploration asks for it thousands of times."""
    described: Table = vars(current)["table"](record_type)
    return _code(record_type, described.columns, described.literal)


@cache
def _code(record_type: str, columns: tuple[Column, ...], schema: str) -> CurrentCode:
    """Return the code of the table in force, which these describe. It keeps no record."""
    return CurrentCode(record_type, "type")


def replay(
    store: Any,
    name: str = "last",
    selection: Selection = _ALL,
    *,
    hours: int = 0,
    first_partition_date: date = AFTER_ALL_ROWS,
) -> Replayed:
    """Replay all that is wanted of the demand type."""
    counts = Replayed()

    def now() -> datetime:
        return NOW + timedelta(hours=hours)

    code = code_in_force("demand")
    choices = Choices(store, PREFIX, "demand", first_partition_date, now, FOLDER)
    for area in AREAS:
        for place in failed_places(store, PREFIX, "demand", area):
            for found in place.objects():
                counts.add(replay_object(choices, found, code, selection, name))
    assert counts.reconciled, counts
    return counts


def replay_program(
    name: str,
    selection: Selection = _ALL,
    change: Change = contextlib.nullcontext,
    **given: Any,
) -> Program:
    """Return a replay as a program; it may be given what `replay` takes."""

    def main_with(store: AskingStore, left: Callable[[], float]) -> None:
        replay(store, name, selection, hours=ord(name[0]), **given)

    main: Main = main_with
    return Program(main, change)


def written(store: MemoryStore) -> Counter[str]:
    """Return how often each change is in the tables, by its ``change_id``."""
    found: Counter[str] = Counter()
    for key in store.keys(f"{PREFIX}/avro/demand/"):
        found.update(row[0] for row in rows_of(store.kept[key][0])[0])
    return found


def replayable(store: MemoryStore) -> set[str]:
    """Return the changes that are kept as failed and are rows of the present code."""
    found = set()
    for key in store.keys(f"{PREFIX}/errors/demand/"):
        for line in store.kept[key][0].splitlines():
            with contextlib.suppress(ValueError):
                record = json.loads(base64.b64decode(json.loads(line)["rawData"]))
                if "demandId" in record["dynamodb"]["NewImage"]:
                    found.add(record["eventID"])
    for key in store.keys(f"{PREFIX}/quarantine/demand/"):
        for line in gzip.decompress(store.kept[key][0]).splitlines():
            found.add(json.loads(base64.b64decode(json.loads(line)["data"]))["change_id"])
    return found


def closing(
    *,
    change: Change = contextlib.nullcontext,
) -> Callable[[MemoryStore], None]:
    """Return a check of what must hold now, and after a last replay of everything.

    Parameters
    ----------
    change
        The code of the last replay.
    """

    def check(store: MemoryStore) -> None:
        found, expected = written(store), replayable(store)
        twice = [each for each, count in found.items() if count > 1]
        assert not twice, f"in two files: {twice}"
        assert found.keys() <= expected, f"no such record: {found.keys() - expected}"
        kept = {key: store.kept[key] for area in AREAS for key in store.keys(f"{PREFIX}/{area}/")}
        with change():
            replay(store)
        assert written(store) == Counter(dict.fromkeys(expected, 1)), "each is in one file"
        assert all(store.kept[key] == body for key, body in kept.items()), "sources stay"
        files = store.keys(f"{PREFIX}/avro/")
        with change():
            again = replay(store, "again")
        assert (again.rows, store.keys(f"{PREFIX}/avro/")) == (0, files), "nothing is left to do"

    return check
