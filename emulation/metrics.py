"""CloudWatch's metrics of a local run: those of the functions' log lines, and of the services.

CloudWatch makes metrics of log lines in its embedded format, and AWS's services publish their own.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from emulation.functions.logs import FunctionLog

# Most metrics of one request.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
_MOST_IN_REQUEST = 1_000
_MARK = '"_aws"'


@dataclass(frozen=True)
class Datum:
    """One value of a metric.

    Parameters
    ----------
    namespace, name, dimensions
        Identify the metric in CloudWatch.
    value
        In the metric's unit.
    unit
        CloudWatch's name of it.
    when
        Aware.
    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    value: float
    unit: str
    when: datetime


class Metrics:
    """Collects values until they are put into CloudWatch. Safe for any number of threads.

    Parameters
    ----------
    now
        Returns the time, aware.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._waiting: list[Datum] = []
        self._totals: Counter[str] = Counter()

    def add(
        self,
        namespace: str,
        dimensions: Mapping[str, str],
        values: Mapping[str, float],
        unit: str = "Count",
    ) -> None:
        """Collect values of a service's metrics, by name."""
        now = self._now()
        self._collect(
            Datum(namespace, name, tuple(dimensions.items()), float(value), unit, now)
            for name, value in values.items()
        )

    def take(self, line: FunctionLog) -> None:
        """Collect the metrics of a log line, if it has any."""
        if _MARK not in line.message:
            return
        try:
            found = list(_embedded(json.loads(line.message)))
        except (ValueError, KeyError, TypeError):
            # CloudWatch takes no metric from a line that breaks the format, and says nothing.
            return
        self._collect(found)

    def total(self, name: str) -> int:
        """Return the sum of a metric over all its dimensions so far."""
        with self._lock:
            return int(self._totals[name])

    def drain(self) -> list[Datum]:
        """Return what was collected since the last time, and forget it."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        return waiting

    def put(self, cloudwatch: Any) -> None:
        """Put what was collected into CloudWatch.

        Parameters
        ----------
        cloudwatch
            boto3's client, with the operator's permissions.
        """
        by_namespace: dict[str, list[dict[str, Any]]] = {}
        for each in self.drain():
            by_namespace.setdefault(each.namespace, []).append(
                {
                    "MetricName": each.name,
                    "Dimensions": [{"Name": n, "Value": v} for n, v in each.dimensions],
                    "Timestamp": each.when,
                    "Value": each.value,
                    "Unit": each.unit,
                }
            )
        for namespace, data in by_namespace.items():
            for begin in range(0, len(data), _MOST_IN_REQUEST):
                cloudwatch.put_metric_data(
                    Namespace=namespace, MetricData=data[begin : begin + _MOST_IN_REQUEST]
                )

    def _collect(self, found: Iterator[Datum] | list[Datum]) -> None:
        with self._lock:
            for datum in found:
                self._waiting.append(datum)
                self._totals[datum.name] += int(datum.value)


def _embedded(line: dict[str, Any]) -> Iterator[Datum]:
    directives = line["_aws"]
    when = datetime.fromtimestamp(directives["Timestamp"] / 1000, UTC)
    for directive in directives["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = tuple((name, str(line[name])) for name in names)
            for metric in directive["Metrics"]:
                yield Datum(
                    directive["Namespace"],
                    metric["Name"],
                    dimensions,
                    float(line[metric["Name"]]),
                    metric.get("Unit", "None"),
                    when,
                )
