"""Evaluates an alarm of the estate over what a local run has published, period by period.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarm-evaluation
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from emulation.metrics import Datum
from infra.alarms import Alarm, Metric

_STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Sum": sum,
    "Maximum": max,
    "Average": lambda values: sum(values) / len(values),
}


def value(metric: Metric, data: Sequence[Datum]) -> float | None:
    """Return a metric's statistic over a period; None if nobody has published it."""
    dimensions = dict(metric.dimensions)
    values = [
        each.value
        for each in data
        if (each.namespace, each.name, dict(each.dimensions))
        == (metric.namespace, metric.name, dimensions)
    ]
    return float(_STATISTICS[metric.statistic](values)) if values else None


def is_on(alarm: Alarm, periods: Sequence[Sequence[Datum]]) -> bool:
    """Tell whether an alarm is on after these periods."""
    return sum(_counts(alarm, each) for each in periods[-alarm.periods :]) >= alarm.datapoints


def _counts(alarm: Alarm, data: Sequence[Datum]) -> bool:
    values = [found for metric in alarm.metrics if (found := value(metric, data)) is not None]
    if not values:
        return alarm.wants_more
    total = sum(values)
    return total < alarm.threshold if alarm.wants_more else total > alarm.threshold
