"""Asynchronous invocations: retries, and the record of an event that failed at every attempt.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from emulation.endpoint import Endpoint
from emulation.functions.configuration import FunctionConfiguration
from emulation.functions.errors import FunctionHostError
from emulation.functions.invocation import InvokeResponse

_DEFAULT_RETRIES: Final = 2


@dataclass(frozen=True)
class EventSettings:
    """How often a failed event is repeated, and the ARN that its record is sent to, if any."""

    retries: int = _DEFAULT_RETRIES
    on_failure: str | None = None


def event_settings(lambda_client: Any, function_name: str) -> EventSettings:
    """Return a function's event invoke configuration, or Lambda's defaults."""
    try:
        found = lambda_client.get_function_event_invoke_config(FunctionName=function_name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return EventSettings()
        raise
    destinations: Mapping[str, Any] = found.get("DestinationConfig") or {}
    return EventSettings(
        int(found.get("MaximumRetryAttempts", _DEFAULT_RETRIES)),
        (destinations.get("OnFailure") or {}).get("Destination"),
    )


def failure_record(
    configuration: FunctionConfiguration,
    payload: bytes,
    response: InvokeResponse,
    *,
    request_id: str,
    attempts: int,
) -> str:
    """Return the record, as JSON, of an event that failed ``attempts`` times."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps(
        {
            "version": "1.0",
            "timestamp": now,
            "requestContext": {
                "requestId": request_id,
                "functionArn": f"{configuration.arn}:{configuration.version}",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": attempts,
            },
            "requestPayload": json.loads(payload),
            "responseContext": {
                "statusCode": response.status,
                "executedVersion": response.executed_version,
                "functionError": response.function_error,
            },
            "responsePayload": json.loads(response.payload),
        }
    )


def send_record(as_function: Endpoint, destination: str, record: str) -> None:
    """Send a record to a queue, with the function's role.

    Parameters
    ----------
    as_function
        The endpoint, with the credentials of the function's role.
    destination
        ARN of the queue.

    Raises
    ------
    FunctionHostError
        The destination is not a queue. Other destinations are not emulated.
    ClientError
        The queue refuses the record.
    """
    if destination.split(":")[2] != "sqs":
        raise FunctionHostError(
            f"failed events cannot be sent to {destination}: a local run has only SQS queues as "
            "destinations"
        )
    as_function.client("sqs").send_message(
        QueueUrl=as_function.queue_url(destination), MessageBody=record
    )
