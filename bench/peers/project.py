"""The project as a peer: its handlers, called as Lambda's runtime calls them.

`bench.rounds.commands` makes them come from the functions' packages.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

import schemas
from bench.payloads import read_payloads
from bench.peer import Part, serve, timed
from bench.store import MemoryStore
from bench.workload import Workload, landed_objects
from testing.writer_environment import WRITER_ENVIRONMENT

_KEY = "record_type"
ENVIRONMENT = {
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
    "AWS_DEFAULT_REGION": "us-east-1",
    "TYPE_ATTRIBUTE": "type",
    **WRITER_ENVIRONMENT,
    "BUCKET": "bench",
    "LANES": "1",
    "LOG_LEVEL": "WARNING",
}
# The environment of the function that makes the rows of all types.
_SHARED = {
    "RECORD_TYPES": ",".join(schemas.RECORD_TYPES),
    "DELIVERY": "all-types",
    "PARTITION_KEY": _KEY,
}
_CONTEXT = SimpleNamespace(aws_request_id="bench", get_remaining_time_in_millis=lambda: 900_000)
Invoke = Callable[[bytes], bytes]


_plain_form: Any = LambdaRuntimeClient.marshaller


def own_type(record_type: str) -> dict[str, str]:
    """Return the environment of the transform function of a record type."""
    return {**ENVIRONMENT, "RECORD_TYPE": record_type}


def transform(record_type: str, *, plain: bool = False) -> Invoke:
    """Return a type's transform function as Lambda's runtime invokes it: bytes to bytes.

    The marshaller is the one with which the function has replaced the runtime's. In the ``plain``
    form it is the runtime's own.
    """
    return _function(own_type(record_type), plain=plain)


def shared_transform() -> Invoke:
    """Return the transform function of all types, as `transform` returns that of one."""
    return _function({**ENVIRONMENT, **_SHARED})


def _function(environment: dict[str, str], *, plain: bool = False) -> Invoke:
    for name in ("RECORD_TYPE", *_SHARED):
        os.environ.pop(name, None)
    os.environ.update(environment)
    for name in [name for name in sys.modules if name.startswith("transform")]:
        del sys.modules[name]
    handler = importlib.import_module("transform.handler").handler
    marshaller = _plain_form if plain else LambdaRuntimeClient.marshaller

    def invoke(payload: bytes) -> bytes:
        event = marshaller.unmarshal_request(payload, "application/json")
        answer, _ = marshaller.marshal_response(handler(event, _CONTEXT))
        return answer if isinstance(answer, bytes) else answer.encode()

    return invoke


def write(store: MemoryStore, record_type: str, **environment: str) -> dict[str, Any]:
    """Run the writer's handler on a store's landed objects of a type, and return its answer."""
    os.environ.update(ENVIRONMENT, **environment)
    module: Any = importlib.import_module("avro_writer.handler")
    module.S3Store = lambda *arguments: store
    answer: dict[str, Any] = module.handler({"type": record_type, "lane": 0}, _CONTEXT)
    return answer


def lines(answers: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the rows of a transform's answers."""
    for answer in answers:
        for record in json.loads(answer)["records"]:
            if record["result"] == "Ok":
                yield b64decode(record["data"])


def lines_by_type(answers: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield the rows of the answers of the transform of all types, each with its type."""
    for answer in answers:
        for record in json.loads(answer)["records"]:
            if record["result"] == "Ok":
                yield record["metadata"]["partitionKeys"][_KEY], b64decode(record["data"])


class Project:
    """The transforms, one for each type and one for all, and the writer."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._invoke = {each: transform(each) for each in schemas.RECORD_TYPES}
        self._plain = {each: transform(each, plain=True) for each in schemas.RECORD_TYPES}
        self._shared = shared_transform()
        # The writer's rows, which are compared with the reference, are those of the own transforms.
        landed = {each: blake2b() for each in schemas.RECORD_TYPES}
        # Firehose compresses the transform's rows, so that this is not measured.
        self._landed = {
            each: landed_objects(
                _hashed(
                    lines(map(self._invoke[each], read_payloads(workload.path(f"own-{each}")))),
                    landed[each],
                ),
                each,
            )
            for each in schemas.RECORD_TYPES
        }
        shared = {each: blake2b() for each in schemas.RECORD_TYPES}
        answers = map(self._shared, read_payloads(workload.path("firehose")))
        for record_type, line in lines_by_type(answers):
            shared[record_type].update(line)
        for each in schemas.RECORD_TYPES:
            if shared[each].digest() != landed[each].digest():
                raise ValueError(f"the transform of all types makes other rows of {each}")

    def round(self, keep: Path | None) -> dict[str, Part]:
        """Do every part once."""
        workload = self._workload
        everything, plain, own, writer = Part(), Part(), Part(), Part()
        for record_type, invoke in self._invoke.items():
            count = workload.own(record_type)
            everything.add(timed(read_payloads(workload.path("firehose")), invoke, 0))
            payloads = read_payloads(workload.path("firehose"))
            plain.add(timed(payloads, self._plain[record_type], 0))
            own_payloads = read_payloads(workload.path(f"own-{record_type}"))
            own.add(timed(own_payloads, invoke, count))
            self._write(record_type, writer, keep)
        shared = timed(read_payloads(workload.path("firehose")), self._shared, workload.count)
        everything.records = plain.records = workload.count
        others = timed(
            read_payloads(workload.path("others-demand")),
            self._invoke["demand"],
            workload.count - workload.own("demand"),
        )
        return {
            "transform": everything,
            "shared": shared,
            "own": own,
            "drop": others,
            "writer": writer,
            "transform, plain form": plain,
        }

    def _write(self, record_type: str, part: Part, keep: Path | None) -> None:
        store = MemoryStore(self._landed[record_type])
        with part.clock():
            report = write(store, record_type)
        part.records += report["counts"]["rows"]
        for number, (_, body) in enumerate(store.items("data-pipeline/avro/")):
            part.bytes_out += len(body)
            if keep:
                (keep / f"{record_type}-{number}.avro").write_bytes(body)


def _hashed(lines: Iterator[bytes], into: blake2b) -> Iterator[bytes]:
    for line in lines:
        into.update(line)
        yield line


if __name__ == "__main__":
    folder, seed, count = sys.argv[1:]
    serve(lambda: Project(Workload(Path(folder), int(seed), int(count))))
