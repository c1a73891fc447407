"""The line that a failed record leaves in the error output."""

from __future__ import annotations

import base64
import json

from emulation.firehose.records import SourceRecord
from emulation.firehose.response import Failed


def error_line(
    record: SourceRecord, failure: Failed, *, attempts: int, ended_millis: int, function_arn: str
) -> bytes:
    """Return one line of NDJSON with the record's source, as Firehose writes it.

    Parameters
    ----------
    attempts
        Number of invocations with the record.
    ended_millis
        When the last of them ended, in milliseconds since the epoch.

    Source: docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html.
    That page has ``lambdaArn``; objects on AWS were observed to have ``lambdaARN``.
    """
    line = {
        "attemptsMade": attempts,
        "arrivalTimestamp": record.arrival_millis,
        "errorCode": failure.code,
        "errorMessage": failure.message,
        "attemptEndingTimestamp": ended_millis,
        "rawData": base64.b64encode(record.data).decode(),
        "lambdaARN": function_arn,
    }
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"
