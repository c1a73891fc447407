"""The bill and the reviewed graph of the stacks have the same kinds, and the same numbers."""

from __future__ import annotations

import importlib
import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from avro_writer.run import Report
from avro_writer.settings import Assignment
from bench.cost import Scenario, project_bill
from bench.inputs import load
from bench.priced import BILLED, FREE, NOT_OWNED
from bench.watching import TRANSFORM_LINE, WRITER_LINE, watching
from infra.stack_config import REPOSITORY
from telemetry import Log
from testing.writer_environment import WRITER_ENVIRONMENT
from tests.infra.recorded import Recording, record
from tests.support.changes import change, firehose_record
from tests.support.packages import write_packages

GOLDEN = REPOSITORY / "tests" / "infra" / "golden" / "dev1.txt"
NAMESPACE = "dmd-pipeline"


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return record("prod1", write_packages(tmp_path_factory.mktemp("packages")))


def test_each_kind_of_resource_has_a_price_or_a_reason_why_it_costs_nothing() -> None:
    golden = GOLDEN.read_text(encoding="utf-8")
    kinds = set(re.findall(r"^# +\d+ +(aws:\S+)$", golden, re.MULTILINE))
    assert kinds
    unpriced = kinds - set(BILLED) - set(FREE)
    assert not unpriced, f"bench/priced.py does not say what these cost: {unpriced}"
    assert not set(BILLED) & set(FREE)


def test_each_item_of_the_bill_is_of_a_kind_or_of_what_others_own() -> None:
    items = set(project_bill(Scenario(10, 1_500), load()))
    assert items == {item for found in BILLED.values() for item in found} | set(NOT_OWNED)


def test_the_bill_counts_the_alarms_and_metrics_of_the_graph(graph: Recording) -> None:
    watched = [
        query["metric"]
        for alarm in graph.of("aws:cloudwatch/metricAlarm:MetricAlarm")
        for query in alarm.inputs["metricQueries"]
        if "metric" in query
    ]
    assert watching().alarm_metrics == len(watched)
    (dashboard,) = graph.of("aws:cloudwatch/dashboard:Dashboard")
    own = {
        (each["metricName"], *each["dimensions"].values())
        for each in watched
        if each["namespace"] == NAMESPACE
    }
    for widget in json.loads(dashboard.inputs["dashboardBody"])["widgets"]:
        for metric in widget["properties"].get("metrics", ()):
            if metric[0] == NAMESPACE:
                own.add((metric[1], metric[3], metric[5]))
    assert watching().metrics == len(own)


def test_a_log_line_has_the_bytes_that_are_billed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    request = "8f5c1c52-6b1e-4c3a-9d0e-0a5a1b2c3d4e"
    environment = {
        **WRITER_ENVIRONMENT,
        "RECORD_TYPE": "demand",
        "TYPE_ATTRIBUTE": "type",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TMPDIR": str(tmp_path),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tempfile.tempdir", None)
    transform: Any = importlib.reload(importlib.import_module("transform.handler"))
    records = [firehose_record(change({}), str(number)) for number in range(100)]
    written = io.StringIO()
    with redirect_stdout(written):
        transform.handler({"records": records}, SimpleNamespace(aws_request_id=request))
    assert len(written.getvalue()) == pytest.approx(TRANSFORM_LINE, rel=0.1)

    writer: Any = importlib.import_module("avro_writer.handler")
    written = io.StringIO()
    log = Log(stream=written).bind(request_id=request, record_type="demand", lane=0)
    writer._publish(Report(), Assignment("demand", 0), log, 1.5)
    assert len(written.getvalue()) == pytest.approx(WRITER_LINE, rel=0.1)
