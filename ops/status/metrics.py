"""The stack's metrics: values of the last minutes, and sums over the window."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from infra.alarms import Metric, delivery_metric, pipeline_metric, reads_throttled_metric
from infra.deliveries import deliveries_of
from infra.settings import Settings

OUTCOMES = ("RecordsUnclaimed", "RecordsFailed")
"""What a transform counts by delivery stream. It counts its rows, ``RecordsOk``, by type."""

WRITTEN = ("RowsWritten", "RepeatsDropped", "LinesQuarantined", "ObjectsQuarantined")
"""What the Avro writer counts."""

Values = Mapping[tuple[str, str], float]
"""Values by record type or delivery stream, empty for the stack, and name of the metric."""

_RECENTLY = timedelta(minutes=15)
_VALUES_OF_A_METRIC = 100


def read_metrics(cloudwatch: Any, settings: Settings, now: datetime, since: datetime) -> Values:
    """Return what CloudWatch has; a metric without a value is left out.

    Parameters
    ----------
    cloudwatch
        A client.
    settings
        The stack's settings.
    now, since
        The time, and the beginning of the window.
    """
    recent: dict[tuple[str, str], Metric] = {("", "throttled"): reads_throttled_metric(settings)}
    summed: dict[tuple[str, str], Metric] = {}
    for delivery in deliveries_of(settings):
        for name in ("DeliveryToS3.DataFreshness", "KinesisMillisBehindLatest"):
            metric = delivery_metric(settings.naming, delivery.name, name, "Maximum")
            recent[delivery.name, name] = metric
        for name in OUTCOMES:
            summed[delivery.name, name] = pipeline_metric(settings, delivery.name, name, "Sum")
    for each in settings.demand_data_types:
        for name in ("RecordsOk", *WRITTEN):
            summed[each, name] = pipeline_metric(settings, each, name, "Sum")
    highest = _values(cloudwatch, recent, now - _RECENTLY, now)
    sums = _values(cloudwatch, summed, since, now)
    return {key: max(values) for key, values in highest.items()} | {
        key: sum(values) for key, values in sums.items()
    }


def _values(
    cloudwatch: Any, wanted: Mapping[tuple[str, str], Metric], begin: datetime, now: datetime
) -> dict[tuple[str, str], list[float]]:
    ids = {f"q{number}": key for number, key in enumerate(wanted)}
    queries = [
        {
            "Id": each,
            "MetricStat": {
                "Metric": {
                    "Namespace": wanted[key].namespace,
                    "MetricName": wanted[key].name,
                    "Dimensions": [
                        {"Name": name, "Value": value}
                        for name, value in wanted[key].dimensions.items()
                    ],
                },
                "Period": period_seconds(now - begin),
                "Stat": wanted[key].statistic,
            },
        }
        for each, key in ids.items()
    ]
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=begin, EndTime=now + timedelta(minutes=1)
    )
    found: dict[tuple[str, str], list[float]] = {}
    for page in pages:
        for result in page["MetricDataResults"]:
            if result["Values"]:
                found.setdefault(ids[result["Id"]], []).extend(result["Values"])
    return found


def period_seconds(window: timedelta) -> int:
    """Return a period of which a window has about a hundred.

    CloudWatch has older values in longer periods only: of five minutes after 15 days, of an hour
    after 63. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricStat.html
    """
    step = 60
    if window > timedelta(days=14):
        step = 300
    if window > timedelta(days=62):
        step = 3_600
    wished = max(300, window.total_seconds() / _VALUES_OF_A_METRIC)
    return -int(-wished // step) * step
