"""One change record on its way through the pipeline, printed step by step.

Usage: ``python -m tests.docs.one_record [STEP]``, or ``--write`` to put what is printed into
``docs/a-records-way.md``.

Nothing here does what the pipeline does: each step calls the function that the page names. Kinesis
and S3 are left out, and ids and times are fixed, so that the same is printed everywhere. What
depends on this machine's gzip, sizes and ETags, is printed as an ellipsis.
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import fastavro

from athena.engine import run_query
from athena.export import CATALOG_FILE
from athena.render import render
from avro_writer.lanes import Lane
from avro_writer.store import LandedObject
from emulation.endpoint import Endpoint
from emulation.firehose.batches import Envelope, encode
from emulation.firehose.buffer import ObjectBuffers, Target
from emulation.firehose.description import DeliveryStream
from emulation.firehose.error_output import error_line
from emulation.firehose.objects import new_object
from emulation.firehose.records import SourceRecord
from emulation.firehose.response import Delivered, Failed, judge
from estate.provision import glue
from estate.provision.resource import Clients, Registration
from infra.bucket import DataBucket
from infra.naming import Naming
from schemas import table
from tests.infra.recorded import ACCOUNTS, record
from tests.support.memory_store import MemoryStore
from tests.support.packages import write_packages
from tests.support.writer import run
from transform.batch import Transform

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "a-records-way.md"
RECORDS = ROOT / "tests" / "events" / "demand_changes.jsonl"
QUERY = """\
SELECT changed_at, status, requested_seats, max_price, rescued_attributes
FROM demand
WHERE partition_date = '2026-11-01'"""

_LANES = 2
_MOST_CHARACTERS = 64
_WIDTH = 98
_NOW = datetime(2026, 11, 1, 9, 45, tzinfo=UTC)
_NAMING = Naming("PRD3292", "dev1", "dmnd-pipeline")
_BUCKET = DataBucket("prd3292.dev1.us-east-1.demand-capture.tmaws", "arn:aws:s3:::bucket")
_ARN = f"arn:aws:{{}}:us-east-1:{ACCOUNTS['dev1']}:{{}}"
_FUNCTION = _ARN.format("lambda", f"function:{_NAMING.transform_function('demand')}")


class ListedStore(MemoryStore):
    """A bucket in memory that also lists each request with its condition, and keeps each plan."""

    def __init__(self) -> None:
        super().__init__(now=_NOW)
        self.listed: list[str] = []
        self.plans: list[dict[str, Any]] = []

    def page(self, prefix: str, after: str) -> tuple[tuple[LandedObject, ...], bool]:
        self._list("LIST", "", prefix)
        return super().page(prefix, after)

    def folders(self, prefix: str) -> list[str]:
        self._list("LIST", "", prefix)
        return super().folders(prefix)

    def find(self, key: str) -> tuple[bytes, str] | None:
        self._list("GET", "", key)
        return super().find(key)

    def read(self, key: str, etag: str) -> BinaryIO:
        self._list("GET", "If-Match", key)
        return super().read(key, etag)

    def create(self, key: str, body: bytes | BinaryIO) -> str:
        self._list("PUT", "If-None-Match: *", key, body)
        return super().create(key, body)

    def replace(self, key: str, body: bytes, etag: str) -> str:
        self._list("PUT", "If-Match", key, body)
        return super().replace(key, body, etag)

    def delete(self, key: str, etag: str) -> None:
        self._list("DELETE", "If-Match", key)
        super().delete(key, etag)

    def _list(self, method: str, condition: str, key: str, body: object = None) -> None:
        state = ""
        if isinstance(body, bytes) and "/compaction/" in key:
            self.plans.append(json.loads(body))
            state = f"  ({self.plans[-1]['state']})"
        self.listed.append(f"{method:6} {condition:16}  {_cut(key, _WIDTH)}{state}")


@dataclass
class GlueTables:
    """Stands for Glue, and keeps the tables that are created."""

    tables: list[dict[str, Any]]

    def create_table(self, **request: Any) -> None:
        self.tables.append({**request["TableInput"], "DatabaseName": request["DatabaseName"]})

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": ACCOUNTS["dev1"]}


class Way:
    """The steps, each from the one before; the public ones return what is printed."""

    def change(self) -> str:
        return shown(json.loads(self._lines[0]))

    def event(self) -> str:
        event = json.loads(self._event)
        return shown({**event, "records": event["records"][:1]})

    def answer(self) -> str:
        return shown(json.loads(self._answer))

    def row(self) -> str:
        return shown(json.loads(self._delivered[0]), most=_WIDTH)

    def error(self) -> str:
        (place,) = (i for i, each in enumerate(self._verdicts) if isinstance(each, Failed))
        failure = self._verdicts[place]
        assert isinstance(failure, Failed)
        line = error_line(
            self._sources[place],
            failure,
            attempts=1,
            ended_millis=self._sources[place].arrival_millis + 60_000,
            function_arn=_FUNCTION,
        )
        return shown(json.loads(line))

    def landed(self) -> str:
        key, body = self._landed
        return f"{key}\n{len(gzip.decompress(body).splitlines())} lines"

    def plan(self) -> str:
        proposed, fixed, *_ = self._written.plans
        for each in (proposed, fixed):
            each["inputs"] = [[key, "…", "…"] for key, *_ in each["inputs"]]
            each["schema"] = each["schema"] and "…"
        return f"{shown(proposed)}\n{shown(fixed)}"

    def requests(self) -> str:
        return "\n".join(self._written.listed)

    def avro(self) -> str:
        reader = fastavro.reader(io.BytesIO(self._file[1]))
        own = {k: v for k, v in sorted(reader.metadata.items()) if k != "avro.schema"}
        return f"{shown(own)}\n{shown(next(iter(reader)), most=_WIDTH)}"

    def sql(self) -> str:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            path = folder / self._file[0]
            path.parent.mkdir(parents=True)
            path.write_bytes(self._file[1])
            tables = glue_tables(folder)
            names = sorted({each["DatabaseName"] for each in tables})
            catalog = {
                "bucket": _BUCKET.name,
                "databases": [{"Name": each} for each in names],
                "tables": tables,
            }
            (folder / CATALOG_FILE).write_text(json.dumps(catalog))
            return render(run_query(folder, QUERY, _NAMING.database, _NOW), "table").rstrip()

    @cached_property
    def _lines(self) -> list[bytes]:
        return RECORDS.read_bytes().splitlines()

    @cached_property
    def _sources(self) -> list[SourceRecord]:
        begin = int(_NOW.timestamp() * 1000) - 600_000
        return [
            SourceRecord(
                data=line,
                shard_id="shardId-000000000000",
                sequence_number=f"49{number:054}",
                subsequence_number=0,
                partition_key="DEMAND#7f3a",
                arrival_millis=begin + number,
            )
            for number, line in enumerate(self._lines, 1)
        ]

    @cached_property
    def _event(self) -> bytes:
        envelope = Envelope(self._stream.source_stream_arn, self._stream.arn, "us-east-1")
        return envelope.event(_uuid(1), [encode(each) for each in self._sources])

    @cached_property
    def _answer(self) -> bytes:
        return Transform(table("demand"), "type").payload(self._event).answer

    @cached_property
    def _verdicts(self) -> tuple[Any, ...]:
        return judge([each.record_id for each in self._sources], self._answer).verdicts

    @cached_property
    def _delivered(self) -> list[bytes]:
        return [each.data for each in self._verdicts if isinstance(each, Delivered)]

    @cached_property
    def _stream(self) -> DeliveryStream:
        name = _NAMING.delivery_stream("demand")
        stream = _NAMING.filled("{product_code}-{environment}-dmnd-table-stream", account_id="")
        return DeliveryStream.parse(
            {
                "DeliveryStreamName": name,
                "DeliveryStreamARN": _ARN.format("firehose", f"deliverystream/{name}"),
                "DeliveryStreamStatus": "ACTIVE",
                "VersionId": "1",
                "Source": {
                    "KinesisStreamSourceDescription": {
                        "KinesisStreamARN": _ARN.format("kinesis", f"stream/{stream}"),
                        "RoleARN": "",
                    }
                },
                "Destinations": [
                    {
                        "ExtendedS3DestinationDescription": {
                            "BucketARN": _BUCKET.arn,
                            "RoleARN": "",
                            "Prefix": _BUCKET.landing_prefix("demand", _LANES),
                            "ErrorOutputPrefix": _BUCKET.error_prefix("demand"),
                            "CompressionFormat": "GZIP",
                        }
                    }
                ],
            }
        )

    @cached_property
    def _landed(self) -> tuple[str, bytes]:
        buffers = ObjectBuffers(self._stream.destination.buffering)
        for source, data in zip(self._sources, self._delivered, strict=False):
            buffers.add(Target(), data, source.arrival_millis, _NOW.timestamp())
        (contents,) = buffers.take_all()
        landed = new_object(self._stream, contents, lambda: _uuid(2))
        return landed.key, landed.body

    @cached_property
    def _written(self) -> ListedStore:
        store = ListedStore()
        key, body = self._landed
        store.put(key, body)
        (lane,) = (n for n in range(_LANES) if Lane(_LANES, n).holds(key))
        names = (f"{number:012x}" for number in itertools.count(1))
        run(store, lane=lane, lanes=_LANES, run_id=_uuid(3), unique=lambda: next(names))
        return store

    @cached_property
    def _file(self) -> tuple[str, bytes]:
        (key,) = self._written.keys("data-pipeline/avro/")
        return key, self._written.kept[key][0]


STEPS = tuple(name for name in vars(Way) if not name.startswith("_"))


def shown(value: Any, most: int = _MOST_CHARACTERS, indent: int = 0) -> str:
    """Return a value as JSON, a level in one line where it fits; longer texts are cut short."""
    flat = json.dumps(_cut(value, most), ensure_ascii=False, default=str)
    if len(flat) + indent <= _WIDTH or not value or not isinstance(value, dict | list):
        return flat
    inner, end = " " * (indent + 2), " " * indent
    if isinstance(value, list):
        members = [f"{inner}{shown(each, most, indent + 2)}" for each in value]
        return "[\n" + ",\n".join(members) + f"\n{end}]"
    members = [f"{inner}{json.dumps(k)}: {shown(v, most, indent + 2)}" for k, v in value.items()]
    return "{\n" + ",\n".join(members) + f"\n{end}}}"


def _cut(value: Any, most: int) -> Any:
    if isinstance(value, dict):
        return {key: _cut(each, most) for key, each in value.items()}
    if isinstance(value, list):
        return [_cut(each, most) for each in value]
    return f"{value[:most]}…" if isinstance(value, str) and len(value) > most else value


def _uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def glue_tables(folder: Path) -> list[dict[str, Any]]:
    """Return the tables of dev1 as its program registers them, in Glue's words."""
    client = GlueTables([])

    class Glue(Clients):
        def __call__(self, service: str) -> Any:
            return client

    clients = Glue(Endpoint("http://127.0.0.1:1"))
    for each in record("dev1", write_packages(folder)).of("aws:glue/catalogTable:CatalogTable"):
        glue.KINDS[each.type].create(clients, Registration(each.type, each.name, each.inputs, {}))
    return client.tables


_BLOCK = re.compile(
    r"(```sh\n\.venv/bin/python -m tests\.docs\.one_record (\w+)\n```\n\n```\w+\n)(.*?)(\n```)",
    re.DOTALL,
)


def printed(page: str) -> Iterator[tuple[str, str]]:
    """Yield each step whose command is on the page, and what the page says that it prints."""
    for match in _BLOCK.finditer(page):
        yield match[2], match[3]


def main(arguments: list[str]) -> int:
    """Print the steps that are asked for, or write all into the page; return the exit status."""
    way = Way()
    if arguments == ["--write"]:
        page = PAGE.read_text(encoding="utf-8")
        page = _BLOCK.sub(lambda m: f"{m[1]}{getattr(way, m[2])()}{m[4]}", page)
        PAGE.write_text(page, encoding="utf-8")
        return 0
    if not set(arguments) <= set(STEPS):
        sys.stderr.write(f"one_record: the steps are {', '.join(STEPS)}\n")
        return 2
    for step in arguments or STEPS:
        sys.stdout.write(f"{getattr(way, step)()}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
