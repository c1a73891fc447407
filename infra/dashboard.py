"""The dashboard: the pipeline from the Kinesis stream to the tables, one row for each stage.

Its format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from infra.alarms import (
    Metric,
    delivery_metric,
    function_metric,
    pipeline_metric,
    queue_metric,
    refresh_metric,
)
from infra.deliveries import deliveries_of
from infra.naming import REGION
from infra.settings import Settings

Widget: TypeAlias = dict[str, Any]

_WIDTH = 24
_HEIGHT = 6
_MOST_ALARMS = 100
_PERIOD = 300  # seconds


def dashboard_body(settings: Settings, alarm_arns: Sequence[Any]) -> dict[str, Any]:
    """Return the dashboard's body; the alarms' ARNs may be Pulumi outputs.

    Parameters
    ----------
    settings
        The stack's settings.
    alarm_arns
        ARNs of the alarms to show, at most 100.
    """
    rows = [[_alarms(alarm_arns)], *_graphs(settings)]
    return {"widgets": [widget for y, row in enumerate(rows) for widget in _placed(row, y)]}


def _placed(row: Sequence[Widget], y: int) -> list[Widget]:
    width = _WIDTH // len(row)
    return [
        {"x": x * width, "y": y * _HEIGHT, "width": width, "height": _HEIGHT, **widget}
        for x, widget in enumerate(row)
    ]


def _graphs(settings: Settings) -> list[list[Widget]]:
    naming = settings.naming
    deliveries = [each.name for each in deliveries_of(settings)]

    def per_type(title: str, metric: Callable[[str, str, str], Metric], *names: str) -> Widget:
        name, statistic = names
        return _graph(title, [(t, metric(t, name, statistic)) for t in settings.demand_data_types])

    def per_delivery(title: str, metric: Callable[[str, str, str], Metric], *names: str) -> Widget:
        name, statistic = names
        return _graph(title, [(each, metric(each, name, statistic)) for each in deliveries])

    def delivery(delivery: str, name: str, statistic: str) -> Metric:
        return delivery_metric(naming, delivery, name, statistic)

    def transform(delivery: str, name: str, statistic: str) -> Metric:
        return function_metric(naming.transform_function(delivery), name, statistic)

    def own(record_type: str, name: str, statistic: str) -> Metric:
        return pipeline_metric(settings, record_type, name, statistic)

    def writer(title: str, statistic: str, *names: str) -> Widget:
        return _graph(
            title,
            [(name, function_metric(naming.writer_function, name, statistic)) for name in names],
        )

    def refresh(record_type: str, name: str, statistic: str) -> Metric:
        return refresh_metric(settings, record_type, name, statistic)

    dead_letters = queue_metric(
        naming.dead_letter_queue, "ApproximateNumberOfMessagesVisible", "Maximum"
    )
    refreshes = [
        per_type("Refreshes that succeeded", refresh, "ExecutionsSucceeded", "Sum"),
        per_type("Refreshes that failed", refresh, "ExecutionsFailed", "Sum"),
        per_type("Refresh duration, ms", refresh, "ExecutionTime", "Maximum"),
        _bytes_scanned("Bytes scanned by refreshes", naming.refresh_workgroup),
    ]
    return [
        [
            per_delivery("Records read", delivery, "DataReadFromKinesisStream.Records", "Sum"),
            per_delivery("Behind the stream, ms", delivery, "KinesisMillisBehindLatest", "Maximum"),
            per_delivery("Reads throttled", delivery, "ThrottledGetRecords", "Sum"),
            per_delivery("Age in Firehose, s", delivery, "DeliveryToS3.DataFreshness", "Maximum"),
        ],
        [
            per_type("Rows transformed", own, "RecordsOk", "Sum"),
            per_delivery("Records failed", own, "RecordsFailed", "Sum"),
            per_type("Attributes without a column", own, "AttributesWithoutColumn", "Sum"),
            per_delivery("Transform duration, ms", transform, "Duration", "Maximum"),
        ],
        [
            per_type("Rows written", own, "RowsWritten", "Sum"),
            per_type("Repeats dropped", own, "RepeatsDropped", "Sum"),
            per_type("Oldest landed object, s", own, "OldestLandedAge", "Maximum"),
            per_type("Lines quarantined", own, "LinesQuarantined", "Sum"),
        ],
        [
            writer("Writer errors and throttles", "Sum", "Errors", "Throttles"),
            writer("Writer duration, ms", "Maximum", "Duration"),
            _graph("Dead letters", [("waiting", dead_letters)]),
            _bytes_scanned("Bytes scanned by queries", naming.database),
        ],
        *([refreshes] if settings.current_state_tables else []),
    ]


def _alarms(arns: Sequence[Any]) -> Widget:
    return {"type": "alarm", "properties": {"title": "Alarms", "alarms": list(arns[:_MOST_ALARMS])}}


def _bytes_scanned(title: str, workgroup: str) -> Widget:
    """Return the graph of the bytes that queries scan, as a sum over query states and types.

    https://docs.aws.amazon.com/athena/latest/ug/query-metrics-viewing.html
    """
    found = (
        "SEARCH('{AWS/Athena,QueryState,QueryType,WorkGroup} "
        f'MetricName="ProcessedBytes" WorkGroup="{workgroup}"\', \'Sum\', {_PERIOD})'
    )
    return _time_series(title, [[{"expression": f"SUM({found})", "label": "scanned"}]])


def _graph(title: str, lines: Sequence[tuple[str, Metric]]) -> Widget:
    return _time_series(
        title,
        [
            [
                metric.namespace,
                metric.name,
                *(part for pair in metric.dimensions.items() for part in pair),
                {"label": label, "stat": metric.statistic},
            ]
            for label, metric in lines
        ],
    )


def _time_series(title: str, metrics: Sequence[Sequence[Any]]) -> Widget:
    return {
        "type": "metric",
        "properties": {
            "title": title,
            "region": REGION,
            "view": "timeSeries",
            "period": _PERIOD,
            "metrics": list(metrics),
        },
    }
