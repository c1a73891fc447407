"""The transform and the writer together must equal the plain reference, on an unruly stream."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import fastavro
import pytest

import schemas
from avro_writer.encoder import compile_encoder, rows_of
from avro_writer.rows import RowReader
from demo.feed.generator import generate
from testing.reference import DROPPED, FAILED, outcome
from tests.support.changes import firehose_record
from transform.batch import Transform

RESULTS = {"Dropped": DROPPED, "ProcessingFailed": FAILED}


@pytest.mark.parametrize("record_type", schemas.RECORD_TYPES)
def test_every_record_becomes_what_the_reference_says(record_type: str) -> None:
    table = schemas.table(record_type)
    records = [each.data for each in generate(11, 1500, "t")]
    batch = [firehose_record(data, str(number)) for number, data in enumerate(records)]
    answers = Transform(table, "type").batch(batch).records
    reader, encode = RowReader(table.record), compile_encoder(table.record)
    seen = set()
    for data, answer in zip(records, answers, strict=True):
        expected = outcome(data, record_type)
        if isinstance(expected, str):
            assert RESULTS.get(answer["result"]) == expected, data
            seen.add(expected)
            continue
        assert answer["result"] == "Ok", data
        (written,) = rows_of(encode(reader.read([base64.b64decode(answer["data"])])))
        row: Any = fastavro.schemaless_reader(io.BytesIO(written), table.avro)
        row["rescued_attributes"] = json.loads(row["rescued_attributes"] or "null")
        del row["sequence_number"]
        assert row == expected
        seen.add("rescued" if row["rescued_attributes"] else "plain")
    assert seen == {DROPPED, FAILED, "rescued", "plain"}, "the stream has every kind"
