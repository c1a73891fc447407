"""What it takes to watch a stack: its own metrics, its alarms, and the lines of its logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from infra.alarms import alarms_of
from infra.dashboard import dashboard_body
from infra.log_queries import OF_TRANSFORM, OF_WRITER
from infra.settings import PROJECT
from infra.stack_config import settings_of, stack_config

TRANSFORM_LINE, WRITER_LINE = 750, 1_100
"""Bytes of a function's line of counts. A test holds them against the functions."""

# START, END and REPORT, with the 26 bytes that CloudWatch Logs adds to each event. A guess.
_LAMBDA_LINES = 450


@dataclass(frozen=True)
class Watching:
    """What a stack publishes and watches.

    Parameters
    ----------
    metrics
        Its own metrics in CloudWatch: one for each name and record type.
    alarm_metrics
        Metrics that alarms read, with repetition. An alarm is billed for each.
    transform_bytes, writer_bytes
        Bytes in the log for each invocation of a function.
    """

    metrics: int
    alarm_metrics: int
    transform_bytes: int
    writer_bytes: int


@cache
def watching(*, all_counts: bool = False) -> Watching:
    """Return what a stack with the default record types publishes and watches.

    Parameters
    ----------
    all_counts
        As if each count of the functions were a metric, also those that only the log has.
    """
    settings = settings_of("prod1", stack_config("prod1"))
    alarms = alarms_of(settings)
    own = {
        (metric.name, *(part for pair in metric.dimensions.items() for part in pair))
        for alarm in alarms
        for metric in alarm.metrics
        if metric.namespace == PROJECT
    } | set(_shown(dashboard_body(settings, [])))
    types = len(settings.demand_data_types)
    more = (OF_TRANSFORM, OF_WRITER) if all_counts else ((), ())
    transform, writer = (sum(map(_definition_bytes, names)) for names in more)
    return Watching(
        metrics=len(own) + types * sum(map(len, more)),
        alarm_metrics=sum(len(alarm.metrics) for alarm in alarms),
        transform_bytes=_LAMBDA_LINES + TRANSFORM_LINE + transform,
        writer_bytes=_LAMBDA_LINES + WRITER_LINE + writer,
    )


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
