"""Whether the writer's cost per row is the same for few and for many landed objects and dates."""

from __future__ import annotations

import gzip
import itertools
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.payloads import read_payloads
from bench.peers.project import lines, transform, write
from bench.store import MemoryStore
from bench.targets import Target, from_rounds
from bench.workload import Workload

ROWS_PER_SMALL_OBJECT = 5
_DAY_MICROS = 86_400_000_000
_FIRST_DAY = 1_704_067_200_000_000
_CHANGE = re.compile(rb'"change_id":"[^"]*"')
_TIMES = re.compile(rb'"changed_at":[0-9]+,"changed_at_micros":[0-9]+')


@dataclass(frozen=True)
class Sizes:
    """How much to write: few and many landed objects, few and many dates, rows for the dates."""

    few_objects: int = 1_000
    many_objects: int = 100_000
    few_dates: int = 10
    many_dates: int = 1_000
    dated_rows: int = 100_000


def measure(
    workload: Workload, sizes: Sizes, rounds: int, progress: Callable[[str], None]
) -> list[Target]:
    """Return by how many percent a row's cost differs between few and many."""
    payloads = read_payloads(workload.path("own-demand"))
    rows = list(itertools.islice(lines(map(transform("demand"), payloads)), 5_000))
    _cost(_small_objects(rows, 10))
    objects, dates = [], []
    for number in range(1, rounds + 1):
        progress(f"round {number} of {rounds}: flatness over landed objects")
        few, many = (
            _cost(_small_objects(rows, count)) for count in (sizes.few_objects, sizes.many_objects)
        )
        objects.append(abs(many / few - 1) * 100)
        progress(f"round {number} of {rounds}: flatness over dates")
        few, many = (
            _cost(_dated(rows, sizes.dated_rows, count))
            for count in (sizes.few_dates, sizes.many_dates)
        )
        dates.append(abs(many / few - 1) * 100)
    return [
        from_rounds(
            f"writer, {sizes.few_objects:,} to {sizes.many_objects:,} landed objects: "
            "difference per row",
            objects,
            15,
            unit="%",
            note=f"{ROWS_PER_SMALL_OBJECT} rows an object",
        ),
        from_rounds(
            f"writer, {sizes.few_dates:,} to {sizes.many_dates:,} dates: difference per row",
            dates,
            15,
            unit="%",
            note=f"{sizes.dated_rows:,} rows in one plan",
        ),
    ]


def _cost(store: MemoryStore) -> float:
    started = time.process_time()
    report = write(
        store, "demand", MAX_PLAN_OBJECTS="1000", MAX_PLAN_BYTES=str(1 << 30), LOG_LEVEL="ERROR"
    )
    return (time.process_time() - started) / float(report["counts"]["rows"])


def _small_objects(rows: list[bytes], count: int) -> MemoryStore:
    made = _changes(rows, 1)
    return MemoryStore(
        {
            _key(number): gzip.compress(
                b"".join(itertools.islice(made, ROWS_PER_SMALL_OBJECT)), 1, mtime=0
            )
            for number in range(count)
        }
    )


def _dated(rows: list[bytes], count: int, dates: int) -> MemoryStore:
    made = itertools.islice(_changes(rows, dates), count)
    objects: dict[str, bytes] = {}
    for number in itertools.count():
        body = b"".join(itertools.islice(made, 1000))
        if not body:
            return MemoryStore(objects)
        objects[_key(number)] = gzip.compress(body, 1, mtime=0)
    return MemoryStore(objects)


def _changes(rows: list[bytes], dates: int) -> Iterator[bytes]:
    """Yield the rows again and again, each as a new change, on one date after another."""
    for number, row in enumerate(itertools.cycle(rows)):
        micros = _FIRST_DAY + number % dates * _DAY_MICROS + number // dates
        row = _CHANGE.sub(b'"change_id":"%036d"' % number, row, count=1)
        yield _TIMES.sub(
            b'"changed_at":%d,"changed_at_micros":%d' % (micros // 1000, micros), row, count=1
        )


def _key(number: int) -> str:
    return f"data-pipeline/landing/demand/lanes=1/2026/11/01/06/{number:08d}.gz"
