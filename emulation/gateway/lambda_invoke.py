"""Lambda's Invoke over HTTP: the request to a function host, and its answer."""

from __future__ import annotations

import base64
from collections.abc import Callable

from emulation.functions.invocation import InvocationType, InvokeRequest, InvokeResponse
from emulation.gateway.api_call import ApiCall
from emulation.gateway.faults import Answer
from emulation.gateway.resource_rules import function_name

# X-Amz-Log-Result holds the last 4 KB of the log.
_LOG_TAIL_BYTES = 4096


LambdaInvoke = Callable[[InvokeRequest], InvokeResponse]
"""Carries out an authorized Invoke; it returns a refusal, too, as a response."""


def invoke_request(call: ApiCall) -> InvokeRequest:
    """Return what an Invoke call asks for."""
    name, qualifier = function_name(str(call.parameters["FunctionName"]))
    kind: InvocationType = call.parameters.get("InvocationType", "RequestResponse")
    return InvokeRequest(name, call.body, call.parameters.get("Qualifier") or qualifier, kind)


def invoke_answer(call: ApiCall, response: InvokeResponse) -> Answer:
    """Return the HTTP answer that Lambda would give."""
    headers: dict[str, str] = {
        "Content-Type": "application/json",
        "X-Amz-Executed-Version": response.executed_version,
        "x-amzn-RequestId": response.request_id,
    }
    if response.function_error is not None:
        headers["X-Amz-Function-Error"] = response.function_error
    if call.parameters.get("LogType") == "Tail":
        tail = base64.b64encode(response.log_tail[-_LOG_TAIL_BYTES:])
        headers["X-Amz-Log-Result"] = tail.decode("ascii")
    return Answer(response.status, headers, response.payload)
