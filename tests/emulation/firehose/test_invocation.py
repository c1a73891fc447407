"""Failed invocations are repeated; an answer is final."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from emulation.firehose.invocation import Answered, GivenUp, TransformFunction
from tests.emulation.firehose.doubles import FUNCTION_ARN, Clock, FakeLambda, client_error


def echo(event: dict[str, Any]) -> Any:
    return {"saw": event}


def event() -> bytes:
    return b'{"records":[]}'


FAILURES: dict[str, tuple[Exception | bytes | str, str]] = {
    "function error": ("FunctionError", "Lambda.FunctionError"),
    "answer above 6 MB": (b'"' + b"x" * 6_291_555 + b'"', "Lambda.FunctionError"),
    "timeout": (ReadTimeoutError(endpoint_url="http://lambda"), "Lambda.FunctionTimedOut"),
    "no connection": (
        EndpointConnectionError(endpoint_url="http://lambda"),
        "Lambda.ServiceUnavailable",
    ),
    "throttled": (client_error("Invoke", "TooManyRequestsException"), "Lambda.InvokeLimitExceeded"),
    "denied": (client_error("Invoke", "AccessDeniedException"), "Lambda.InvokeAccessDenied"),
    "no function": (client_error("Invoke", "ResourceNotFoundException"), "Lambda.ResourceNotFound"),
    "too large": (
        client_error("Invoke", "RequestTooLargeException"),
        "Lambda.RequestTooLargeException",
    ),
    "any other": (client_error("Invoke", "ServiceException"), "Lambda.ServiceException"),
}


def function(client: FakeLambda, clock: Clock, retries: int = 3) -> TransformFunction:
    return TransformFunction(client, FUNCTION_ARN, retries, clock.pause)


@pytest.mark.parametrize(("failure", "code"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_retried_three_times_and_then_given_up(
    failure: Exception | bytes | str, code: str
) -> None:
    client, clock = FakeLambda(echo), Clock()
    client.outcomes = [failure] * 5
    outcome = function(client, clock).invoke(event)
    assert isinstance(outcome, GivenUp)
    assert (outcome.failure.code, outcome.attempts) == (code, 4)
    assert len(client.payloads) == 4


@pytest.mark.parametrize(("failure", "code"), FAILURES.values(), ids=FAILURES)
def test_a_failure_that_passes_leaves_an_answer(
    failure: Exception | bytes | str, code: str
) -> None:
    client, clock = FakeLambda(echo), Clock()
    client.outcomes = [failure] * 3
    outcome = function(client, clock).invoke(event)
    assert isinstance(outcome, Answered), code
    assert (json.loads(outcome.payload), outcome.attempts) == ({"saw": {"records": []}}, 4)


def test_number_of_retries_is_the_processors() -> None:
    client, clock = FakeLambda(echo), Clock()
    client.outcomes = ["FunctionError"] * 9
    outcome = function(client, clock, retries=1).invoke(event)
    assert isinstance(outcome, GivenUp)
    assert (outcome.attempts, len(client.payloads)) == (2, 2)


@pytest.mark.parametrize("payload", [b"not json", b"null", b'{"records":[]}', b"x" * 6_291_556])
def test_an_answer_is_final_whatever_it_is(payload: bytes) -> None:
    client, clock = FakeLambda(echo), Clock()
    client.outcomes = [payload]
    assert function(client, clock).invoke(event) == Answered(payload, 1)
    assert clock.pauses == []


def test_the_pauses_between_attempts_grow() -> None:
    client, clock = FakeLambda(echo), Clock()
    client.outcomes = ["FunctionError"] * 9
    function(client, clock, retries=8).invoke(event)
    assert clock.pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_each_attempt_has_an_event_of_its_own() -> None:
    client, clock = FakeLambda(echo), Clock()
    client.outcomes = ["FunctionError", "FunctionError"]
    numbers = iter(range(9))
    function(client, clock).invoke(lambda: json.dumps(next(numbers)).encode())
    assert client.payloads == [b"0", b"1", b"2"]
