"""The floor: the least work that any pipeline of this form must do.

Each record is decoded and parsed once with the fastest parser available. Each landed object is
decompressed, its lines are parsed, and the same bytes are compressed again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import orjson
import pybase64
from isal import igzip

import schemas
from bench.payloads import read_payloads
from bench.peer import Part, serve, timed
from bench.peers.project import lines, transform
from bench.workload import Workload, landed_objects

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_LEVEL = 3
_msgspec = msgspec.json.Decoder()


class _Record(msgspec.Struct):
    data: str


class _Event(msgspec.Struct):
    records: list[_Record]


_event = msgspec.json.Decoder(_Event)


def _parse_event(payload: bytes) -> bytes:
    for record in _event.decode(payload).records:
        orjson.loads(pybase64.b64decode(record.data))
    return b""


class Floor:
    """Decodes, parses and compresses, without making rows."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._landed = [
            body
            for each in schemas.RECORD_TYPES
            for body in landed_objects(
                lines(map(transform(each), read_payloads(workload.path(f"own-{each}")))), each
            ).values()
        ]

    def round(self, keep: Path | None) -> dict[str, Part]:
        """Do every part once."""
        workload = self._workload
        part = Part(records=workload.count)
        for body in self._landed:
            with part.clock():
                rows = igzip.decompress(body)  # type: ignore[no-untyped-call]
                for line in rows.splitlines():
                    orjson.loads(line)
                part.bytes_out += len(zstd.compress(rows, _LEVEL))
        records = workload.path("records")
        return {
            "transform": timed(
                read_payloads(workload.path("firehose")), _parse_event, workload.count
            ),
            "writer": part,
            "parse orjson": timed(read_payloads(records), _parsed_by_orjson, workload.count),
            "parse msgspec": timed(read_payloads(records), _parsed_by_msgspec, workload.count),
        }


def _parsed_by_orjson(record: bytes) -> bytes:
    orjson.loads(record)
    return b""


def _parsed_by_msgspec(record: bytes) -> bytes:
    _msgspec.decode(record)
    return b""


if __name__ == "__main__":
    folder, seed, count = sys.argv[1:]
    serve(lambda: Floor(Workload(Path(folder), int(seed), int(count))))
