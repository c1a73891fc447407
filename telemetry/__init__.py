"""Structured log lines and embedded metrics of the functions, for CloudWatch."""

from telemetry.log import Log
from telemetry.metrics import Metric, embedded_metrics

__all__ = ["Log", "Metric", "embedded_metrics"]
