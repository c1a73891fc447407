"""The bill and the reviewed graph of the stacks have the same kinds, and the same numbers."""

from __future__ import annotations

import importlib
import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from avro_writer.run import Report
from avro_writer.settings import Assignment
from bench.cost import KINDS, Scenario, project_bill
from bench.inputs import load
from bench.priced import BILLED, FREE, NOT_OWNED
from bench.watching import SHARED_LINE, TRANSFORM_LINE, TYPE_LINE, WRITER_LINE, watching
from telemetry import Log
from testing.writer_environment import WRITER_ENVIRONMENT
from tests.infra.recorded import Recording, shared
from tests.support.changes import change, firehose_record

NAMESPACE = "dmd-pipeline"


@dataclass(frozen=True)
class Graph:
    """What the program registers for a stack with a kind of delivery."""

    delivery: str
    recorded: Recording


@pytest.fixture(scope="module", params=KINDS)
def graph(request: pytest.FixtureRequest, packages: Path) -> Graph:
    return Graph(request.param, shared("prod1", packages, delivery=request.param))


def test_each_kind_of_resource_has_a_price_or_a_reason_why_it_costs_nothing(graph: Graph) -> None:
    kinds = {each.type for each in graph.recorded.resources if each.type.startswith("aws:")}
    assert kinds
    unpriced = kinds - set(BILLED) - set(FREE)
    assert not unpriced, f"bench/priced.py does not say what these cost: {unpriced}"
    assert not set(BILLED) & set(FREE)


def test_each_item_of_the_bill_is_of_a_kind_or_of_what_others_own() -> None:
    items = set(project_bill(Scenario(10, 1_500), load()))
    assert items == {item for found in BILLED.values() for item in found} | set(NOT_OWNED)


def test_the_bill_counts_the_delivery_streams_alarms_and_metrics_of_the_graph(
    graph: Graph,
) -> None:
    counted, recorded = watching(graph.delivery), graph.recorded
    streams = recorded.of("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream")
    assert counted.deliveries == len(streams)
    watched = [
        query["metric"]
        for alarm in recorded.of("aws:cloudwatch/metricAlarm:MetricAlarm")
        for query in alarm.inputs["metricQueries"]
        if "metric" in query
    ]
    assert counted.alarm_metrics == len(watched)
    (dashboard,) = recorded.of("aws:cloudwatch/dashboard:Dashboard")
    own = {
        (each["metricName"], *each["dimensions"].values())
        for each in watched
        if each["namespace"] == NAMESPACE
    }
    for widget in json.loads(dashboard.inputs["dashboardBody"])["widgets"]:
        for metric in widget["properties"].get("metrics", ()):
            if metric[0] == NAMESPACE:
                own.add((metric[1], metric[3], metric[5]))
    assert counted.metrics == len(own)


def test_a_log_line_has_the_bytes_that_are_billed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    request = "8f5c1c52-6b1e-4c3a-9d0e-0a5a1b2c3d4e"
    environment = {
        **WRITER_ENVIRONMENT,
        "TYPE_ATTRIBUTE": "type",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TMPDIR": str(tmp_path),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("RECORD_TYPE", "demand")
    (line,) = transform_lines(request)
    assert len(line) == pytest.approx(TRANSFORM_LINE, rel=0.1)

    monkeypatch.delenv("RECORD_TYPE")
    monkeypatch.setenv("RECORD_TYPES", "demand,sale,event,notification")
    monkeypatch.setenv("DELIVERY", "all-types")
    monkeypatch.setenv("PARTITION_KEY", "record_type")
    shared, of_type = transform_lines(request)
    assert len(shared) == pytest.approx(SHARED_LINE, rel=0.1)
    assert len(of_type) == pytest.approx(TYPE_LINE, rel=0.1)

    writer: Any = importlib.import_module("avro_writer.handler")
    written = io.StringIO()
    log = Log(stream=written).bind(request_id=request, record_type="demand", lane=0)
    writer._publish(Report(), Assignment("demand", 0), log, 1.5)
    assert len(written.getvalue()) == pytest.approx(WRITER_LINE, rel=0.1)


def transform_lines(request: str) -> list[str]:
    """Return the lines that the transform writes for a batch, with its environment as it is."""
    transform: Any = importlib.reload(importlib.import_module("transform.handler"))
    records = [firehose_record(change({}), str(number)) for number in range(100)]
    written = io.StringIO()
    with redirect_stdout(written):
        transform.handler({"records": records}, SimpleNamespace(aws_request_id=request))
    return written.getvalue().splitlines(keepends=True)
