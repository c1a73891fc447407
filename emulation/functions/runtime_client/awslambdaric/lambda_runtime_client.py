"""The runtime's side of the Runtime API.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .lambda_runtime_marshaller import LambdaMarshaller

_VERSION = "/2018-06-01/runtime"


@dataclass(frozen=True)
class InvocationRequest:
    """One event, with what the Runtime API says about it.

    Parameters
    ----------
    invoke_id
        The request id, with which the answer is posted.
    x_amzn_trace_id
        X-Ray's tracing header.
    deadline_time_in_ms
        Milliseconds since 1970.
    """

    invoke_id: str
    x_amzn_trace_id: str | None
    invoked_function_arn: str
    deadline_time_in_ms: int
    content_type: str | None
    event_body: bytes


class LambdaRuntimeClient:
    """Asks for events and posts answers.

    Parameters
    ----------
    lambda_runtime_address
        Host and port.
    """

    marshaller: Any = LambdaMarshaller()
    """A function may put another one here, as it may with AWS's client."""

    def __init__(self, lambda_runtime_address: str) -> None:
        self._connection = http.client.HTTPConnection(lambda_runtime_address)

    def wait_next_invocation(self) -> InvocationRequest:
        """Wait for an event, as long as it takes."""
        fields, body = self._call("GET", "/invocation/next", None, {})
        return InvocationRequest(
            invoke_id=fields["Lambda-Runtime-Aws-Request-Id"],
            x_amzn_trace_id=fields.get("Lambda-Runtime-Trace-Id"),
            invoked_function_arn=fields["Lambda-Runtime-Invoked-Function-Arn"],
            deadline_time_in_ms=int(fields["Lambda-Runtime-Deadline-Ms"]),
            content_type=fields.get("Content-Type"),
            event_body=body,
        )

    def post_invocation_result(
        self, invoke_id: str, result_data: str | bytes, content_type: str = "application/json"
    ) -> None:
        """Post what the function answered."""
        body = result_data if isinstance(result_data, bytes) else result_data.encode()
        path = f"/invocation/{invoke_id}/response"
        self._call("POST", path, body, {"Content-Type": content_type})

    def post_invocation_error(self, invoke_id: str, error: Mapping[str, Any]) -> None:
        """Post the error that an invocation ended with."""
        self._call("POST", f"/invocation/{invoke_id}/error", json.dumps(error).encode(), {})

    def post_init_error(self, error: Mapping[str, Any]) -> None:
        """Post the error for which the handler could not be loaded."""
        self._call("POST", "/init/error", json.dumps(error).encode(), {})

    def _call(
        self, method: str, path: str, body: bytes | None, fields: Mapping[str, str]
    ) -> tuple[http.client.HTTPMessage, bytes]:
        headers = {"User-Agent": "dmd-pipeline", **fields}
        self._connection.request(method, _VERSION + path, body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        if response.status not in (200, 202):
            raise RuntimeError(f"{method} {path} was answered with {response.status}: {answer!r}")
        return response.headers, answer
