"""Runs the events of asynchronous invocations in the background."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from botocore.exceptions import ClientError

from emulation.endpoint import Endpoint
from emulation.functions.configuration import FunctionConfiguration
from emulation.functions.errors import FunctionHostError
from emulation.functions.events import event_settings, failure_record, send_record
from emulation.functions.invocation import InvokeResponse
from emulation.functions.warm import CredentialsForRole, WarmFunction

_LOG: Final = logging.getLogger(__name__)
_THROTTLED_SECONDS: Final = 0.1
_KEPT_OUTCOMES: Final = 1000


class EventQueue:
    """Runs events, and repeats those that fail. What fails every time is sent to a destination.

    Safe for any number of threads.

    Parameters
    ----------
    lambda_client
        Reads the functions' event invoke configurations, as the operator.
    endpoint, credentials_for_role, concurrency
        Those of `FunctionHost`.
    """

    def __init__(
        self,
        lambda_client: Any,
        endpoint: Endpoint,
        credentials_for_role: CredentialsForRole,
        concurrency: int,
    ) -> None:
        self._lambda = lambda_client
        self._endpoint = endpoint
        self._credentials_for_role = credentials_for_role
        self._runs = ThreadPoolExecutor(concurrency, thread_name_prefix="lambda-event")
        self._outcomes: dict[str, Future[InvokeResponse | None]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def submit(
        self,
        function: WarmFunction,
        configuration: FunctionConfiguration,
        payload: bytes,
        request_id: str,
    ) -> None:
        """Take an event."""
        run = self._runs.submit(self._run, function, configuration, payload, request_id)
        with self._lock:
            self._outcomes[request_id] = run
            while len(self._outcomes) > _KEPT_OUTCOMES:
                del self._outcomes[next(iter(self._outcomes))]

    def outcome(self, request_id: str) -> InvokeResponse:
        """Wait until an event is finished; see `FunctionHost.outcome`."""
        with self._lock:
            run = self._outcomes.pop(request_id, None)
        response = run.result() if run else None
        if response is None:
            raise FunctionHostError(f"there is no outcome of the event {request_id}")
        return response

    def stop(self) -> None:
        """Start no more runs."""
        self._stopped.set()
        self._runs.shutdown(wait=False, cancel_futures=True)

    def join(self) -> None:
        """Wait for the runs that have started."""
        self._runs.shutdown(wait=True)

    def _run(
        self,
        function: WarmFunction,
        configuration: FunctionConfiguration,
        payload: bytes,
        request_id: str,
    ) -> InvokeResponse | None:
        try:
            settings = event_settings(self._lambda, configuration.name)
            response: InvokeResponse | None = None
            # Lambda waits a minute before the first retry and two before the second.
            for _ in range(1 + settings.retries):
                response = self._run_once(function, configuration, payload, request_id)
                if response is None or response.function_error is None:
                    return response
            if settings.on_failure and response:
                record = failure_record(
                    configuration,
                    payload,
                    response,
                    request_id=request_id,
                    attempts=1 + settings.retries,
                )
                self._tell(configuration, settings.on_failure, record)
            return response
        except Exception:
            # Nobody may be waiting for this event, so that an exception would not be seen.
            if not self._stopped.is_set():
                _LOG.exception("an event for %s could not be run", configuration.name)
            return None

    def _run_once(
        self,
        function: WarmFunction,
        configuration: FunctionConfiguration,
        payload: bytes,
        request_id: str,
    ) -> InvokeResponse | None:
        # Lambda keeps an event in a queue, for up to six hours, while the function is throttled.
        while (response := function.invoke(configuration, payload, request_id)) is None:
            if self._stopped.wait(_THROTTLED_SECONDS):
                return None
        return response

    def _tell(self, configuration: FunctionConfiguration, destination: str, record: str) -> None:
        credentials = self._credentials_for_role(configuration.role, configuration.arn)
        try:
            send_record(self._endpoint.with_credentials(credentials), destination, record)
        except (ClientError, FunctionHostError) as error:
            _LOG.warning(
                "the record of a failed event of %s is lost: %s", configuration.name, error
            )
