"""Runs the writer over a bucket in memory, and reads its tables with fastavro."""

from __future__ import annotations

import base64
import gzip
import io
import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import fastavro

from avro_writer.attempt import NEWER_CODE_WAIT
from avro_writer.compaction import Capacity
from avro_writer.deadline import Clock
from avro_writer.run import Report, Run
from avro_writer.settings import Assignment, Settings
from telemetry import Log
from tests.support.memory_store import MemoryStore
from tests.support.rows import demand_row

FIRST_DATE = date(2024, 1, 1)
"""The first partition date that readers see."""

_numbers = itertools.count()
_NOON_MICROS = 1_795_348_800_000_000  # 2026-11-22T12:00Z
_DAY_MICROS = 86_400_000_000


def ndjson(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows as Firehose lands them: gzip JSON lines."""
    return gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in rows), mtime=0)


def gz_lines(*lines: Mapping[str, Any] | bytes) -> bytes:
    """Lines as Firehose lands them, rows and others."""
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    return gzip.compress(b"".join(text + b"\n" for text in texts), mtime=0)


def landed_row(number: int, days: int = 0, **change: Any) -> dict[str, Any]:
    """Row ``number``, a number of days after 2026-11-22."""
    micros = _NOON_MICROS + days * _DAY_MICROS + number
    return demand_row(
        change_id=f"c-{number}", changed_at_micros=micros, changed_at=micros // 1000, **change
    )


def land(store: MemoryStore, name: str, body: bytes, lanes: int = 1) -> str:
    """Put a landed object of the demand type, and return its key."""
    key = f"data-pipeline/landing/demand/lanes={lanes}/2026/11/22/10/{name}.gz"
    store.put(key, body)
    return key


def wait_for_newer_code(store: MemoryStore) -> None:
    """Let the time pass in which newer code could still take what does not fit the schema."""
    store.now += NEWER_CODE_WAIT


def run(
    store: Any,
    *,
    lane: int = 0,
    remaining: float = 300,
    clock_left: Callable[[], float] | None = None,
    now: Callable[[], datetime] | None = None,
    run_id: str | None = None,
    unique: Callable[[], str] | None = None,
    capacity: Capacity | None = None,
    folder: Path | None = None,
    said: io.StringIO | None = None,
    **settings: Any,
) -> Report:
    """One run of the writer over the demand type. By default, it takes all landed objects.

    Its log lines of level ERROR are in ``said``.
    """
    given: dict[str, Any] = {
        "bucket": "b",
        "prefix": "data-pipeline",
        "lanes": 1,
        "max_plan_objects": 1000,
        "max_plan_bytes": 64 * 1024 * 1024,
        "metrics_namespace": "dmd-pipeline",
        "environment": "test",
        "log_level": "ERROR",
        "settle_seconds": 0,
        "max_wait_seconds": 0,
        "min_plan_bytes": 0,
        "first_partition_date": FIRST_DATE,
        **settings,
    }
    number = next(_numbers)
    writer = Run(
        Settings(**given),
        Assignment("demand", lane),
        store,
        Clock(now or (lambda: store.now), clock_left or (lambda: remaining)),
        run_id or f"run-{number}",
        unique or (lambda: f"u{number}x{next(_numbers)}"),
        Log("ERROR", stream=said or io.StringIO()),
        folder,
        capacity,
    )
    writer.run()
    return writer.report


def avro_rows(store: MemoryStore) -> dict[str, list[Any]]:
    """The rows of the demand table by partition date, read by fastavro."""
    tables: dict[str, list[Any]] = {}
    for key in store.keys("data-pipeline/avro/demand/"):
        date = key.split("partition_date=")[1].split("/")[0]
        reader = fastavro.reader(io.BytesIO(store.kept[key][0]))
        rows = list(reader)
        assert int(reader.metadata["dmd.rows"]) == len(rows)
        tables.setdefault(date, []).extend(rows)
    return tables


def repeats(store: MemoryStore) -> int:
    """The number of repeats that were left out, from the Avro files."""
    return sum(
        int(fastavro.reader(io.BytesIO(store.kept[key][0])).metadata["dmd.repeats"])
        for key in store.keys("data-pipeline/avro/demand/")
    )


def quarantined(store: MemoryStore) -> list[dict[str, Any]]:
    """The quarantine's entries, with ``data`` decoded."""
    entries = []
    for key in store.keys("data-pipeline/quarantine/"):
        if "/entries-" in key:
            for line in gzip.decompress(store.kept[key][0]).splitlines():
                entry = json.loads(line)
                if "data" in entry:
                    entry["data"] = base64.b64decode(entry["data"])
                entries.append(entry)
    return entries
