"""What it takes to watch a stack: its own metrics, its alarms, and the lines of its logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from infra.alarms import alarms_of
from infra.dashboard import dashboard_body
from infra.deliveries import deliveries_of
from infra.log_queries import OF_TRANSFORM, OF_WRITER
from infra.settings import PROJECT, Settings
from infra.stack_config import settings_of, stack_config

TRANSFORM_LINE, SHARED_LINE, TYPE_LINE, WRITER_LINE = 750, 550, 500, 1_100
"""Bytes of a function's line of counts: of the transform of one type; of the transform of all types
for a batch, and for each type in it; of the writer. A test holds them against the functions."""

# START, END and REPORT, with the 26 bytes that CloudWatch Logs adds to each event. A guess.
_LAMBDA_LINES = 450


@dataclass(frozen=True)
class Watching:
    """What a stack publishes and watches.

    Parameters
    ----------
    deliveries
        Its delivery streams.
    metrics
        Its own metrics in CloudWatch: one for each name and record type.
    alarm_metrics
        Metrics that alarms read, with repetition. An alarm is billed for each.
    transform_bytes, writer_bytes
        Bytes in the log for each invocation of a function.
    """

    deliveries: int
    metrics: int
    alarm_metrics: int
    transform_bytes: int
    writer_bytes: int


@cache
def watching(delivery: str = "per_type") -> Watching:
    """Return what a stack with the default record types publishes and watches.

    Parameters
    ----------
    delivery
        The stack's setting.
    """
    settings = _settings(delivery)
    alarms = alarms_of(settings)
    own = {
        (metric.name, *(part for pair in metric.dimensions.items() for part in pair))
        for alarm in alarms
        for metric in alarm.metrics
        if metric.namespace == PROJECT
    } | set(_shown(dashboard_body(settings, [])))
    deliveries, types = deliveries_of(settings), len(settings.demand_data_types)
    lines = SHARED_LINE + types * TYPE_LINE if delivery == "shared" else TRANSFORM_LINE
    return Watching(
        deliveries=len(deliveries),
        metrics=len(own),
        alarm_metrics=sum(len(alarm.metrics) for alarm in alarms),
        transform_bytes=_LAMBDA_LINES + lines,
        writer_bytes=_LAMBDA_LINES + WRITER_LINE,
    )


@cache
def with_all_counts() -> Watching:
    """Return the same as if each count of the functions were a metric, and not only in the log."""
    found, types = watching(), len(_settings("per_type").demand_data_types)
    transform, writer = (sum(map(_definition_bytes, names)) for names in (OF_TRANSFORM, OF_WRITER))
    return replace(
        found,
        metrics=found.metrics + types * (len(OF_TRANSFORM) + len(OF_WRITER)),
        transform_bytes=found.transform_bytes + transform,
        writer_bytes=found.writer_bytes + writer,
    )


def _settings(delivery: str) -> Settings:
    return settings_of("prod1", stack_config("prod1", {"delivery": delivery}))


def _shown(
    body: dict[str, list[dict[str, dict[str, list[list[str]]]]]],
) -> Iterator[tuple[str, ...]]:
    """Give name and dimensions of the stack's own metrics on the dashboard."""
    for widget in body["widgets"]:
        for namespace, *identity, _ in (
            each for each in widget["properties"].get("metrics", ()) if len(each) > 1
        ):
            if namespace == PROJECT:
                yield tuple(identity)


def _definition_bytes(name: str) -> int:
    """Return what the embedded metric format takes to say that a field is a metric."""
    return len(json.dumps({"Name": name, "Unit": "Count"})) + len(", ")
