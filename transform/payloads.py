"""Invocation payloads as bytes, where Lambda's managed runtime would make JSON values of them.

The runtime parses each payload with simplejson before the handler is called, and writes what the
handler returns: more work than the transform's own. Its client has a place for functions that
would rather do that themselves: ``LambdaRuntimeClient.marshaller``, "a class attribute that
determines the unmarshalling and marshalling logic of a function's event and response. It allows
for function authors to override the default implementation"
(https://github.com/aws/aws-lambda-python-runtime-interface-client,
awslambdaric/lambda_runtime_client.py). See docs/decisions/payloads-as-bytes.md.
"""

from __future__ import annotations

import sys
from typing import Any

_CLIENT = "awslambdaric.lambda_runtime_client"


def take_payloads_as_bytes() -> bool:
    """Have the runtime hand payloads over as they are, if it is one that can; say whether it is.

    Elsewhere (another runtime, a test, an emulator) the handler is called with JSON values as ever.
    """
    # The managed runtime has imported its client before it imports a handler.
    client: Any = getattr(sys.modules.get(_CLIENT), "LambdaRuntimeClient", None)
    default = getattr(client, "marshaller", None)
    if not (hasattr(default, "unmarshal_request") and hasattr(default, "marshal_response")):
        return False
    client.marshaller = _AsBytes(default)
    return True


class _AsBytes:
    """The marshaller of a function whose events and answers are bytes."""

    def __init__(self, default: Any) -> None:
        self._default = default

    def unmarshal_request(self, request: Any, content_type: str | None = None) -> bytes:
        """Return an invocation's payload as it came."""
        return request if isinstance(request, bytes) else str(request).encode()

    def marshal_response(self, response: Any) -> tuple[Any, str]:
        """Return what to answer, and its content type."""
        if isinstance(response, bytes):
            return response, "application/json"
        content: tuple[Any, str] = self._default.marshal_response(response)
        return content
