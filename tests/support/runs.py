"""Runs of the writer as programs for an exploration. Each may have different code."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from avro_writer.rows import BadRow, RowReader
from schemas import avro_schema
from tests.support import writer
from tests.support.ledger import Ledger
from tests.support.memory_store import MemoryStore
from tests.support.programs import AskingStore, Change, Program

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
# Thousands of runs create and remove their folders here.
_MEMORY = Path("/dev/shm")
FOLDER = _MEMORY if os.access(_MEMORY, os.W_OK) else None


def run_program(name: str, *, change: Change = contextlib.nullcontext, **settings: Any) -> Program:
    """Return a run as a program. Every other run considers its plans stale at once."""

    def main(store: AskingStore, left: Callable[[], float]) -> None:
        numbers = itertools.count()
        writer.run(
            store,
            # The clocks are hours apart, in both directions: no run considers another's plan fresh.
            now=lambda: NOW + timedelta(hours=ord(name[0])),
            clock_left=left,
            run_id=name,
            unique=lambda: f"{name}{next(numbers)}",
            folder=FOLDER,
            **settings,
        )

    return Program(main, change)


def closing(
    ledger: Ledger, *, lanes: int = 1, change: Change = contextlib.nullcontext
) -> Callable[[MemoryStore], None]:
    """Return a check of what must hold now, and after later runs without faults."""

    def check(store: MemoryStore) -> None:
        ledger.check(store)
        # If an object is rewritten during a run, that run leaves it to the next one.
        for _ in range(2):
            for lane in range(lanes):
                with change():
                    writer.run(
                        store,
                        lane=lane,
                        lanes=lanes,
                        now=lambda: NOW + timedelta(days=30),
                        run_id="last",
                        folder=FOLDER,
                    )
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
    return mock.patch("avro_writer.run.avro_schema", lambda record_type: _wider_schema())


@cache
def _wider_schema() -> dict[str, Any]:
    schema = avro_schema("demand")
    schema["fields"].append({"name": "added", "type": ["null", "string"], "default": None})
    return schema
