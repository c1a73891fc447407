"""Runs of the writer as programs for an exploration. Each may have different code."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from avro_writer.errors import ObjectsSetAside
from avro_writer.rows import BadRow, RowReader
from schemas import avro_schema
from tests.support import writer
from tests.support.ledger import REPORTED, Ledger
from tests.support.memory_store import MemoryStore
from tests.support.programs import AskingStore, Change, Main, Program

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
# Hours after `NOW`: shortly before the clock of a run named A, and after it but before that of B.
BEFORE_A, BEFORE_B = ord("A") - 0.5, ord("A") + 0.5
# With this first partition date no reader sees the explorations' rows, and their files get no late
# marks. `tests.support.late_files` explores files that get them.
AFTER_ALL_ROWS = date(2027, 1, 1)
# Thousands of runs create and remove their folders here.
_MEMORY = Path("/dev/shm")
FOLDER = _MEMORY if os.access(_MEMORY, os.W_OK) else None


def run_program(
    name: str,
    *,
    change: Change = contextlib.nullcontext,
    request_id: str = "",
    **settings: Any,
) -> Program:
    """Return a run as a program; the parameters are those of `Program` and of `run_main`."""
    return Program(run_main(name, request_id=request_id, **settings), change)


def run_main(name: str, *, request_id: str = "", **settings: Any) -> Main:
    """Return what runs the writer; to each other's runs, its plans are stale at once.

    Parameters
    ----------
    name
        Another one for each run.
    request_id
        Of the run, its name unless given. Then it also reports its rows, to the bucket.
    settings
        As of `writer.run`.
    """
    settings.setdefault("first_partition_date", AFTER_ALL_ROWS)

    def main(store: AskingStore, left: Callable[[], float]) -> None:
        numbers = itertools.count()
        with contextlib.suppress(ObjectsSetAside):
            report = writer.run(
                store,
                # Clocks are hours apart in both directions: no run considers another's plan fresh.
                now=lambda: NOW + timedelta(hours=ord(name[0])),
                clock_left=left,
                run_id=request_id or name,
                unique=lambda: f"{name}{next(numbers)}",
                folder=FOLDER,
                **settings,
            )
            if request_id:
                store.overwrite(f"{REPORTED}{name}", str(report.counts.rows).encode())

    return main


def closing(
    ledger: Ledger,
    *,
    lanes: int = 1,
    change: Change = contextlib.nullcontext,
    first_partition_date: date = AFTER_ALL_ROWS,
) -> Callable[[MemoryStore], None]:
    """Return a check of what must hold now, and after later runs without faults."""

    def run_all(store: MemoryStore) -> None:
        for lane in range(lanes):
            with change(), contextlib.suppress(ObjectsSetAside):
                writer.run(
                    store,
                    lane=lane,
                    lanes=lanes,
                    now=lambda: NOW + timedelta(days=30),
                    run_id="last",
                    folder=FOLDER,
                    first_partition_date=first_partition_date,
                )

    def check(store: MemoryStore) -> None:
        ledger.check(store)
        # If an object is rewritten during a run, that run leaves it to the next one.
        for _ in range(2):
            run_all(store)
        if store.refused("read") or store.refused("delete"):
            ledger.check_rest(store)
            store.give()
            for _ in range(2):
                run_all(store)
        ledger.check_end(store)

    return check


@contextlib.contextmanager
def other_rules() -> Iterator[None]:
    """Code that refuses some rows which the present code accepts."""
    read = RowReader.read

    def stricter(self: RowReader, lines: Sequence[bytes]) -> list[Any]:
        if any(b"disputed" in line for line in lines):
            raise BadRow("this code does not take it")
        return read(self, lines)

    with mock.patch.object(RowReader, "read", stricter):
        yield


def other_schema() -> AbstractContextManager[object]:
    """Code whose schema has an additional column."""
    return mock.patch("avro_writer.run.avro_schema", lambda record_type: wider_schema())


@cache
def wider_schema() -> dict[str, Any]:
    schema = avro_schema("demand")
    schema["fields"].append({"name": "added", "type": ["null", "string"], "default": None})
    return schema
