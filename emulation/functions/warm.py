"""The execution environments of one function. They stay warm between invocations."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from emulation.endpoint import Credentials, Endpoint
from emulation.functions.code import DeployedCode
from emulation.functions.configuration import FunctionConfiguration
from emulation.functions.errors import FunctionHostError
from emulation.functions.execution import ExecutionEnvironment
from emulation.functions.invocation import InvokeResponse
from emulation.functions.logs import LogBook

OnInvocation = Callable[[str, InvokeResponse | None], None]
"""Called with a function's name and its answer, or None if it was throttled."""

CredentialsForRole = Callable[[str, str], Credentials]
"""Returns credentials of a role, from the ARNs of the role and of the function."""


class WarmFunction:
    """One function. Safe for any number of threads. The parameters are those of `FunctionHost`."""

    def __init__(
        self,
        *,
        code: DeployedCode,
        endpoint: Endpoint,
        credentials_for_role: CredentialsForRole,
        concurrency: int,
        folder: Path,
        log_book: LogBook,
        runtime_client: Path,
        on_invocation: OnInvocation = lambda name, answer: None,
    ) -> None:
        self._code = code
        self._endpoint = endpoint
        self._credentials_for_role = credentials_for_role
        self._concurrency = concurrency
        self._folder = folder
        self._log_book = log_book
        self._runtime_client = runtime_client
        self._on_invocation = on_invocation
        self._changed = threading.Condition()
        self._idle: list[ExecutionEnvironment] = []
        self._busy: set[ExecutionEnvironment] = set()
        self._is_closed = False

    def invoke(
        self, configuration: FunctionConfiguration, payload: bytes, request_id: str
    ) -> InvokeResponse | None:
        """Run the function on one event. Return None if its limit of concurrency is reached."""
        environment = self._acquire(configuration)
        if environment is None:
            self._on_invocation(configuration.name, None)
            return None
        is_reusable = False
        try:
            response, is_reusable = environment.invoke(payload, request_id)
        finally:
            self._release(environment, is_reusable)
        self._on_invocation(configuration.name, response)
        return response

    def processes(self) -> tuple[int, ...]:
        """Return the ids of the processes that are running."""
        with self._changed:
            return tuple(each.pid for each in (*self._idle, *self._busy) if each.is_alive)

    def runtime_clients(self) -> frozenset[str]:
        """Return the user agents of the runtime clients in the processes."""
        with self._changed:
            clients = [each.runtime_client for each in (*self._idle, *self._busy)]
        return frozenset(client for client in clients if client is not None)

    def close(self, timeout: float) -> None:
        """End all processes, and wait at most ``timeout`` seconds for running invocations."""
        with self._changed:
            self._is_closed = True
            idle, self._idle = self._idle, []
            for environment in self._busy:
                environment.kill()
            self._changed.wait_for(lambda: not self._busy, timeout)
        for environment in idle:
            environment.close()

    def _acquire(self, configuration: FunctionConfiguration) -> ExecutionEnvironment | None:
        with self._changed:
            if self._is_closed:
                raise FunctionHostError(f"{configuration.name} cannot run: its host is closed")
            # Do not use a process of an earlier configuration, or one that has ended.
            for environment in list(self._idle):
                if environment.configuration != configuration or not environment.is_alive:
                    self._idle.remove(environment)
                    environment.close()
            if len(self._busy) >= self._limit(configuration):
                return None
            environment = self._idle.pop() if self._idle else self._start(configuration)
            self._busy.add(environment)
            return environment

    def _limit(self, configuration: FunctionConfiguration) -> int:
        reserved = configuration.reserved_concurrency
        return self._concurrency if reserved is None else min(reserved, self._concurrency)

    def _start(self, configuration: FunctionConfiguration) -> ExecutionEnvironment:
        credentials = self._credentials_for_role(configuration.role, configuration.arn)
        return ExecutionEnvironment(
            configuration,
            endpoint=self._endpoint.with_credentials(credentials),
            task_root=self._code.task_root(configuration.code_sha256),
            folder=self._folder,
            log_book=self._log_book,
            runtime_client=self._runtime_client,
        )

    def _release(self, environment: ExecutionEnvironment, is_reusable: bool) -> None:
        with self._changed:
            if is_reusable and not self._is_closed:
                self._busy.remove(environment)
                self._idle.append(environment)
                return
        # It counts as busy until it is closed, so that `close` waits for it.
        environment.close()
        with self._changed:
            self._busy.remove(environment)
            self._changed.notify_all()
