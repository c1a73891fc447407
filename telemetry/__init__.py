"""What the functions tell CloudWatch: structured log lines and embedded metrics."""

from telemetry.log import Log
from telemetry.metrics import Metric, embedded_metrics

__all__ = ["Log", "Metric", "embedded_metrics"]
