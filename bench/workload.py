"""The input files of all peers: one set of change records in every form that a peer needs."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

import schemas
from bench.changes import changes
from bench.payloads import firehose_payloads, kinesis_payloads, write_payloads
from demo.feed import items, lifecycle, market, replication

# Typical sizes: the first is the stacks' default (`Pulumi.yaml`), the second the Node worker's.
TRANSFORM_BUFFER_BYTES = 1024 * 1024
KINESIS_BATCH = 1000
ROWS_PER_LANDED_OBJECT = 5000

_COMPLETE = "complete.json"


@dataclass(frozen=True)
class Workload:
    """A folder of payloads.

    Parameters
    ----------
    folder
        Has the files ``records`` (the change records), ``firehose`` and ``kinesis`` (events with
        all of them), ``own-<type>`` and ``others-<type>`` (Firehose events with the records of a
        type, and with all others).
    seed, count, text_bytes
        The arguments of `bench.changes.changes`.
    """

    folder: Path
    seed: int
    count: int
    text_bytes: int = 0

    @property
    def record_bytes(self) -> float:
        """Mean size of a change record."""
        return float(self._complete["bytes"]) / self.count

    def path(self, name: str) -> Path:
        """Return the path of one of its files."""
        return self.folder / name

    def own(self, record_type: str) -> int:
        """Return the number of records of a type."""
        return int(self._complete["types"][record_type])

    @property
    def _complete(self) -> Any:
        return json.loads((self.folder / _COMPLETE).read_text())


# The type of one file with the records that are not of a type.
_OTHERS_OF = "demand"


class _Type(msgspec.Struct):
    S: str


class _Image(msgspec.Struct):
    type: _Type


class _Body(msgspec.Struct):
    NewImage: _Image | None = None
    OldImage: _Image | None = None


class _Change(msgspec.Struct):
    dynamodb: _Body


def type_of(record: bytes) -> str:
    """Return a well-formed change record's type."""
    body = msgspec.json.decode(record, type=_Change).dynamodb
    image = body.NewImage or body.OldImage
    assert image is not None  # noqa: S101 - made by `bench.changes`
    return image.type.S


def prepare(parent: Path, seed: int, count: int, text_bytes: int = 0) -> Workload:
    """Return a workload, and generate it if the folder does not have it yet.

    Parameters
    ----------
    parent
        Folder that holds workloads.
    seed, count, text_bytes
        The arguments of `bench.changes.changes`.
    """
    name = f"{seed}-{count}-{text_bytes}-{_version()}"
    workload = Workload(parent / name, seed, count, text_bytes)
    folder = workload.folder
    if (folder / _COMPLETE).exists():
        return workload
    folder.mkdir(parents=True, exist_ok=True)
    records = list(changes(seed, count, text_bytes))
    types = [type_of(each) for each in records]
    write_payloads(workload.path("records"), records)
    write_payloads(
        workload.path("firehose"), firehose_payloads(enumerate(records), TRANSFORM_BUFFER_BYTES)
    )
    write_payloads(workload.path("kinesis"), kinesis_payloads(records, KINESIS_BATCH))
    for record_type in schemas.RECORD_TYPES:
        is_own = [each == record_type for each in types]
        own = itertools.compress(enumerate(records), is_own)
        write_payloads(
            workload.path(f"own-{record_type}"), firehose_payloads(own, TRANSFORM_BUFFER_BYTES)
        )
    is_others = [each != _OTHERS_OF for each in types]
    others = itertools.compress(enumerate(records), is_others)
    write_payloads(
        workload.path(f"others-{_OTHERS_OF}"), firehose_payloads(others, TRANSFORM_BUFFER_BYTES)
    )
    workload.path("tables.json").write_text(json.dumps(_tables()))
    own_counts = {each: types.count(each) for each in schemas.RECORD_TYPES}
    complete = {"bytes": sum(map(len, records)), "types": own_counts}
    (folder / _COMPLETE).write_text(json.dumps(complete))
    return workload


def _version() -> str:
    """Return a hash of the code and the schemas that make the records, to detect old records."""
    sources = [
        *(Path(__file__).with_name(name) for name in ("changes.py", "payloads.py", "workload.py")),
        *(Path(str(each.__file__)) for each in (items, lifecycle, market, replication)),
        *sorted(Path(schemas.__file__).parent.glob("*.json")),
        Path(schemas.envelope.__file__),
    ]
    return blake2b(b"".join(each.read_bytes() for each in sources), digest_size=4).hexdigest()


def _tables() -> dict[str, Any]:
    """Return the tables for the Node worker; the Python peers read `schemas`."""
    folder = Path(schemas.__file__).parent
    return {
        each: {
            "avro": schemas.avro_schema(each),
            "fields": json.loads((folder / f"{each}.json").read_bytes())["fields"],
        }
        for each in schemas.RECORD_TYPES
    }


def landed_objects(lines: Iterator[bytes], record_type: str) -> dict[str, bytes]:
    """Return a type's rows as landed objects: gzip, ``ROWS_PER_LANDED_OBJECT`` rows in each."""
    objects: dict[str, bytes] = {}
    for number in itertools.count():
        rows = b"".join(itertools.islice(lines, ROWS_PER_LANDED_OBJECT))
        if not rows:
            return objects
        key = f"data-pipeline/landing/{record_type}/lanes=1/2026/11/01/06/{number:06d}.gz"
        objects[key] = gzip.compress(rows, 6, mtime=0)
    return objects
