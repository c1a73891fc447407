"""How an event becomes the handler's argument, and how what it returns becomes an answer."""

from __future__ import annotations

import json
from typing import Any

from .lambda_runtime_exception import FaultException


class LambdaMarshaller:
    """Reads and writes JSON."""

    def unmarshal_request(self, request: Any, content_type: str | None = "application/json") -> Any:
        """Return the handler's argument.

        Parameters
        ----------
        request
            The event's payload, as bytes.
        content_type
            What the payload is. Only JSON is read; anything else is handed on as it is.

        Raises
        ------
        FaultException
            The payload is not JSON.
        """
        if content_type != "application/json":
            return request
        try:
            return json.loads(request)
        except Exception as error:
            message = f"Unable to unmarshal input: {error}"
            raise FaultException("Runtime.UnmarshalError", message) from error

    def marshal_response(self, response: Any) -> tuple[str | bytes, str]:
        """Return the answer and its content type; bytes are an answer already.

        Raises
        ------
        FaultException
            JSON has no such value.
        """
        if isinstance(response, bytes):
            return response, "application/unknown"
        try:
            return json.dumps(response, ensure_ascii=False), "application/json"
        except Exception as error:
            message = f"Unable to marshal response: {error}"
            raise FaultException("Runtime.MarshalError", message) from error
