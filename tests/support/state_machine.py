"""Runs a state machine's definition with an interpreter that nobody here wrote.

It is moto's, which the authors of LocalStack wrote. Calls of AWS services are really done, at an
endpoint. moto has no task of Athena: a query goes to a function, which has to run it to its end.
Waits are written down and not waited for. Which executions run the interpreter itself
answers, because moto's list knows none of these.

Two things are as on AWS and not as in moto: the names of errors begin with a capital letter
(``S3.NoSuchKeyException``), and a body that is a JSON value is sent as JSON.
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest import mock

from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from jsonpath_ng.ext import parse  # type: ignore[attr-defined]
from moto.stepfunctions.parser.api import StateMachineType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.component import Component
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import (
    WaitFunction,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import (
    AWSExecutionDetails,
    EvaluationDetails,
    ExecutionDetails,
    StateMachineDetails,
)
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.backend.execution_worker import SyncExecutionWorker
from moto.stepfunctions.parser.backend.execution_worker_comm import ExecutionWorkerCommunication

from emulation.endpoint import Endpoint

StateTaskServiceAwsSdk = state_task_service_aws_sdk.StateTaskServiceAwsSdk

ACCOUNT, REGION = "123456789012", "us-east-1"

_ROLE = f"arn:aws:iam::{ACCOUNT}:role/refresh"
_NAMES = {"s3": "S3", "glue": "Glue", "sfn": "Sfn"}


class QueryFailed(Exception):
    """A query ended without success; the text is the engine's reason."""


class Killed(Exception):
    """What a `Watch` raises to end the execution there, without any further call."""


@dataclass(frozen=True)
class Task:
    """A call that a state makes.

    Parameters
    ----------
    state
        The state's name.
    operation
        For example ``s3:getObject``.
    parameters
        The parameters, evaluated.
    """

    state: str
    operation: str
    parameters: Mapping[str, Any]


Watch = Callable[[Task, Callable[[], Any]], Any]
"""Gets each call before it is made, makes it, and returns its answer. What it raises of botocore's
errors is the call's error."""


def _make(task: Task, call: Callable[[], Any]) -> Any:
    return call()


@dataclass(frozen=True)
class Outcome:
    """How an execution ended.

    Parameters
    ----------
    status
        ``SUCCEEDED``, ``FAILED`` or ``ABORTED``.
    error, cause
        Of a failure, else empty.
    tasks
        The calls that were made, in order, each attempt for itself.
    waits
        The seconds to wait, in retries and as states, in order. Nobody waited.
    """

    status: str
    error: str
    cause: str
    tasks: tuple[Task, ...]
    waits: tuple[float, ...]

    @property
    def states(self) -> list[str]:
        """The names of the states that made calls, in order."""
        return [task.state for task in self.tasks]


@dataclass
class _Run:
    watch: Watch
    tasks: list[Task] = field(default_factory=list)
    killed: bool = False
    ended: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, task: Task, call: Callable[[], Any]) -> Any:
        """Let a call be made, as long as the execution lives."""
        try:
            with self.lock:
                if self.killed:
                    raise Killed
                self.tasks.append(task)
            return self.watch(task, call)
        except Killed:
            self.killed = True
            raise


@dataclass
class Interpreter:
    """Runs executions; `interpreter` makes it.

    Parameters
    ----------
    endpoint
        Where the calls of AWS services go.
    query
        Runs an Athena query to its end: takes its text and the database of bare names. It raises
        `QueryFailed` for one that fails.
    """

    endpoint: Endpoint
    query: Callable[[str, str], None]
    _runs: dict[str, _Run] = field(default_factory=dict)
    _waits: list[float] = field(default_factory=list)
    _programs: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Return the client for the calls of a service. Executions share it."""
        return self.endpoint.client(service, attempts=1)

    def run(
        self,
        definition: Mapping[str, Any],
        *,
        name: str,
        started: dt.datetime,
        given: Mapping[str, Any] | None = None,
        watch: Watch = _make,
    ) -> Outcome:
        """Run an execution to its end.

        Parameters
        ----------
        definition
            In the Amazon States Language, as JSON values.
        name
            The execution's name; no two are alike.
        started
            When the execution says that it has started.
        given
            Its input.
        watch
            Is handed each call.
        """
        run = _Run(watch)
        first_wait = len(self._waits)
        arn = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:refresh:{name}"
        self._runs[arn] = run
        worker = _Worker(
            self._programs,
            EvaluationDetails(
                AWSExecutionDetails(ACCOUNT, REGION, _ROLE),
                ExecutionDetails(arn, name, _ROLE, dict(given or {}), _moment(started)),
                StateMachineDetails(
                    f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:refresh",
                    "refresh",
                    StateMachineType.STANDARD,
                    json.dumps(definition),
                ),
            ),
        )
        try:
            worker.start()  # type: ignore[no-untyped-call]
        finally:
            run.ended = True
        assert worker.env is not None
        state = worker.env.program_state()
        failure: Any = (isinstance(state, ProgramError) and state.error) or {}
        ended = "SUCCEEDED" if isinstance(state, ProgramEnded) else "FAILED"
        return Outcome(
            "ABORTED" if run.killed else ended,
            str(failure.get("error") or ""),
            str(failure.get("cause") or ""),
            tuple(run.tasks),
            tuple(self._waits[first_wait:]),
        )

    def call(self, env: Environment, operation: str, parameters: Any, call: Any) -> Any:
        """Make a call of an execution that runs."""
        context: Any = env.states.context_object.context_object_data
        task = Task(context["State"]["Name"], operation, parameters)
        return self._runs[context["Execution"]["Id"]].call(task, call)

    def running(self) -> dict[str, Any]:
        """Return the executions that run, the newest first, as ListExecutions does."""
        arns = [arn for arn, run in self._runs.items() if not run.ended and not run.killed]
        return {"Executions": [{"ExecutionArn": arn} for arn in reversed(arns)]}

    def task_for(self, service_name: str) -> StateTaskServiceAwsSdk:
        """Return what does the tasks of a service."""
        if service_name == "athena":
            return _AthenaTask(self)
        assert service_name == "aws-sdk"
        return _SdkTask(self)

    def wait(self, seconds: float) -> None:
        """Write a wait down."""
        self._waits.append(seconds)


@contextmanager
def interpreter(endpoint: Endpoint, query: Callable[[str, str], None]) -> Iterator[Interpreter]:
    """Prepare moto's interpreter for the tasks that it lacks."""
    # It writes whole definitions for what a state machine catches.
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    made = Interpreter(endpoint, query)
    with ExitStack() as patches:
        for module, name, value in (
            (state_task_factory, "state_task_service_for", made.task_for),
            (retrier_decl, "time", SimpleNamespace(sleep=made.wait)),
            (WaitFunction, "_wait_interval", lambda _, env, wait_seconds: made.wait(wait_seconds)),
            # Each call would make the parser's tables anew.
            (json_path, "parse", cache(parse)),
            # It would show all attributes of a failed state and of all states below, in each thread
            # that fails. Threads that ask for an object's `__dict__` at the same time may get two
            # of one content in Python 3.11, and the garbage collector crashes later.
            (Component, "__str__", object.__repr__),
        ):
            patches.enter_context(mock.patch.object(module, name, value))
        yield made


class _Quiet(ExecutionWorkerCommunication):
    def terminated(self) -> None:
        """Tell nobody."""


class _Worker(SyncExecutionWorker):
    """An execution. A definition is parsed once, which takes most of the time."""

    def __init__(self, programs: dict[str, Any], details: EvaluationDetails) -> None:
        super().__init__(details, _Quiet(), None, {})
        self._programs, self._text = programs, details.state_machine_details.definition

    def _get_evaluation_entrypoint(self) -> Any:
        if self._text not in self._programs:
            self._programs[self._text] = super()._get_evaluation_entrypoint()
        return self._programs[self._text]


class _SdkTask(StateTaskServiceAwsSdk):
    """A call of an AWS service."""

    def __init__(self, made: Interpreter) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._made = made

    @staticmethod
    def _normalise_service_error_name(service_name: str) -> str:
        return _NAMES[service_name]

    def _eval_service_task(
        self,
        env: Environment,
        resource_runtime_part: Any,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,
    ) -> None:
        if self.resource.api_action == "listExecutions":
            listed = self._made.call(
                env, "sfn:listExecutions", normalised_parameters, self._made.running
            )
            env.stack.append(listed)
            return
        client = self._made.client(self._get_boto_service_name())
        operation = f"{self.resource.api_name}:{self.resource.api_action}"
        action = getattr(client, self._get_boto_service_action())
        sent = {
            name: json.dumps(value, separators=(",", ":")) if name == "Body" else value
            for name, value in normalised_parameters.items()
        }
        answer = self._made.call(env, operation, normalised_parameters, lambda: action(**sent))
        env.stack.append(_as_json({k: v for k, v in answer.items() if k != "ResponseMetadata"}))


class _AthenaTask(StateTaskServiceAwsSdk):
    """A query that is run to its end.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-athena.html
    """

    def __init__(self, made: Interpreter) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._made = made

    def _is_integration_pattern(self) -> bool:
        # moto would wait for the end by itself, for services that it knows.
        assert self.resource.resource_arn == "arn:aws:states:::athena:startQueryExecution.sync"
        return False

    def _from_error(self, env: Environment, ex: Exception) -> FailureEvent:
        if isinstance(ex, QueryFailed):
            status = {"State": "FAILED", "StateChangeReason": str(ex)}
            cause = json.dumps({"Status": status})
            return self._get_task_failure_event(env, "States.TaskFailed", cause)
        if isinstance(ex, ClientError):
            error = ex.response["Error"]
            name = f"Athena.{error['Code']}"
            return self._get_task_failure_event(env, name, error["Message"])
        return super()._from_error(env, ex)

    def _eval_service_task(
        self,
        env: Environment,
        resource_runtime_part: Any,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,
    ) -> None:
        sql = normalised_parameters["QueryString"]
        database = normalised_parameters["QueryExecutionContext"]["Database"]
        self._made.call(
            env,
            "athena:startQueryExecution",
            normalised_parameters,
            lambda: self._made.query(sql, database),
        )
        env.stack.append({"QueryExecution": {"Query": sql, "Status": {"State": "SUCCEEDED"}}})


def _as_json(value: Any) -> Any:
    """An answer of botocore as the task's result has it."""
    match value:
        case dict():
            return {name: _as_json(each) for name, each in value.items()}
        case list():
            return [_as_json(each) for each in value]
        case StreamingBody():
            return value.read().decode()
        case dt.datetime():
            return _moment(value)
    return value


def _moment(moment: dt.datetime) -> str:
    utc = moment.astimezone(dt.UTC)
    return utc.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
