"""CloudWatch's part in embedded metrics: it makes metrics of the functions' log lines.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from emulation.functions.logs import FunctionLog

# Most metrics of one request.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
_MOST_IN_REQUEST = 1_000
_MARK = '"_aws"'


class EmbeddedMetrics:
    """Collects the metrics of log lines and puts them into CloudWatch at the endpoint.

    Parameters
    ----------
    cloudwatch
        boto3's client, with the operator's permissions.
    """

    def __init__(self, cloudwatch: Any) -> None:
        self._cloudwatch = cloudwatch
        self._lock = threading.Lock()
        self._waiting: dict[str, list[dict[str, Any]]] = {}
        self._totals: Counter[str] = Counter()

    def take(self, line: FunctionLog) -> None:
        """Collect the metrics of a log line, if it has any."""
        if _MARK not in line.message:
            return
        try:
            found = list(_metrics(json.loads(line.message)))
        except (ValueError, KeyError, TypeError):
            # CloudWatch takes no metric from a line that breaks the format, and says nothing.
            return
        with self._lock:
            for namespace, datum in found:
                self._waiting.setdefault(namespace, []).append(datum)
                self._totals[datum["MetricName"]] += datum["Value"]

    def total(self, name: str) -> int:
        """Return the sum of a metric over all its dimensions so far."""
        with self._lock:
            return int(self._totals[name])

    def put(self) -> None:
        """Put what was collected into CloudWatch."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for namespace, data in waiting.items():
            for begin in range(0, len(data), _MOST_IN_REQUEST):
                self._cloudwatch.put_metric_data(
                    Namespace=namespace, MetricData=data[begin : begin + _MOST_IN_REQUEST]
                )


def _metrics(line: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    directives = line["_aws"]
    when = datetime.fromtimestamp(directives["Timestamp"] / 1000, UTC)
    for directive in directives["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = [{"Name": name, "Value": str(line[name])} for name in names]
            for metric in directive["Metrics"]:
                yield (
                    directive["Namespace"],
                    {
                        "MetricName": metric["Name"],
                        "Dimensions": dimensions,
                        "Timestamp": when,
                        "Value": float(line[metric["Name"]]),
                        "Unit": metric.get("Unit", "None"),
                    },
                )
