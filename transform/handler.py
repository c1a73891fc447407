"""The Lambda handler of the transform functions: event in, answer out, counts to the log."""

from __future__ import annotations

import os
import time
from typing import Any

from schemas import table
from telemetry import Log, Metric, embedded_metrics
from transform.batch import Outcome, Transform
from transform.settings import Settings

# Enough to find what is wrong with a batch; a batch of nothing but broken records must not flood
# the log.
_MOST_FAILURES_LOGGED = 20

_settings = Settings.from_environment(os.environ)
_transform = Transform(table(_settings.record_type), _settings.type_attribute)
_log = Log(_settings.log_level)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a Firehose transformation event.

    Parameters
    ----------
    event
        As https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html has it.
    context
        Lambda's context object.

    Returns
    -------
    dict
        ``{"records": [{"recordId", "result", "data"}]}``, every record once, in order.
    """
    started = time.perf_counter()
    outcome = _transform.batch(event["records"])
    _report(outcome, event, context, time.perf_counter() - started)
    return {"records": outcome.records}


def _report(outcome: Outcome, event: dict[str, Any], context: Any, seconds: float) -> None:
    log = _log.bind(
        request_id=getattr(context, "aws_request_id", None), record_type=_settings.record_type
    )
    if outcome.failures:
        log.warning(
            "records failed; Firehose keeps their raw source below the error prefix",
            invocation_id=event.get("invocationId"),
            failed=len(outcome.failures),
            first=[
                {
                    "recordId": failure.record_id,
                    "sequenceNumber": failure.sequence_number,
                    "reason": failure.reason,
                    "column": failure.column,
                }
                for failure in outcome.failures[:_MOST_FAILURES_LOGGED]
            ],
        )
    dropped = outcome.counts["other_type"] + outcome.counts["no_type"]
    log.raw(
        embedded_metrics(
            _settings.metrics_namespace,
            {"Environment": _settings.environment, "RecordType": _settings.record_type},
            [
                Metric("RecordsReceived", len(outcome.records)),
                Metric("RecordsOk", outcome.counts["ok"]),
                Metric("RecordsDropped", dropped),
                Metric("RecordsFailed", len(outcome.failures)),
                Metric("RowsWithRescuedAttributes", outcome.rescued_rows),
                Metric("RescuedAttributes", outcome.rescued_attributes),
                Metric("BatchDuration", round(seconds * 1000, 3), "Milliseconds"),
            ],
            timestamp_ms=time.time_ns() // 1_000_000,
            properties={**log.context, "counts": dict(outcome.counts)},
        )
    )
