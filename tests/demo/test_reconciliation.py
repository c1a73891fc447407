"""The count at the end: what the writer leaves in quarantine, and each record once."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

from avro_writer import quarantine
from avro_writer.attempt import NEWER_CODE_WAIT
from avro_writer.s3_store import S3Store
from demo.reconciliation import (
    Contents,
    Tally,
    count_once,
    discrepancies,
    read_contents,
)
from emulation.emulator import embedded_emulator
from tests.support.writer import gz_lines, landed_row, run

BUCKET = "bucket"
# Lines of JSON that do not fit the schema wait for newer code first.
NOW = datetime.now(UTC) + NEWER_CODE_WAIT + timedelta(hours=1)
LANDED = "data-pipeline/landing/demand/lanes=1/"


def test_whatever_is_in_quarantine_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "_MOST_LINES", 3)
    monkeypatch.setattr(quarantine, "_MOST_DATA_BYTES", 5)
    monkeypatch.setattr("avro_writer.landed._BATCH_BYTES", 1)
    bodies = {
        "kept": gz_lines(b"bad", landed_row(1)),
        "copied": gz_lines(b"too long", b"bad", landed_row(2)),
        "with a rest": gz_lines(b"1", b"2", b"3", landed_row(3), b"4"),
        "corrupt": b"no gzip",
    }
    with embedded_emulator() as endpoint:
        s3 = endpoint.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for name, body in bodies.items():
            s3.put_object(Bucket=BUCKET, Key=f"{LANDED}{name}.gz", Body=body)
        etag = s3.head_object(Bucket=BUCKET, Key=f"{LANDED}kept.gz")["ETag"]
        run(S3Store(s3, BUCKET, remaining=lambda: 300), now=lambda: NOW)
        # As the version before wrote it, where it had begun the same plan.
        before = {"kind": "line", "key": f"{LANDED}kept.gz", "etag": etag, "line": 1}
        s3.put_object(
            Bucket=BUCKET,
            Key="data-pipeline/quarantine/demand/plan/entries-0123456789abcdef.jsonl.gz",
            Body=gzip.compress(json.dumps({**before, "reason": "r", "data": "YmFk"}).encode()),
        )
        contents = read_contents(s3, BUCKET, "data-pipeline")
    assert contents.rows == {"demand": 2}
    assert contents.quarantined == {"demand": 1 + 2 + 5}
    assert contents.quarantined_objects == {"demand": 1}
    assert contents.left == {}


def error(data: bytes, code: str = "Lambda.ProcessingFailedStatus") -> bytes:
    line = {"errorCode": code, "rawData": base64.b64encode(data).decode()}
    return json.dumps(line).encode()


def errors(**by_type: list[bytes]) -> Contents:
    """The contents of a bucket that has only error output, an object for each type."""
    with embedded_emulator() as endpoint:
        s3 = endpoint.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for name, lines in by_type.items():
            key = f"data-pipeline/errors/{name}/processing-failed/2026/11/01/{name}.gz"
            s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(b"\n".join(lines)))
        return read_contents(s3, BUCKET, "data-pipeline")


def test_each_record_counts_once_and_what_nobody_takes_is_not_missed() -> None:
    """Fed: a sale, two broken ones of the same bytes, a sale that does not fit, one of nobody."""
    broken, unfit = error(b"broken"), error(b"a sale that does not fit")
    contents = errors(sale=[broken, broken, unfit], demand=[broken, broken])
    counts = {
        "sale": Tally(received=5, dropped=1, failed=3, delivered=1, written=1),
        "demand": Tally(received=5, dropped=3, failed=2),
    }
    once = count_once(5, counts, contents, unclaimed=1)
    assert once == Tally(received=5, dropped=1, failed=3, delivered=1, written=1)
    assert discrepancies(5, counts, once) == []
    for wrong in (0, 2, 4):
        (line,) = discrepancies(5, counts, count_once(5, counts, contents, unclaimed=wrong))
        assert line == (
            "all types: the stream accepted 5 records, "
            f"but delivered 1 + failed 3 + taken by nobody {wrong}"
        )


def test_whole_batches_in_the_error_output_cannot_be_counted_once() -> None:
    """Another delivery stream has delivered the records of its type."""
    contents = errors(sale=[error(b"a demand", "Lambda.FunctionError"), error(b"broken")])
    counts = {
        "sale": Tally(received=2, failed=2),
        "demand": Tally(received=2, failed=1, delivered=1, written=1),
    }
    assert count_once(2, counts, contents, unclaimed=0) is None
    assert discrepancies(2, counts) == []
