"""The Lambda handler of the transform functions: event in, answer out, counts to the log."""

from __future__ import annotations

import os
import time
from typing import Any

from schemas import table
from telemetry import Log, Metric, embedded_metrics
from transform.batch import Outcome, Transform
from transform.payloads import as_bytes, returnable, take_payloads_as_bytes
from transform.settings import Settings

# Enough to find the fault of a batch. A batch in which every record fails must not flood the log.
_MOST_FAILURES_LOGGED = 20

_settings = Settings.from_environment(os.environ)
_transform = Transform(
    table(_settings.record_type), _settings.type_attribute, claimed=_settings.claimed_types
)
_log = Log(_settings.log_level)
take_payloads_as_bytes()


def handler(
    event: dict[str, Any] | bytes | bytearray | memoryview | str, context: Any
) -> dict[str, Any] | bytes:
    """Answer a Firehose transformation event.

    Parameters
    ----------
    event
        The event of https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html, as
        JSON values, or as JSON text if `transform.payloads` could replace the runtime's marshaller.
    context
        Lambda's context object.

    Returns
    -------
    dict or bytes
        ``{"records": [{"recordId", "result", "data"}]}``, every record once, in order: JSON
        values, or bytes if the runtime is known to send bytes unchanged.
    """
    started = time.perf_counter()
    outcome = _transform.payload(as_bytes(event))
    _report(outcome, context, time.perf_counter() - started)
    return returnable(outcome.answer)


def _report(outcome: Outcome, context: Any, seconds: float) -> None:
    log = _log.bind(
        request_id=getattr(context, "aws_request_id", None), record_type=_settings.record_type
    )
    if outcome.failures:
        log.warning(
            "records failed; Firehose keeps their raw source below the error prefix",
            invocation_id=outcome.invocation_id,
            failed=len(outcome.failures),
            first=[
                {
                    "recordId": failure.record_id,
                    "eventID": failure.event_id,
                    "sequenceNumber": failure.sequence_number,
                    "reason": failure.reason,
                    "column": failure.column,
                }
                for failure in outcome.failures[:_MOST_FAILURES_LOGGED]
            ],
        )
    counts = outcome.counts
    unclaimed = counts["no_type"] + counts["unclaimed_type"]
    if outcome.unclaimed:
        log.warning(
            "nobody takes these records; only the Kinesis stream has them",
            invocation_id=outcome.invocation_id,
            unclaimed=unclaimed,
            first=[
                {
                    "eventID": record.event_id,
                    "shardId": record.shard_id,
                    "sequenceNumber": record.sequence_number,
                }
                for record in outcome.unclaimed
            ],
        )
    inexact = outcome.rescued_attributes - outcome.attributes_without_column - outcome.unfit_values
    log.raw(
        embedded_metrics(
            _settings.metrics_namespace,
            {"Environment": _settings.environment, "RecordType": _settings.record_type},
            [
                Metric("RecordsOk", counts["ok"]),
                *(
                    [Metric("RecordsUnclaimed", unclaimed)]
                    if _settings.claimed_types is not None
                    else []
                ),
                Metric("RecordsFailed", len(outcome.failures)),
                Metric("AttributesWithoutColumn", outcome.attributes_without_column),
            ],
            timestamp_ms=time.time_ns() // 1_000_000,
            properties={
                **log.context,
                "RecordsReceived": counts.total(),
                "RecordsDropped": counts["other_type"] + unclaimed,
                "ValuesNotHeld": outcome.unfit_values,
                "ValuesNotHeldExactly": inexact,
                "BatchDuration": round(seconds * 1000, 3),
                # All of them: the failures above are only the first ones.
                "counts": dict(counts),
                "rows_with_rescued_attributes": outcome.rescued_rows,
                "failed_by_column": dict(outcome.failures_by_column),
            },
        )
    )
