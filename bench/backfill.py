"""What one core does of a backfill, beside the least work that any backfill must do.

The floor decompresses each data file, parses each line with the fastest parser available, and
compresses the same bytes again. The backfill checks the file, makes rows and writes Avro. Both work
on the same files, in turns, in one process.

    python -m bench --backfill
"""

from __future__ import annotations

import gzip
import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from isal import igzip

import schemas
from bench.changes import TABLE_NAME, changes
from bench.store import MemoryStore
from ops.backfill.items import ItemReader, RowTimes
from ops.backfill.ledger import Ledger
from ops.backfill.manifest import DataFile, Export
from ops.backfill.parts import RowMakers
from ops.backfill.source import LocalFolder
from ops.backfill.work import Worker

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_LEVEL = 3
_FILES = 4
_PART_ITEMS = 250_000
_EXPORTED = datetime(2026, 11, 20, tzinfo=UTC)
_MARGIN = timedelta(minutes=5)


def main(records: int, rounds: int, seed: int) -> dict[str, Any]:
    """Measure; return the results to store.

    Parameters
    ----------
    records
        Number of items.
    rounds
        How often each of the two is measured.
    seed
        Seed of the items.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export, size = _export(folder, records, seed)
        own, floor = [], []
        for _ in range(rounds):
            floor.append(_cpu(lambda: _least(folder, export)))
            own.append(_cpu(lambda: _backfill(folder, export)))
    ratios = [mine / least for mine, least in zip(own, floor, strict=True)]
    return {
        "items": records,
        "json_bytes": size,
        "rounds": rounds,
        "items_per_second": round(records / statistics.median(own)),
        "json_bytes_per_second": round(size / statistics.median(own)),
        "cpu_us_per_item": round(statistics.median(own) / records * 1e6, 2),
        "floor_cpu_us_per_item": round(statistics.median(floor) / records * 1e6, 2),
        "ratio_to_floor": round(statistics.median(ratios), 2),
        "ratios": [round(each, 2) for each in sorted(ratios)],
    }


def _export(folder: Path, records: int, seed: int) -> tuple[Export, int]:
    """Write the data files of a full export; return it and the size of its lines in bytes."""
    lines = list(_lines(records, seed))
    export = Export("01695353076000-a1b2c3d4", TABLE_NAME, None, _EXPORTED, ())
    (folder / "data").mkdir()
    files = []
    for number in range(_FILES):
        own = lines[number::_FILES]
        body = gzip.compress(b"".join(own), mtime=0)
        (folder / "data" / f"{number}.json.gz").write_bytes(body)
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        path = f"{export.id}/data/{number}.json.gz"
        files.append(DataFile(str(number), path, len(own), digest))
    whole = Export(export.id, TABLE_NAME, None, _EXPORTED, tuple(files))
    return whole, sum(map(len, lines))


def _lines(records: int, seed: int) -> Iterator[bytes]:
    for record in changes(seed, records):
        body = orjson.loads(record)["dynamodb"]
        yield orjson.dumps({"Item": body.get("NewImage") or body["OldImage"]}) + b"\n"


def _cpu(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _least(folder: Path, export: Export) -> None:
    for file in export.files:
        zipped = (folder / "data" / f"{file.name}.json.gz").read_bytes()
        lines = igzip.decompress(zipped)  # type: ignore[no-untyped-call]
        for line in lines.splitlines():
            orjson.loads(line)
        zstd.compress(lines, _LEVEL)


def _backfill(folder: Path, export: Export) -> None:
    store = MemoryStore()
    worker = Worker(
        export=export,
        folder=LocalFolder(folder),
        store=store,
        prefix="data-pipeline",
        ledger=Ledger(store, "data-pipeline", export.id),
        reader=ItemReader(export, RowTimes.of(export, _MARGIN), ("pk", "sk"), "type"),
        makers=RowMakers(schemas.RECORD_TYPES, "type"),
        part_items=_PART_ITEMS,
        first_partition_date=date.min,
        now=lambda: datetime.now(UTC),
    )
    for file in export.files:
        counts = worker.do(file)
        if sum(counts.rows.values()) != file.items:
            raise RuntimeError(f"not every item became a row: {counts}")
