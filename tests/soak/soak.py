"""The packaged writer under SIGKILL and a bad network, and then every row counted."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from emulation.emulator import embedded_emulator
from emulation.endpoint import OPERATOR
from release.package import build
from release.wheels import Target
from testing.writer_environment import WRITER_ENVIRONMENT
from tests.soak.faulty_proxy import BadDay, faulty_proxy
from tests.support.ledger import Ledger, landing_key
from tests.support.memory_store import MemoryStore
from tests.support.writer import gz_lines, landed_row

_ROOT = Path(__file__).parents[2]
_HOST = Path(__file__).with_name("writer_host.py")
_BUCKET = "soak"
_AT_ONCE = 2
# Enough for any of these backlogs; a run that is not killed ends by itself when it is done.
_RUN_SECONDS = 120.0
_MOST_DRAINS = 30


@dataclass
class Result:
    """What a soak came to.

    Parameters
    ----------
    passed, failed
        Kills of rounds whose rows were all found in their place, and of the others.
    too_late
        Runs that were done before their kill came.
    counts
        Rows and more over all rounds, and the faults of the network.
    problems
        What was wrong in the failed rounds.
    """

    passed: int = 0
    failed: int = 0
    too_late: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


class Host:
    """Runs of the packaged writer; see `writer_host`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, record_type: str, lane: int) -> int:
        """Begin a run, and return the number of its process."""
        event = {"type": record_type, "lane": lane}
        return self._ask({"start": event, "seconds": _RUN_SECONDS})

    def end(self, pid: int, *, kill: bool) -> int:
        """Wait for a run's end, or bring it about, and return its exit code."""
        return self._ask({"pid": pid, "kill": kill})

    def _ask(self, asked: dict[str, Any]) -> int:
        _stream(self._process.stdin).write(json.dumps(asked) + "\n")
        _stream(self._process.stdin).flush()
        return int(_stream(self._process.stderr).readline())


def _stream(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise RuntimeError("the host was started without pipes")
    return stream


def soak(kills: int, seed: int, folder: Path, say: Callable[[str], None]) -> Result:
    """Kill the writer so many times, and count the rows.

    Parameters
    ----------
    kills
        How often, in rounds of twenty; each round has a bucket prefix that begins empty.
    seed
        Of what lands, of the faults, and of the moments (as far as a machine repeats itself).
    folder
        An empty folder on local disk.
    say
        Told of each round.
    """
    result, chance = Result(), random.Random(seed)
    day = BadDay(random.Random(seed + 1), share=0.05)
    with ExitStack() as stack:
        endpoint = stack.enter_context(embedded_emulator())
        s3 = endpoint.client("s3")
        s3.create_bucket(Bucket=_BUCKET)
        url = stack.enter_context(faulty_proxy(endpoint.url, day))
        package = _unpacked(folder)
        number = 0
        while result.passed + result.failed + result.too_late < kills:
            number += 1
            most = min(20, kills - result.passed - result.failed - result.too_late)
            lanes = chance.choice([1, 1, 2])
            with _host(package, url, folder, lanes) as host:
                _round(s3, host, chance, lanes, most, result)
            say(
                f"round {number}: {result.passed} kills survived, {result.failed} not, "
                f"{result.too_late} came too late"
            )
    result.counts.update(day.counts)
    return result


def _round(
    s3: Any, host: Host, chance: random.Random, lanes: int, most: int, result: Result
) -> None:
    ledger, store = Ledger(), MemoryStore()
    killed = done = 0
    running: list[int] = []
    try:
        while killed + done < most:
            _land(s3, ledger, store, chance, lanes, chance.randint(1, 4))
            while len(running) < _AT_ONCE:
                running.append(host.start("demand", chance.randrange(lanes)))
            time.sleep(chance.uniform(0, 0.8) ** 2)
            code = host.end(running.pop(0), kill=True)
            killed, done = killed + (code < 0), done + (code >= 0)
        while running:
            host.end(running.pop(), kill=False)
        for _ in range(_MOST_DRAINS):
            for lane in range(lanes):
                host.end(host.start("demand", lane), kill=False)
            # Late copies of requests still arrive.
            time.sleep(0.4)
            found = _bucket(s3)
            if not found.keys("data-pipeline/landing/") + found.keys("data-pipeline/compaction/"):
                break
        ledger.check_end(found)
        result.passed += killed
        result.counts.update(ledger.totals(found))
    except AssertionError as error:
        result.failed += killed
        result.problems.append(str(error))
    result.too_late += done
    for each in s3.get_paginator("list_objects_v2").paginate(Bucket=_BUCKET):
        for item in each.get("Contents", ()):
            s3.delete_object(Bucket=_BUCKET, Key=item["Key"])


def _land(
    s3: Any, ledger: Ledger, store: MemoryStore, chance: random.Random, lanes: int, count: int
) -> None:
    for _ in range(count):
        name = f"{len(store.kept):05d}"
        first = chance.getrandbits(40)
        rows: list[Any] = [
            landed_row(first + each, days=chance.randrange(3))
            for each in range(chance.randint(1, 40))
        ]
        body = gz_lines(*rows, rows[0], *([b"no row"] if chance.random() < 0.3 else []))
        if chance.random() < 0.05:
            body = body[:-9]
        ledger.land(store, name, body, lanes)
        s3.put_object(Bucket=_BUCKET, Key=landing_key(name, lanes), Body=body)


def _bucket(s3: Any) -> MemoryStore:
    store = MemoryStore()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=_BUCKET):
        for each in page.get("Contents", ()):
            body = s3.get_object(Bucket=_BUCKET, Key=each["Key"])["Body"].read()
            store.put(each["Key"], body)
    return store


def _unpacked(folder: Path) -> Path:
    packages = build(Target.LOCAL, source=_ROOT, out=_ROOT / "build" / "lambda")
    (package,) = [each for each in packages if each.function == "avro_writer"]
    with zipfile.ZipFile(package.path) as archive:
        archive.extractall(folder / "package")
    return folder / "package"


@contextmanager
def _host(package: Path, url: str, folder: Path, lanes: int) -> Iterator[Host]:
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(temporary),
        "AWS_ENDPOINT_URL_S3": url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": OPERATOR.access_key_id,
        "AWS_SECRET_ACCESS_KEY": OPERATOR.secret_access_key,
        **WRITER_ENVIRONMENT,
        "BUCKET": _BUCKET,
        "LANES": str(lanes),
        "MAX_PLAN_OBJECTS": "6",
        "LOG_LEVEL": "ERROR",
    }
    with (folder / "writer.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_HOST), str(package)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
        )
        try:
            yield Host(process)
        finally:
            process.kill()
            process.communicate()
