"""The Lambda handler of the Avro writer: event in, one run, report to the log."""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import botocore.session
from botocore.config import Config

from avro_writer.deadline import Clock
from avro_writer.run import Report, Run
from avro_writer.s3_store import S3Store
from avro_writer.settings import Assignment, Settings
from avro_writer.workspace import Workspace
from telemetry import Log, Metric, embedded_metrics

_settings = Settings.from_environment(os.environ)
_log = Log(_settings.log_level)
_workspace = Workspace()
# botocore without boto3: the writer needs one client, and its cold start pays for each import.
_client = botocore.session.get_session().create_client(
    "s3",
    config=Config(
        # The store tries again, since it knows how much time is left.
        retries={"mode": "standard", "total_max_attempts": 1},
        connect_timeout=5,
        read_timeout=15,
        # A bucket's name may have dots, which no certificate for virtual hosts covers.
        s3={"addressing_style": "path"},
    ),
)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Run the writer over one lane of one type.

    Parameters
    ----------
    event
        ``{"type": "demand", "lane": 0}``
    context
        Lambda's context object.

    Returns
    -------
    dict
        As `Report` has it, with ``counts`` as `Counts` has them.

    Raises
    ------
    EventError
        The event is of another shape.
    ObjectsSetAside
        S3 refuses landed objects; all others were seen to.
    UnreadablePlan
        A plan in flight was written by a version that this one does not know.
    DiskFull
        Local disk is too small for an object; all others were seen to.
    """
    started = time.perf_counter()

    def remaining() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    assignment = Assignment.from_event(event, _settings.lanes)
    run_id = context.aws_request_id
    log = _log.bind(request_id=run_id, record_type=assignment.record_type, lane=assignment.lane)
    run = Run(
        _settings,
        assignment,
        S3Store(_client, _settings.bucket, remaining),
        Clock(lambda: datetime.now(UTC), remaining),
        run_id,
        lambda: uuid.uuid4().hex[:12],
        log,
        _workspace.path,
    )
    try:
        run.run()
    finally:
        # Whatever broke the run off, what it did until then has to be counted.
        _publish(run.report, assignment, log, time.perf_counter() - started)
    return asdict(run.report)


def _publish(report: Report, assignment: Assignment, log: Log, seconds: float) -> None:
    counts = report.counts
    log.raw(
        embedded_metrics(
            _settings.metrics_namespace,
            {"Environment": _settings.environment, "RecordType": assignment.record_type},
            [
                Metric("RowsWritten", counts.rows),
                Metric("RepeatsDropped", counts.repeats),
                Metric("LinesQuarantined", counts.quarantined_lines),
                Metric("ObjectsQuarantined", counts.quarantined_objects),
                Metric("RowsOutsideProjection", counts.rows_outside_projection),
                Metric("OldestLandedAge", round(report.oldest_landed_age, 3), "Seconds"),
            ],
            timestamp_ms=time.time_ns() // 1_000_000,
            properties={
                **log.context,
                "PlansFinished": report.plans,
                "ObjectsTaken": counts.objects,
                "FilesWritten": counts.files,
                "BytesWritten": counts.file_bytes,
                "RunsOutOfTime": int(report.out_of_time),
                "RunDuration": round(seconds * 1000, 3),
                "counts": asdict(counts),
                "objects_set_aside": report.objects_set_aside,
                "objects_awaiting_newer_code": report.objects_awaiting_newer_code,
            },
        )
    )
