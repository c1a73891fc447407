"""The count at the end, over what the writer leaves in quarantine."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

from avro_writer import quarantine
from avro_writer.s3_store import S3Store
from demo.reconciliation import read_contents
from emulation.emulator import embedded_emulator
from tests.support.writer import gz_lines, landed_row, run

BUCKET = "bucket"
NOW = datetime.now(UTC) + timedelta(hours=1)
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
