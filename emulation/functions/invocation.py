"""The request and the response of Lambda's Invoke API.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final, Literal

MAX_REQUEST_BYTES: Final = 6 * 1024 * 1024
"""Largest payload of a synchronous invocation, in bytes."""

MAX_EVENT_BYTES: Final = 1024 * 1024
"""Largest payload of an asynchronous invocation, in bytes."""

MAX_RESPONSE_BYTES: Final = 6 * 1024 * 1024 + 100
"""Largest answer of a function, in bytes. The number is from Lambda's error message."""

InvocationType = Literal["RequestResponse", "Event"]

_REFERENCE: Final = re.compile(
    r"(arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):)?"
    r"((?P<account>\d{12}):)?"
    r"(function:)?"
    r"(?P<name>[A-Za-z0-9_-]+)"
    r"(:(?P<qualifier>\$LATEST|[A-Za-z0-9_-]+))?"
)


@dataclass(frozen=True)
class InvokeRequest:
    """One call of Invoke.

    Parameters
    ----------
    function_name
        The function's name, partial ARN or ARN, with or without a qualifier.
    payload
        The event as JSON text in UTF-8; empty stands for ``{}``.
    qualifier
        Version or alias, if ``function_name`` does not contain it.
    invocation_type
        ``RequestResponse`` waits for the answer. ``Event`` does not.
    """

    function_name: str
    payload: bytes
    qualifier: str | None = None
    invocation_type: InvocationType = "RequestResponse"


@dataclass(frozen=True)
class InvokeResponse:
    """What Invoke answers.

    Parameters
    ----------
    status
        HTTP status: 200 if the function ran, even if it failed; 202 for an event; 4xx if Lambda
        refused the request.
    payload
        The function's answer, the error object, or the refusal, as JSON text in UTF-8.
    function_error
        ``Unhandled`` if the function failed, for ``X-Amz-Function-Error``.
    executed_version
        For ``X-Amz-Executed-Version``.
    log_tail
        The last 4 KB of the invocation's log, for ``X-Amz-Log-Result`` (there in base64).
    request_id
        For ``x-amzn-RequestId``. The function gets the same id.
    """

    status: int
    payload: bytes
    function_error: str | None = None
    executed_version: str = "$LATEST"
    log_tail: bytes = b""
    request_id: str = ""


@dataclass(frozen=True)
class FunctionReference:
    """The name of a function in a request. A part that the caller left out is None."""

    name: str
    qualifier: str | None = None
    region: str | None = None
    account: str | None = None

    @classmethod
    def parse(cls, name: str, qualifier: str | None = None) -> FunctionReference | None:
        """Read a function's name, partial ARN or ARN. Return None for anything else."""
        match = _REFERENCE.fullmatch(name)
        if match is None:
            return None
        return cls(
            name=match["name"],
            qualifier=qualifier or match["qualifier"],
            region=match["region"],
            account=match["account"],
        )

    def names(self, arn: str) -> bool:
        """Whether this may be the function that has ``arn``."""
        region, account = arn.split(":")[3:5]
        return self.region in (None, region) and self.account in (None, account)


def refusal_for_size(request: InvokeRequest) -> InvokeResponse | None:
    """Return Lambda's refusal of a payload that is too large, or None."""
    size = len(request.payload)
    if request.invocation_type == "Event" and size > MAX_EVENT_BYTES:
        return _refusal(
            413,
            "RequestTooLargeException",
            f"{size} byte payload is too large for the Event invocation type "
            f"(limit {MAX_EVENT_BYTES} bytes)",
        )
    if size > MAX_REQUEST_BYTES:
        return _refusal(
            413,
            "RequestTooLargeException",
            f"Request must be smaller than {MAX_REQUEST_BYTES} bytes "
            "for the InvokeFunction operation",
        )
    return None


def not_found(function_name: str) -> InvokeResponse:
    """Return Lambda's refusal of a function that does not exist."""
    return _refusal(404, "ResourceNotFoundException", f"Function not found: {function_name}")


def invocation_metrics(answer: InvokeResponse | None) -> dict[str, float]:
    """Return what Lambda publishes in CloudWatch of an invocation, None if it was throttled.

    A throttled request is no invocation.
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    """
    if answer is None:
        return {"Throttles": 1}
    return {"Invocations": 1, "Errors": answer.function_error is not None, "Throttles": 0}


def throttled() -> InvokeResponse:
    """Return Lambda's refusal of an invocation when too many are running."""
    return _refusal(
        429,
        "TooManyRequestsException",
        "Rate Exceeded.",
        Reason="ConcurrentInvocationLimitExceeded",
    )


def error_payload(error_type: str, message: str) -> bytes:
    """Return an error object as Lambda itself writes it, without a stack trace."""
    return json.dumps(
        {"errorType": error_type, "errorMessage": message}, separators=(",", ":")
    ).encode()


def _refusal(status: int, error: str, message: str, **more: Any) -> InvokeResponse:
    # An AWS client reads the error from `__type` if no header names it.
    body = {"__type": error, "Type": "User", "message": message, **more}
    return InvokeResponse(status, json.dumps(body).encode())
