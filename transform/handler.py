"""The Lambda handler of the transform functions: event in, answer out, counts to the log."""

from __future__ import annotations

import os
import time
from typing import Any

from schemas import table
from telemetry import Log
from transform.batch import Transform
from transform.counts import count_lines
from transform.outcome import Outcome
from transform.payloads import as_bytes, returnable, take_payloads_as_bytes
from transform.settings import Settings

# Enough to find the fault of a batch. A batch in which every record fails must not flood the log.
_MOST_FAILURES_LOGGED = 20

_settings = Settings.from_environment(os.environ)
_transform = Transform(
    [table(each) for each in _settings.record_types],
    _settings.type_attribute,
    claimed=_settings.claimed_types,
    partition_key=_settings.partition_key,
    arrivals=_settings.arrivals,
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
        request_id=getattr(context, "aws_request_id", None), record_type=_settings.delivery
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
    if outcome.unclaimed:
        log.warning(
            "nobody takes these records; only the Kinesis stream has them",
            invocation_id=outcome.invocation_id,
            unclaimed=outcome.records_unclaimed,
            first=[
                {
                    "eventID": record.event_id,
                    "shardId": record.shard_id,
                    "sequenceNumber": record.sequence_number,
                }
                for record in outcome.unclaimed
            ],
        )
    for line in count_lines(
        outcome, _settings, seconds, timestamp_ms=time.time_ns() // 1_000_000, context=log.context
    ):
        log.raw(line)
