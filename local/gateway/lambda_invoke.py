"""The Invoke operation as a function host sees it: what is asked, what is answered."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local.gateway.api_call import ApiCall
from local.gateway.faults import Answer
from local.gateway.resource_rules import function_name

# X-Amz-Log-Result holds the last 4 KB of the log.
_LOG_TAIL_BYTES = 4096


@dataclass(frozen=True)
class InvokeRequest:
    """A judged call of Lambda's Invoke.

    Parameters
    ----------
    function_name
        The function's name, whichever way the caller wrote it.
    qualifier
        The version or alias that was asked for, where one was.
    payload
        The event, as sent.
    invocation_type
        ``RequestResponse``, ``Event`` or ``DryRun``.
    """

    function_name: str
    qualifier: str | None
    payload: bytes
    invocation_type: str


@dataclass(frozen=True)
class InvokeResponse:
    """What a function host answers.

    Parameters
    ----------
    status
        200 for RequestResponse, 202 for Event, 204 for DryRun.
    payload
        What the function returned, or the error object where it failed.
    function_error
        ``Unhandled`` (or ``Handled``) where the function failed, else None.
    executed_version
        The version that ran: ``$LATEST`` or a number.
    log_tail
        The end of the log, told to a caller who asked for it.
    """

    status: int
    payload: bytes
    function_error: str | None = None
    executed_version: str = "$LATEST"
    log_tail: bytes | None = None


class InvokeError(Exception):
    """Lambda itself refuses an invocation: no such function, too many, too large a payload.

    Parameters
    ----------
    code
        AWS's name of it: ``ResourceNotFoundException``, ``TooManyRequestsException``,
        ``RequestTooLargeException``.
    message
        What is wrong.
    status
        The HTTP status that goes with the code.
    """

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


LambdaInvoke = Callable[[InvokeRequest], InvokeResponse]


def invoke_request(call: ApiCall) -> InvokeRequest:
    """Return what an Invoke call asks for."""
    name, qualifier = function_name(str(call.parameters["FunctionName"]))
    return InvokeRequest(
        name,
        call.parameters.get("Qualifier") or qualifier,
        call.body,
        str(call.parameters.get("InvocationType", "RequestResponse")),
    )


def invoke_answer(call: ApiCall, response: InvokeResponse) -> Answer:
    """Return the HTTP answer that Lambda would give."""
    headers: dict[str, str] = {
        "Content-Type": "application/json",
        "X-Amz-Executed-Version": response.executed_version,
    }
    if response.function_error is not None:
        headers["X-Amz-Function-Error"] = response.function_error
    if response.log_tail is not None and call.parameters.get("LogType") == "Tail":
        tail = base64.b64encode(response.log_tail[-_LOG_TAIL_BYTES:])
        headers["X-Amz-Log-Result"] = tail.decode("ascii")
    return Answer(response.status, headers, response.payload)


def invoke_failure(error: InvokeError) -> Answer:
    """Return the HTTP answer to an invocation that Lambda itself refuses."""
    headers: Mapping[str, str] = {
        "Content-Type": "application/json",
        "x-amzn-errortype": error.code,
    }
    body = json.dumps({"Type": "User", "Message": str(error)}).encode()
    return Answer(error.status, headers, body)
