"""Metrics in the functions' log lines become metrics in CloudWatch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from emulation.emulator import embedded_emulator
from emulation.functions.logs import FunctionLog
from emulation.metrics import Metrics
from telemetry import Metric, embedded_metrics

NOW = datetime(2026, 11, 28, 3, tzinfo=UTC)


def line(message: str) -> FunctionLog:
    return FunctionLog("f", "group", "stream", "r-1", 0, message)


def test_a_line_with_metrics_can_be_asked_of_cloudwatch() -> None:
    with embedded_emulator() as endpoint:
        cloudwatch = endpoint.client("cloudwatch")
        metrics = Metrics()
        for failed in (2, 3):
            message = embedded_metrics(
                "dmd-pipeline",
                {"Environment": "dev1", "RecordType": "sale"},
                [Metric("RecordsFailed", failed), Metric("BatchDuration", 1.5, "Milliseconds")],
                timestamp_ms=int(NOW.timestamp() * 1000),
            )
            metrics.take(line(message))
        assert metrics.total("RecordsFailed") == 5
        metrics.put(cloudwatch)
        metrics.put(cloudwatch)
        found = cloudwatch.get_metric_statistics(
            Namespace="dmd-pipeline",
            MetricName="RecordsFailed",
            Dimensions=[
                {"Name": "Environment", "Value": "dev1"},
                {"Name": "RecordType", "Value": "sale"},
            ],
            StartTime=NOW - timedelta(minutes=5),
            EndTime=NOW + timedelta(minutes=5),
            Period=900,
            Statistics=["Sum"],
        )
    assert [each["Sum"] for each in found["Datapoints"]] == [5]


@pytest.mark.parametrize(
    "message", ["plain", '{"_aws": 1}', '{"_aws": {"Timestamp": 1}}', '"_aws"', '{"_aws"']
)
def test_a_line_without_metrics_is_none(message: str) -> None:
    metrics = Metrics()
    metrics.take(line(message))
    assert metrics.drain() == []
