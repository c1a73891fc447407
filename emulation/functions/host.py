"""Runs functions on request, in warm processes, as Lambda's Invoke does."""

from __future__ import annotations

import shutil
import tempfile
import threading
import uuid
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from botocore.exceptions import ClientError

from emulation.endpoint import Endpoint
from emulation.functions.code import DeployedCode
from emulation.functions.configuration import FunctionConfiguration
from emulation.functions.errors import FunctionHostError
from emulation.functions.event_queue import EventQueue
from emulation.functions.invocation import (
    FunctionReference,
    InvokeRequest,
    InvokeResponse,
    not_found,
    refusal_for_size,
    throttled,
)
from emulation.functions.log_delivery import LogDelivery
from emulation.functions.logs import LogBook, LogSink
from emulation.functions.sandbox import OWN_CLIENT
from emulation.functions.warm import CredentialsForRole, OnInvocation, WarmFunction

_CLOSE_SECONDS: Final = 10.0


class FunctionHost:
    """The functions of an AWS-compatible endpoint, run on this machine.

    At each invocation, the endpoint's Lambda API says what the function's package, handler,
    variables, limits and role are. Safe for any number of threads. A context manager.

    Parameters
    ----------
    endpoint
        Where the functions were created, with the operator's credentials. The functions use the
        same endpoint as AWS.
    packages
        Folder with the zip files that the functions were created from, for example
        ``build/lambda/local``.
    credentials_for_role
        Returns the credentials of a function's role. Called when a process is started.
    concurrency
        The most invocations of one function at a time. A function can reserve fewer.
    log_sink
        Called with each line of each function's log.
    on_invocation
        Called after each invocation with the function's name and the answer, or None if the
        function's limit of concurrency was reached.
    runtime_client
        Folder with the runtime client that runs the functions: a package ``awslambdaric``, AWS's
        own or the project's, and what it imports. Functions can import what is in this folder.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        packages: Path,
        credentials_for_role: CredentialsForRole,
        *,
        concurrency: int = 10,
        log_sink: LogSink | None = None,
        on_invocation: OnInvocation = lambda name, answer: None,
        runtime_client: Path = OWN_CLIENT,
    ) -> None:
        self._endpoint = endpoint
        self._lambda = endpoint.client("lambda")
        self._credentials_for_role = credentials_for_role
        self._concurrency = concurrency
        self._runtime_client = runtime_client
        self._on_invocation = on_invocation
        self._log_delivery = LogDelivery()
        self._log_book = LogBook(log_sink, self._log_delivery)
        self._folder = Path(tempfile.mkdtemp(prefix="dmd-functions-")).resolve()
        self._code = DeployedCode(packages, self._folder / "code")
        self._lock = threading.Lock()
        self._functions: dict[str, WarmFunction] = {}
        self._events = EventQueue(self._lambda, endpoint, credentials_for_role, concurrency)
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def unpack(self) -> None:
        """Unpack the functions' packages now; otherwise each is unpacked when it is first needed.

        Raises
        ------
        CannotWriteError
            The disk is full.
        """
        self._code.unpack()

    def invoke(self, request: InvokeRequest) -> InvokeResponse:
        """Run a function once, and answer as Lambda's Invoke does.

        An event (``invocation_type="Event"``) is accepted at once and run in the background. It is
        repeated if it fails. `outcome` returns the result.

        Raises
        ------
        FunctionHostError
            The host is closed, or the function's package is not among ``packages``.
        """
        refusal = refusal_for_size(request)
        if refusal is not None:
            return refusal
        configuration = self._configuration(request)
        if configuration is None:
            return not_found(request.function_name)
        function = self._function(configuration)
        # A missing package must be an error for the caller. In the background nobody would see it.
        self._code.task_root(configuration.code_sha256)
        payload, request_id = request.payload or b"{}", str(uuid.uuid4())
        if request.invocation_type == "Event":
            self._events.submit(function, configuration, payload, request_id)
            version = configuration.version
            return InvokeResponse(202, b"", executed_version=version, request_id=request_id)
        return function.invoke(configuration, payload, request_id) or throttled()

    def outcome(self, request_id: str) -> InvokeResponse:
        """Wait until an event is finished, and return the answer of its last run.

        This works once for each event. Lambda has no such call.

        Raises
        ------
        FunctionHostError
            There is no such event, its outcome was returned before, or it could not be run.
        """
        return self._events.outcome(request_id)

    def flush_logs(self) -> None:
        """Wait until all log lines so far are in CloudWatch Logs."""
        self._log_delivery.flush()

    def logs(self, function_name: str) -> list[str]:
        """Return the last log lines of a function, oldest first."""
        return self._log_book.lines(function_name)

    def processes(self, function_name: str) -> tuple[int, ...]:
        """Return the ids of a function's processes, idle or busy."""
        with self._lock:
            function = self._functions.get(function_name)
        return function.processes() if function else ()

    def runtime_clients(self, function_name: str) -> frozenset[str]:
        """Return the user agents of the runtime clients in a function's processes."""
        with self._lock:
            function = self._functions.get(function_name)
        return function.runtime_clients() if function else frozenset()

    def close(self) -> None:
        """End all processes, even busy ones, and remove their folders."""
        with self._lock:
            self._is_closed = True
            functions = list(self._functions.values())
        self._events.stop()
        for function in functions:
            function.close(timeout=_CLOSE_SECONDS)
        self._events.join()
        self._log_delivery.close()
        self._code.remove()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _configuration(self, request: InvokeRequest) -> FunctionConfiguration | None:
        reference = FunctionReference.parse(request.function_name, request.qualifier)
        if reference is None:
            return None
        qualifier = {"Qualifier": reference.qualifier} if reference.qualifier else {}
        try:
            response = self._lambda.get_function(FunctionName=reference.name, **qualifier)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        configuration = FunctionConfiguration.from_response(response)
        return configuration if reference.names(configuration.arn) else None

    def _function(self, configuration: FunctionConfiguration) -> WarmFunction:
        with self._lock:
            if self._is_closed:
                raise FunctionHostError(f"{configuration.name} cannot run: its host is closed")
            if configuration.name not in self._functions:
                self._functions[configuration.name] = WarmFunction(
                    code=self._code,
                    endpoint=self._endpoint,
                    credentials_for_role=self._credentials_for_role,
                    concurrency=self._concurrency,
                    folder=self._folder,
                    log_book=self._log_book,
                    runtime_client=self._runtime_client,
                    on_invocation=self._on_invocation,
                )
            return self._functions[configuration.name]
