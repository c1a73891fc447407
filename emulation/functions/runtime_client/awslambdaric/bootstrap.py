"""Loads a handler and calls it, once for each event."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

from .lambda_context import LambdaContext
from .lambda_runtime_client import InvocationRequest, LambdaRuntimeClient
from .lambda_runtime_exception import FaultException

Handler = Callable[[Any, LambdaContext], Any]

_NO_BREAK_SPACE = "\u00a0"


class LambdaLoggerHandler(logging.Handler):
    """Writes log records as Lambda's text format has them."""

    request_id = ""

    def __init__(self) -> None:
        super().__init__()
        formatter = logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s",
            "%Y-%m-%dT%H:%M:%S",
        )
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        record.aws_request_id = self.request_id
        sys.stdout.write(f"{self.format(record)}\n")


def run(handler: str, client: LambdaRuntimeClient) -> None:
    """Load a handler, and call it for each event until the process is ended."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    log = LambdaLoggerHandler()
    logging.getLogger().addHandler(log)
    try:
        function = load(handler)
    except Exception as error:
        described = describe(error, "")
        _flush()
        client.post_init_error(described)
        sys.exit(1)
    while True:
        event = client.wait_next_invocation()
        log.request_id = event.invoke_id
        if event.x_amzn_trace_id:
            os.environ["_X_AMZN_TRACE_ID"] = event.x_amzn_trace_id
        handle(client, function, event)


def handle(client: LambdaRuntimeClient, function: Handler, event: InvocationRequest) -> None:
    """Call the handler with one event, and post what comes of it."""
    context = LambdaContext(event.invoke_id, event.invoked_function_arn, event.deadline_time_in_ms)
    try:
        argument = client.marshaller.unmarshal_request(event.event_body, event.content_type)
        returned = function(argument, context)
        # Looked up only now: the handler may have put another marshaller there.
        answer, content_type = client.marshaller.marshal_response(returned)
    except Exception as error:
        described = describe(error, event.invoke_id)
        _flush()
        client.post_invocation_error(event.invoke_id, described)
    else:
        _flush()
        client.post_invocation_result(event.invoke_id, answer, content_type)


def load(handler: str) -> Handler:
    """Return the function that ``handler`` names.

    Raises
    ------
    FaultException
        There is no such function.
    Exception
        Whatever the function's module raises.
    """
    module_name, dot, function_name = handler.rpartition(".")
    if not dot:
        raise FaultException("Runtime.MalformedHandlerName", f"Bad handler '{handler}': no module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        raise FaultException("Runtime.ImportModuleError", message) from error
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        raise FaultException("Runtime.UserCodeSyntaxError", message) from error
    try:
        function: Handler = getattr(module, function_name)
    except AttributeError as error:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise FaultException("Runtime.HandlerNotFound", message) from error
    return function


def describe(error: Exception, request_id: str) -> dict[str, Any]:
    """Return Lambda's error object for ``error``, and log it as Lambda does."""
    stack: list[str] = []
    error_type = type(error).__name__
    if isinstance(error, FaultException):
        error_type = error.exception_type
    else:
        stack = traceback.format_list(_frames_of_function(error.__traceback__))
    lines = [f"[ERROR] {error_type}: {error}", "Traceback (most recent call last):"]
    for line in "".join(stack).splitlines():
        text = line.lstrip(" ")
        lines.append(_NO_BREAK_SPACE * (len(line) - len(text)) + text)
    # One event in CloudWatch Logs: a carriage return does not end a line there.
    sys.stdout.write("\r".join(lines) + "\n")
    return {
        "errorMessage": str(error),
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": stack,
    }


def _frames_of_function(trace: TracebackType | None) -> list[traceback.FrameSummary]:
    frames = traceback.extract_tb(trace)
    while frames and frames[0].filename == __file__:
        del frames[0]
    return list(frames)


def _flush() -> None:
    """Have in the log's pipe whatever the function has written, before its answer is posted."""
    sys.stdout.flush()
    sys.stderr.flush()
