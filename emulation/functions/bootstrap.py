"""What runs in a function's process: Lambda's Python runtime, over pipes instead of HTTP.

Started by `emulation.functions.sandbox` with nothing importable but the standard library, so this
file imports nothing else. Messages are framed the same way in both directions: two big-endian
32-bit lengths, a header as JSON, a body. The first message goes out when the handler has been
loaded (or could not be); after that each request gets one answer. What the function prints goes
to standard output and error, which are its log.

    bootstrap.py <file descriptor of requests> <… of answers> <… of the lifeline>
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import signal
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, BinaryIO

_LENGTHS = struct.Struct(">II")


class Fault(Exception):
    """Something that the runtime, not the function, finds wrong."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


class Identity:
    """Who called through a mobile app: nobody."""

    cognito_identity_id = None
    cognito_identity_pool_id = None


class Context:
    """What Lambda tells the handler about the invocation.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    def __init__(self, request_id: str, function_arn: str, deadline: int) -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = function_arn
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.client_context = None
        self.identity = Identity()
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""
        return max(0, self._deadline - time.time_ns() // 1_000_000)

    def log(self, message: object) -> None:
        """Write to the function's log."""
        sys.stdout.write(str(message))


class LogHandler(logging.Handler):
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


def load(handler: str) -> Callable[[Any, Context], Any]:
    """Return the function that ``handler`` (``package.module.function``) names."""
    module_name, dot, function_name = handler.rpartition(".")
    if not dot:
        raise Fault("Runtime.MalformedHandlerName", f"Bad handler '{handler}': no module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        raise Fault("Runtime.ImportModuleError", message) from error
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        raise Fault("Runtime.UserCodeSyntaxError", message) from error
    try:
        function: Callable[[Any, Context], Any] = getattr(module, function_name)
    except AttributeError as error:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise Fault("Runtime.HandlerNotFound", message) from error
    return function


def run(handler: Callable[[Any, Context], Any], payload: bytes, context: Context) -> bytes:
    """Return the handler's answer to one event, as Lambda would send it on."""
    try:
        event = json.loads(payload)
    except ValueError as error:
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from error
    answer = handler(event, context)
    if isinstance(answer, bytes):
        return answer
    try:
        return json.dumps(answer, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def describe(error: Exception, request_id: str) -> bytes:
    """Return Lambda's error object for ``error``, having logged it as Lambda does."""
    stack: list[str] = []
    error_type = type(error).__name__
    if isinstance(error, Fault):
        error_type = error.error_type
    else:
        stack = traceback.format_list(_frames_of_function(error.__traceback__))
    lines = [f"[ERROR] {error_type}: {error}", "Traceback (most recent call last):", *stack]
    # One event in CloudWatch Logs: a carriage return does not end a line there.
    sys.stdout.write("\r".join(line.rstrip("\n").replace("\n", "\r") for line in lines) + "\n")
    return json.dumps(
        {
            "errorMessage": str(error),
            "errorType": error_type,
            "requestId": request_id,
            "stackTrace": stack,
        }
    ).encode()


def _frames_of_function(trace: TracebackType | None) -> list[traceback.FrameSummary]:
    frames = traceback.extract_tb(trace)
    while frames and frames[0].filename == __file__:
        del frames[0]
    return list(frames)


def _send(answers: BinaryIO, kind: str, body: bytes) -> None:
    # Whatever the function has written must be in the log's pipe before its answer is here.
    sys.stdout.flush()
    sys.stderr.flush()
    header = json.dumps({"kind": kind}).encode()
    answers.write(_LENGTHS.pack(len(header), len(body)) + header)
    answers.write(body)
    answers.flush()


def _end_with_host(lifeline: int) -> None:
    """Wait for the host to close the lifeline, or to die, and end this process and its own."""
    with contextlib.suppress(OSError):
        os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Load the handler and answer requests until there are no more."""
    descriptors = [int(argument) for argument in sys.argv[1:4]]
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    requests, answers = os.fdopen(descriptors[0], "rb"), os.fdopen(descriptors[1], "wb")
    threading.Thread(target=_end_with_host, args=(descriptors[2],), daemon=True).start()
    sys.argv = [""]
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    log_handler = LogHandler()
    logging.getLogger().addHandler(log_handler)
    try:
        handler = load(os.environ["_HANDLER"])
    except Exception as error:
        _send(answers, "init-error", describe(error, ""))
        sys.exit(1)
    _send(answers, "ready", b"")
    while prefix := requests.read(_LENGTHS.size):
        header_length, body_length = _LENGTHS.unpack(prefix)
        header = json.loads(requests.read(header_length))
        request_id = log_handler.request_id = header["request_id"]
        context = Context(request_id, header["function_arn"], header["deadline"])
        try:
            kind, body = "result", run(handler, requests.read(body_length), context)
        except Exception as error:
            kind, body = "error", describe(error, request_id)
        _send(answers, kind, body)


if __name__ == "__main__":
    main()
