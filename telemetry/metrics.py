"""CloudWatch metrics as log lines, so that a function needs neither an API call nor a permission.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Metric:
    """One metric's value: its name, the value, and CloudWatch's name of the unit."""

    name: str
    value: float
    unit: str = "Count"


def embedded_metrics(
    namespace: str,
    dimensions: Mapping[str, str],
    metrics: Sequence[Metric],
    *,
    timestamp_ms: int,
    properties: Mapping[str, Any] | None = None,
) -> str:
    """Return one line in CloudWatch's embedded metric format.

    Parameters
    ----------
    namespace
        CloudWatch namespace.
    dimensions
        Dimension names and values; one dimension set.
    metrics
        At most 100, the format's limit.
    timestamp_ms
        Milliseconds since 1970.
    properties
        Further fields of the line. CloudWatch Logs Insights can sum them, and unlike metrics they
        cost nothing by the month.

    Raises
    ------
    ValueError
        More than 100 metrics.
    """
    if len(metrics) > 100:
        raise ValueError(f"one line has {len(metrics)} metrics; split them, 100 are allowed")
    return json.dumps(
        {
            "_aws": {
                "Timestamp": timestamp_ms,
                "CloudWatchMetrics": [
                    {
                        "Namespace": namespace,
                        "Dimensions": [list(dimensions)],
                        "Metrics": [{"Name": m.name, "Unit": m.unit} for m in metrics],
                    }
                ],
            },
            **(properties or {}),
            **dimensions,
            **{metric.name: metric.value for metric in metrics},
        }
    )
