"""`make bench`: transform and writer beside their peers, as ratios of CPU time.

Every peer's output is compared with the product's before its time counts.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import platform
import sys
from datetime import UTC, datetime
from decimal import Rounded
from pathlib import Path
from typing import Any

import schemas
from avro_writer.encoder import compile_encoder
from avro_writer.rows import RowReader
from bench import writer_limits
from bench.measure import Measured, measure
from bench.peers import UsualWriter, full_parse, usual_transform
from local.feed.generator import generate
from transform.batch import Transform

_RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Measure, print the table, and store it."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--records", type=int, default=4000, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument(
        "--limits", action="store_true", help="measure the writer's largest plans instead"
    )
    args = parser.parse_args()
    _RESULTS.mkdir(exist_ok=True)
    if args.limits:
        _store("writer_limits.json", "--limits", {"plans": writer_limits.main()})
        return 0
    rows = compare(args.seed, args.records, args.rounds)
    for row in rows:
        sys.stdout.write(
            f"{row['what']:<34} {row['product']:>8.2f} us  {row['peer_name']:<28}"
            f" {row['peer']:>8.2f} us  peer/product {row['ratio']:.2f}"
            f" ({row['ratio_least']:.2f} to {row['ratio_most']:.2f})\n"
        )
    _store(
        "latest.json",
        f"--records {args.records} --rounds {args.rounds}",
        {"records": args.records, "comparisons": rows},
    )
    return 0


def _store(name: str, arguments: str, measured: dict[str, Any]) -> None:
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "command": f"make bench ARGS='{arguments}'",
        **measured,
    }
    (_RESULTS / name).write_text(json.dumps(report, indent=2) + "\n")


def compare(seed: int, count: int, rounds: int) -> list[dict[str, Any]]:
    """Return each comparison: CPU microseconds a record, and the ratio with its spread."""
    table = schemas.table("sale")
    transform = Transform(table, "type")
    records = [
        {"recordId": str(number), "data": base64.b64encode(each.data).decode()}
        for number, each in enumerate(generate(seed, count, "table"))
    ]
    answers = transform.batch(records).records
    own = [r for r, a in zip(records, answers, strict=True) if a["result"] == "Ok"]
    others = [r for r, a in zip(records, answers, strict=True) if a["result"] == "Dropped"]
    lines = [base64.b64decode(a["data"]) for a in answers if a["result"] == "Ok"]

    read, encode = RowReader(table.record).read, compile_encoder(table.record)
    usual = UsualWriter(table.record, schemas.avro_schema("sale"))

    def encoded(line: bytes) -> bytes:
        out = bytearray()
        encode(read(line), out)
        return bytes(out)

    for line in lines:
        if encoded(line) != usual.encode(line):
            raise SystemExit("the writers disagree: no time of theirs counts")
    possible = [record for record in own if _usual_can(record)]
    sys.stderr.write(
        f"{len(own) - len(possible)} of {len(own)} records are left out of the first row: the "
        "usual way fails on binaries in JSON and on numbers that DynamoDB writes out in full\n"
    )

    return [
        _row(
            "transform of its own type",
            "json and boto3 TypeDeserializer",
            measure(
                {
                    "product": lambda: transform.batch(possible),
                    "peer": lambda: [usual_transform(record) for record in possible],
                },
                len(possible),
                rounds,
            ),
        ),
        _row(
            "dropping another type's record",
            "full parse by msgspec",
            measure(
                {
                    "product": lambda: transform.batch(others),
                    "peer": lambda: [full_parse(record) for record in others],
                },
                len(others),
                rounds,
            ),
        ),
        _row(
            "landed row to Avro binary",
            "json and fastavro",
            measure(
                {
                    "product": lambda: [encoded(line) for line in lines],
                    "peer": lambda: [usual.encode(line) for line in lines],
                },
                len(lines),
                rounds,
            ),
        ),
    ]


def _usual_can(record: dict[str, Any]) -> bool:
    try:
        return b'"saleId"' in base64.b64decode(usual_transform(record))
    except (TypeError, Rounded):
        return False


def _row(what: str, peer_name: str, measured: dict[str, Measured]) -> dict[str, Any]:
    product, peer = measured["product"], measured["peer"]
    return {
        "what": what,
        "product": round(product.median, 3),
        "peer_name": peer_name,
        "peer": round(peer.median, 3),
        "ratio": round(peer.median / product.median, 3),
        "ratio_least": round(peer.least / product.most, 3),
        "ratio_most": round(peer.most / product.least, 3),
    }


if __name__ == "__main__":
    sys.exit(main())
