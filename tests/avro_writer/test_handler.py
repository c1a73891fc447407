"""What the handler tells CloudWatch: every metric, every time."""

from __future__ import annotations

import importlib
import io
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest

from avro_writer.compaction import Counts
from avro_writer.lanes import Lane
from avro_writer.run import Report
from avro_writer.settings import Assignment
from infra.log_queries import OF_WRITER
from telemetry import Log
from testing.writer_environment import WRITER_ENVIRONMENT
from tests.support.ledger import landing_key
from tests.support.memory_store import MemoryStore
from tests.support.writer import land, landed_row, ndjson


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    for name, value in {
        **WRITER_ENVIRONMENT,
        "AWS_DEFAULT_REGION": "us-east-1",
        "TMPDIR": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tempfile.tempdir", None)
    return importlib.import_module("avro_writer.handler")


def published(handler: Any, report: Report) -> dict[str, Any]:
    said = io.StringIO()
    log = Log("ERROR", stream=said).bind(request_id="r")
    handler._publish(report, Assignment("demand", 0), log, 1.5)
    line: dict[str, Any] = json.loads(said.getvalue())
    return line


def test_a_run_that_did_nothing_publishes_every_metric_as_zero(handler: Any) -> None:
    line = published(handler, Report())
    names = {each["Name"] for each in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert names == {
        "RowsWritten",
        "RepeatsDropped",
        "LinesQuarantined",
        "ObjectsQuarantined",
        "RowsOutsideProjection",
        "OldestLandedAge",
    }
    assert {line[name] for name in names} == {0}


def test_a_run_that_did_nothing_logs_every_other_count_as_zero(handler: Any) -> None:
    line = published(handler, Report())
    assert line["RunDuration"] == 1500
    assert {line[name] for name in OF_WRITER if name != "RunDuration"} == {0}


def test_what_a_run_did_can_be_summed_from_its_line(handler: Any) -> None:
    counts = Counts(objects=5, rows=4, files=3, file_bytes=2_000)
    line = published(handler, Report(counts=counts, plans=2, out_of_time=True))
    found = {name: line[name] for name in ("RowsWritten", *OF_WRITER)}
    assert found == {
        "RowsWritten": 4,
        "PlansFinished": 2,
        "ObjectsTaken": 5,
        "FilesWritten": 3,
        "BytesWritten": 2_000,
        "RunsOutOfTime": 1,
        "RunDuration": 1500,
    }


def test_age_and_rows_outside_are_published_with_their_units(handler: Any) -> None:
    report = Report(counts=Counts(rows_outside_projection=3), oldest_landed_age=12.5)
    line = published(handler, report)
    assert (line["OldestLandedAge"], line["RowsOutsideProjection"]) == (12.5, 3)
    metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    assert {"Name": "OldestLandedAge", "Unit": "Seconds"} in metrics


def test_a_run_has_lambdas_time_and_tells_what_it_did(handler: Any) -> None:
    store, said = MemoryStore(now=datetime.now(UTC)), io.StringIO()
    name = next(each for each in "abcdef" if Lane(2, 0).holds(landing_key(each, 2)))
    land(store, name, ndjson([landed_row(1)]), lanes=2)
    left: list[float] = []

    def opened(client: Any, bucket: str, remaining: Callable[[], float]) -> MemoryStore:
        left.append(remaining())
        return store

    context = mock.Mock(aws_request_id="r")
    context.get_remaining_time_in_millis.return_value = 300_500
    with (
        mock.patch.object(handler, "S3Store", opened),
        mock.patch.object(handler, "_log", Log("ERROR", stream=said)),
    ):
        told = handler.handler({"type": "demand", "lane": 0}, context)
    assert left == [300.5], "seconds"
    assert (told["plans"], told["counts"]["rows"]) == (1, 1)
    line = json.loads(said.getvalue())
    assert line["RowsWritten"] == 1
    assert abs(line["_aws"]["Timestamp"] - time.time() * 1000) < 60_000
    assert 0 < line["RunDuration"] < 60_000


def test_what_was_done_is_published_when_the_run_breaks_off(handler: Any) -> None:
    with (
        mock.patch.object(handler.Run, "run", side_effect=ConnectionError),
        mock.patch.object(handler, "_publish") as publish,
        pytest.raises(ConnectionError),
    ):
        context = mock.Mock(aws_request_id="r")
        context.get_remaining_time_in_millis.return_value = 300_000
        handler.handler({"type": "demand", "lane": 0}, context)
    assert publish.call_count == 1
