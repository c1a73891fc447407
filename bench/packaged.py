"""The transform's cold start and a large invocation, as packaged, each in a new process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from bench.payloads import firehose_payloads, read_payloads
from bench.peers.project import own_type
from bench.rounds import ROOT
from bench.targets import Target, from_rounds
from bench.workload import Workload, type_of
from release import package
from release.wheels import Target as PackageTarget

MEBIBYTE = 1024 * 1024
_MOST_BATCH = 3 * MEBIBYTE

# Imports a handler from a package as Lambda does, invokes it if there is a payload, and prints the
# cost. No byte code is written, because a package has none and Lambda cannot write any.
_START = """
import json, os, sys, time
import awslambdaric.bootstrap
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
def peak():
    return int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]) * 1024
answers, sys.stdout = sys.stdout, open(os.devnull, "w")
bare, started = peak(), time.process_time()
sys.path.insert(0, sys.argv[1])
import importlib
handler = importlib.import_module(sys.argv[2] + ".handler").handler
cpu = time.process_time() - started
if len(sys.argv) > 3:
    payload = open(sys.argv[3], "rb").read()
    marshaller = LambdaRuntimeClient.marshaller
    answer = handler(marshaller.unmarshal_request(payload, "application/json"), None)
    marshaller.marshal_response(answer)
answers.write(json.dumps({"cpu": cpu, "above_bare": peak() - bare}))
"""


def unpacked(into: Path) -> dict[str, Path]:
    """Build the packages for this machine and unpack them; return the folder of each function."""
    packages = package.build(
        PackageTarget.LOCAL, source=ROOT, out=ROOT / "build" / "lambda", progress=None
    )
    folders = {}
    for each in packages:
        folders[each.function] = into / each.function
        with zipfile.ZipFile(each.path) as archive:
            archive.extractall(folders[each.function])
    return folders


def measure(folders: dict[str, Path], workload: Workload, rounds: int) -> list[Target]:
    """Return the cold start of the transform, and the memory of a large batch.

    Parameters
    ----------
    folders
        The `unpacked` packages.
    workload
        Has the records of the batch.
    rounds
        How often each is measured.
    """
    with tempfile.TemporaryDirectory() as temporary:
        # The writer's has no target: docs/decisions/speed.md says why it takes what it takes.
        starts = [_start(folders["transform"], "transform")["cpu"] for _ in range(rounds)]
        cold = from_rounds(
            "cold start: import of the transform handler",
            [seconds * 1000 for seconds in starts],
            150,
            unit="ms of CPU",
        )
        payload = Path(temporary) / "payload.json"
        records = [
            record
            for record in read_payloads(workload.path("records"))
            if type_of(record) == "demand"
        ]
        payload.write_bytes(next(firehose_payloads(enumerate(records * 3), _MOST_BATCH)))
        memory = [
            _start(folders["transform"], "transform", payload)["above_bare"] / MEBIBYTE
            for _ in range(rounds)
        ]
        batch = "3 MB batch" if len(records) * 3 * workload.record_bytes > _MOST_BATCH else "batch"
        rss = from_rounds(
            f"peak RSS of a transform invocation on a {batch}, above the bare runtime",
            memory,
            32,
            unit="MiB",
        )
    return [cold, rss]


def _start(folder: Path, function: str, *payload: Path) -> dict[str, Any]:
    environment = {**os.environ, **own_type("demand"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", _START, str(folder), function, *map(str, payload)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
