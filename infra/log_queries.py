"""Saved queries of CloudWatch Logs Insights: they sum what the functions only write into the log.

The functions write one line of counts for each invocation. Only counts that an alarm or the
dashboard reads are metrics, because each metric of each record type costs money every month
(docs/scale.md). A query costs money only when somebody runs it.

The language of the queries:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infra.deliveries import deliveries_of
from infra.naming import function_log_group
from infra.settings import Settings

OF_TRANSFORM = (
    "RecordsReceived",
    "RecordsDropped",
    "ValuesNotHeld",
    "ValuesNotHeldExactly",
    "BatchDuration",
)
"""Fields of the transform's line of counts that are no metrics."""

OF_WRITER = (
    "PlansFinished",
    "ObjectsTaken",
    "FilesWritten",
    "BytesWritten",
    "RunsOutOfTime",
    "RunDuration",
)
"""Fields of the Avro writer's line of counts that are no metrics."""


@dataclass(frozen=True)
class LogQuery:
    """A saved query.

    Parameters
    ----------
    purpose
        The last part of its name.
    log_groups
        The log groups that it reads.
    text
        The query. Its first line is a comment that says what it answers.
    """

    purpose: str
    log_groups: tuple[str, ...]
    text: str


def log_queries(settings: Settings) -> tuple[LogQuery, ...]:
    """Return the saved queries of a stack."""
    naming = settings.naming
    deliveries = sorted(each.name for each in deliveries_of(settings))
    transforms = tuple(function_log_group(naming.transform_function(each)) for each in deliveries)
    writer = (function_log_group(naming.writer_function),)
    return (
        LogQuery(
            "records",
            transforms,
            _by_hour(
                "What became of the records, by hour and record type",
                # A transform of several types writes a line for the batch and one for each type.
                ["RecordsReceived", "RecordsOk"],
                _sums(
                    "RecordsReceived",
                    "RecordsOk",
                    "RecordsDropped",
                    "RecordsUnclaimed",
                    "RecordsFailed",
                ),
            ),
        ),
        LogQuery(
            "rescued-values",
            transforms,
            _by_hour(
                "Attributes that no column holds as they are, by hour and record type",
                ["ValuesNotHeld"],
                _sums("AttributesWithoutColumn", "ValuesNotHeld", "ValuesNotHeldExactly"),
            ),
        ),
        LogQuery(
            "batches",
            transforms,
            _by_hour(
                "Batches of the transform and their duration in ms, by hour and record type",
                ["BatchDuration"],
                [
                    "count(*) as batches",
                    "avg(RecordsReceived)",
                    *_durations("BatchDuration"),
                ],
            ),
        ),
        LogQuery(
            "writer-runs",
            writer,
            _by_hour(
                "Runs of the Avro writer, their work and duration in ms, by hour and record type",
                ["RunDuration"],
                [
                    "count(*) as runs",
                    *_sums(
                        "RunsOutOfTime",
                        "PlansFinished",
                        "ObjectsTaken",
                        "RowsWritten",
                        "FilesWritten",
                        "BytesWritten",
                    ),
                    *_durations("RunDuration"),
                ],
            ),
        ),
    )


def _by_hour(answers: str, present: Sequence[str], columns: Sequence[str]) -> str:
    """Return a query over the lines that have one of some fields."""
    return "\n".join(
        [
            f"# {answers}",
            "filter " + " or ".join(f"ispresent({field})" for field in present),
            "| stats " + ",\n    ".join(columns),
            "  by bin(1h) as hour, RecordType",
            "| sort hour desc, RecordType asc",
        ]
    )


def _sums(*fields: str) -> list[str]:
    return [f"sum({field})" for field in fields]


def _durations(field: str) -> list[str]:
    return [f"pct({field}, 50)", f"pct({field}, 99)", f"max({field})"]
