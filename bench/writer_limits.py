"""What the largest plans need in one run: memory, time and S3 requests.

Each plan is written by a process of its own, with S3 requests to the emulator. So the peak memory
is that of the writer, including botocore.

    python -m bench --limits
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from avro_writer.deadline import Clock
from avro_writer.run import Run
from avro_writer.s3_store import S3Store
from avro_writer.settings import Assignment, Settings
from bench.peer import peak_rss
from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from telemetry import Log

_BUCKET = "limits"
_NOW_MICROS = 1_795_348_800_000_000
_DAY_MICROS = 86_400_000_000
_MIB = 1024 * 1024
_LONG = 3600.0  # seconds, so that one run finishes the plan


@dataclass(frozen=True)
class Load:
    """The landed objects: their number, the unzipped bytes of each, and the number of dates."""

    name: str
    objects: int
    object_bytes: int
    dates: int


LOADS = (
    Load("2 GiB of rows", 64, 32 * _MIB, 3),
    Load("1,000 dates", 1, 256 * _MIB, 1000),
    Load("1,000 small objects", 1000, 4096, 2),
)


def main() -> list[dict[str, Any]]:
    """Measure each load; return the results to store."""
    results = []
    for load in LOADS:
        with embedded_emulator() as endpoint:
            landed, unzipped, rows = _land(endpoint, load)
            done = subprocess.run(  # noqa: S603
                [sys.executable, "-m", "bench.writer_limits", endpoint.url],
                capture_output=True,
                text=True,
                check=True,
            )
        measured = json.loads(done.stdout.splitlines()[-1])
        if measured["rows"] != rows:
            raise SystemExit(f"{load.name}: {rows} rows landed, {measured['rows']} were written")
        result = {"what": load.name, "landed_bytes": landed, "unzipped_bytes": unzipped, **measured}
        requests = sum(result["requests"].values())
        sys.stdout.write(
            f"{load.name:<22} {rows:>9,} rows {unzipped / _MIB:>7,.0f} MiB ({landed / _MIB:,.0f} "
            f"landed)  {result['plans']} plans, {result['files']} files  peak RSS "
            f"{result['peak_rss_bytes'] / _MIB:.0f} MiB  {result['seconds']:.0f} s "
            f"({result['cpu_seconds']:.0f} s CPU)  {requests} requests, "
            f"{requests / load.objects:.2f} an object\n"
        )
        results.append(result)
    return results


def _land(endpoint: Endpoint, load: Load) -> tuple[int, int, int]:
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket=_BUCKET)
    landed = unzipped = number = 0
    for each in range(load.objects):
        lines = []
        size = 0
        for line in _lines(number, load.dates):
            lines.append(line)
            size += len(line)
            if size >= load.object_bytes:
                break
        number += len(lines)
        body = gzip.compress(b"".join(lines), 1)
        key = f"data-pipeline/landing/demand/lanes=1/2026/11/22/10/{each:05d}.gz"
        s3.put_object(Bucket=_BUCKET, Key=key, Body=body)
        landed, unzipped = landed + len(body), unzipped + size
    return landed, unzipped, number


def _lines(number: int, dates: int) -> Iterator[bytes]:
    """Yield rows of about 800 bytes, no two the same."""
    while True:
        micros = _NOW_MICROS - number % dates * _DAY_MICROS + number
        yield (
            b'{"change_id":"%032x","change_type":"MODIFY","changed_at":%d,"changed_at_micros":%d,'
            b'"is_deleted":false,"is_expired":false,"record_key":"{\\"pk\\":\\"DEMAND#%d\\"}",'
            b'"table_name":"prd3292-dev1-us-east-1-demand-table","demand_id":"%016x",'
            b'"customer_id":"%016x","event_id":"%d","channel":"WEB","status":"ACTIVE",'
            b'"requested_seats":%d,"adjacent_seats":true,"requested_at":%d,'
            b'"sequence_number":"%056d","rescued_attributes":"{\\"note\\":{\\"S\\":\\"%0240x\\"}}"}\n'
            % (
                number * 2654435761,
                micros // 1000,
                micros,
                number,
                number * 40503,
                number * 9973,
                number % 977,
                number % 8 + 1,
                micros // 1000,
                number,
                number * 0x9E3779B97F4A7C15F39CC0605CEDC835,
            )
        )
        number += 1


def _run(url: str) -> dict[str, Any]:
    requests: Counter[str] = Counter()
    client = Endpoint(url).client("s3")
    client.meta.events.register(
        "before-send.s3", lambda request, **_: requests.update([request.method])
    )
    settings = Settings(
        bucket=_BUCKET,
        prefix="data-pipeline",
        lanes=1,
        max_plan_objects=10_000,
        max_plan_bytes=5 * 1024**3,
        min_plan_bytes=0,
        max_wait_seconds=0,
        settle_seconds=0,
        first_partition_date=date(2020, 1, 1),
        metrics_namespace="bench",
        environment="bench",
        log_level="ERROR",
    )
    clock = Clock(lambda: datetime.now(UTC), lambda: _LONG)
    started, cpu = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        store = S3Store(client, _BUCKET, clock.remaining)
        run = Run(
            settings,
            Assignment("demand", 0),
            store,
            clock,
            "bench",
            lambda: os.urandom(6).hex(),
            Log("ERROR"),
            Path(folder),
        )
        run.run()
    return {
        "plans": run.report.plans,
        "rows": run.report.counts.rows,
        "files": run.report.counts.files,
        "file_bytes": run.report.counts.file_bytes,
        "requests": dict(requests),
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_rss_bytes": peak_rss(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_run(sys.argv[1])) + "\n")
