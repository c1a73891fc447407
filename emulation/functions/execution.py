"""An execution environment: a function's process, its role's credentials and its log stream.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import tempfile
import time
import uuid
from pathlib import Path
from typing import Final

from emulation.endpoint import Endpoint
from emulation.functions.configuration import FunctionConfiguration, process_environment
from emulation.functions.invocation import MAX_RESPONSE_BYTES, InvokeResponse, error_payload
from emulation.functions.logs import InvocationLog, LogBook, report_line
from emulation.functions.outcome import Answer, Ending
from emulation.functions.runtime_api import Event
from emulation.functions.sandbox import Sandbox

# Lambda allows ten seconds for loading the handler. If that is not enough, it starts again and
# allows the function's timeout.
_INIT_SECONDS: Final = 10.0


class ExecutionEnvironment:
    """Runs the invocations of a function in one process, one after the other.

    Only `kill`, `pid`, `is_alive` and `runtime_client` may be used by two threads at a time.

    Parameters
    ----------
    endpoint
        The local AWS, with the credentials of the function's role.
    task_root
        Folder with the unpacked package.
    folder
        A folder for the process is made in it.
    runtime_client
        Folder of the runtime client, as `FunctionHost` takes it.
    """

    def __init__(
        self,
        configuration: FunctionConfiguration,
        *,
        endpoint: Endpoint,
        task_root: Path,
        folder: Path,
        log_book: LogBook,
        runtime_client: Path,
    ) -> None:
        self.configuration = configuration
        self._log_book = log_book
        self._log_stream = (
            f"{time.strftime('%Y/%m/%d', time.gmtime())}/"
            f"[{configuration.version}]{uuid.uuid4().hex}"
        )
        log_book.open(
            configuration.log_group, self._log_stream, lambda: endpoint.client("logs", attempts=2)
        )
        scratch = Path(tempfile.mkdtemp(dir=folder, prefix="tmp-"))
        self._sandbox = Sandbox(
            task_root=task_root,
            environment=process_environment(
                configuration,
                endpoint=endpoint,
                log_stream=self._log_stream,
                task_root=task_root,
                scratch=scratch,
            ),
            scratch=scratch,
            memory_bytes=configuration.memory_bytes,
            runtime_client=runtime_client,
        )
        self._is_loaded = False

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._sandbox.pid

    @property
    def runtime_client(self) -> str | None:
        """The user agent of the runtime client; None before it has loaded the handler."""
        return self._sandbox.runtime_client

    @property
    def is_alive(self) -> bool:
        """Whether the process is still running."""
        return self._sandbox.is_alive

    def kill(self) -> None:
        """End the process, even during an invocation."""
        self._sandbox.kill()

    def close(self) -> None:
        """End the process and remove its folder."""
        self._sandbox.close()

    def invoke(self, payload: bytes, request_id: str) -> tuple[InvokeResponse, bool]:
        """Run the handler on one event.

        Returns
        -------
        tuple
            The answer, and whether the environment can run another event.
        """
        configuration = self.configuration
        log = InvocationLog(
            self._log_book,
            function_name=configuration.name,
            log_group=configuration.log_group,
            log_stream=self._log_stream,
            request_id=request_id,
        )
        outcome, init_seconds = self._load(log)
        log.line(f"START RequestId: {request_id} Version: {configuration.version}")
        started = time.monotonic()
        if outcome is None:
            outcome = self._handle(payload, request_id, log)
        seconds = time.monotonic() - started
        failure, body = self._failure(outcome, request_id, log)
        log.line(f"END RequestId: {request_id}")
        log.line(
            report_line(
                request_id,
                seconds=seconds,
                init_seconds=init_seconds,
                memory_megabytes=configuration.memory_megabytes,
                used_bytes=self._sandbox.used_bytes,
                failure=failure,
            )
        )
        succeeded = isinstance(outcome, Answer) and outcome.kind == "response"
        response = InvokeResponse(
            status=200,
            payload=body,
            function_error=None if succeeded else "Unhandled",
            executed_version=configuration.version,
            log_tail=log.tail,
            request_id=request_id,
        )
        return response, isinstance(outcome, Answer) and outcome.kind != "init/error"

    def _load(self, log: InvocationLog) -> tuple[Answer | Ending | None, float | None]:
        """Wait until the handler is loaded; return what went wrong, and the seconds it took."""
        if self._is_loaded:
            return None, None
        started = time.monotonic()
        timeout = _INIT_SECONDS + self.configuration.timeout_seconds
        outcome = self._sandbox.load(timeout=timeout, write_log=log.write)
        self._is_loaded = isinstance(outcome, Answer) and outcome.kind == "ready"
        return None if self._is_loaded else outcome, time.monotonic() - started

    def _handle(self, payload: bytes, request_id: str, log: InvocationLog) -> Answer | Ending:
        timeout = self.configuration.timeout_seconds
        event = Event(
            request_id=request_id,
            function_arn=self.configuration.arn,
            deadline=time.time_ns() // 1_000_000 + timeout * 1000,
            payload=payload,
        )
        return self._sandbox.invoke(event, timeout=timeout, write_log=log.write)

    def _failure(
        self, outcome: Answer | Ending, request_id: str, log: InvocationLog
    ) -> tuple[str | None, bytes]:
        """Return the type of the error, if Lambda answers and not the runtime, and the answer."""
        if isinstance(outcome, Answer):
            return None, outcome.body
        if outcome is Ending.ANSWER_TOO_LARGE:
            error_type = "Function.ResponseSizeTooLarge"
            message = (
                "Response payload size exceeded maximum allowed payload size "
                f"({MAX_RESPONSE_BYTES} bytes)."
            )
        else:
            error_type, reason = {
                Ending.TIMED_OUT: (
                    "Sandbox.Timedout",
                    f"Task timed out after {self.configuration.timeout_seconds:.2f} seconds",
                ),
                Ending.OUT_OF_MEMORY: (
                    "Runtime.OutOfMemory",
                    "Runtime exited with error: signal: killed",
                ),
                Ending.EXITED: ("Runtime.ExitError", self._sandbox.how_it_exited()),
            }[outcome]
            message = f"RequestId: {request_id} Error: {reason}"
        log.line(f"{message} {error_type}")
        return error_type, error_payload(error_type, message)
