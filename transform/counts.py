"""Writes the counts of a batch as lines for the log, which are the function's metrics, too.

Only what an alarm or the dashboard reads is a metric. The saved queries of `infra.log_queries` sum
the other fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from telemetry import Metric, embedded_metrics
from transform.outcome import Outcome, RowCounts
from transform.settings import Settings


@dataclass(frozen=True)
class _Counts:
    metrics: tuple[Metric, ...]
    fields: dict[str, Any]

    def __add__(self, other: _Counts) -> _Counts:
        return _Counts(self.metrics + other.metrics, self.fields | other.fields)


def count_lines(
    outcome: Outcome,
    settings: Settings,
    seconds: float,
    *,
    timestamp_ms: int,
    context: Mapping[str, Any],
) -> Iterator[str]:
    """Yield the lines of counts of a batch.

    A function of one record type writes one line. A shared one writes one line about the records of
    all types, and one for each type that has rows in the batch.

    Parameters
    ----------
    outcome
        What became of the batch.
    settings
        The function's settings.
    seconds
        How long the batch took.
    timestamp_ms
        Milliseconds since 1970.
    context
        Further fields of each line.
    """
    records = _of_records(outcome, settings, seconds)
    if settings.shared:
        counts = {settings.delivery: records} | {
            each: _of_rows(rows) for each, rows in outcome.rows.items() if rows.ok
        }
    else:
        (rows,) = outcome.rows.values()
        counts = {settings.delivery: records + _of_rows(rows)}
    for name, each in counts.items():
        yield embedded_metrics(
            settings.metrics_namespace,
            {"Environment": settings.environment, "RecordType": name},
            each.metrics,
            timestamp_ms=timestamp_ms,
            properties={**context, "record_type": name, **each.fields},
        )


def _of_records(outcome: Outcome, settings: Settings, seconds: float) -> _Counts:
    metrics = [Metric("RecordsFailed", len(outcome.failures))]
    if settings.claimed_types is not None:
        metrics.append(Metric("RecordsUnclaimed", outcome.records_unclaimed))
    return _Counts(
        tuple(metrics),
        {
            "RecordsReceived": outcome.counts.total(),
            "RecordsDropped": outcome.records_dropped,
            "BatchDuration": round(seconds * 1000, 3),
            # All of them: the log names only the first failures.
            "counts": dict(outcome.counts),
            "failed_by_column": dict(outcome.failures_by_column),
        },
    )


def _of_rows(rows: RowCounts) -> _Counts:
    return _Counts(
        (
            Metric("RecordsOk", rows.ok),
            Metric("AttributesWithoutColumn", rows.attributes_without_column),
        ),
        {
            "ValuesNotHeld": rows.unfit_values,
            "ValuesNotHeldExactly": rows.inexact_values,
            "rows_with_rescued_attributes": rows.rescued_rows,
        },
    )
