"""Log lines and metrics have the form that CloudWatch reads."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from telemetry import Log, Metric, embedded_metrics


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("DEBUG", ["DEBUG", "INFO", "WARNING", "ERROR"]),
        ("INFO", ["INFO", "WARNING", "ERROR"]),
        ("WARNING", ["WARNING", "ERROR"]),
        ("ERROR", ["ERROR"]),
    ],
)
def test_lines_below_the_level_are_not_written(level: str, shown: list[str]) -> None:
    stream = io.StringIO()
    log = Log(level, stream=stream)
    for write in (log.debug, log.info, log.warning, log.error):
        write("message")
    assert [line["level"] for line in written(stream)] == shown


def test_a_line_has_the_bound_fields_and_its_own() -> None:
    stream = io.StringIO()
    Log(context={"a": 1}, stream=stream).bind(b=2).info("text", c=3)
    assert written(stream) == [{"level": "INFO", "message": "text", "a": 1, "b": 2, "c": 3}]


def test_metrics_have_cloudwatchs_embedded_format() -> None:
    line = embedded_metrics(
        "space",
        {"Type": "sale"},
        [Metric("Rows", 3), Metric("Age", 1.5, "Seconds")],
        timestamp_ms=1_700_000_000_000,
        properties={"run": "r"},
    )
    listed = [{"Name": "Rows", "Unit": "Count"}, {"Name": "Age", "Unit": "Seconds"}]
    directive = {"Namespace": "space", "Dimensions": [["Type"]], "Metrics": listed}
    assert json.loads(line) == {
        "_aws": {"Timestamp": 1_700_000_000_000, "CloudWatchMetrics": [directive]},
        "run": "r",
        "Type": "sale",
        "Rows": 3,
        "Age": 1.5,
    }


def test_a_line_takes_100_metrics_and_no_more() -> None:
    def line(count: int) -> str:
        metrics = [Metric(f"M{number}", 1) for number in range(count)]
        return embedded_metrics("space", {}, metrics, timestamp_ms=0)

    assert len(json.loads(line(100))["_aws"]["CloudWatchMetrics"][0]["Metrics"]) == 100
    with pytest.raises(ValueError, match="101 metrics"):
        line(101)
