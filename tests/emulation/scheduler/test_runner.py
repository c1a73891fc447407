"""The schedules' runner: what it makes of runs that fail, find nothing, or find a lane taken."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulation.endpoint import Credentials
from emulation.endpoint import Endpoint as RealEndpoint
from emulation.functions import InvokeResponse
from emulation.scheduler.runner import ScheduleRunner, WriterError
from emulation.scheduler.target import Schedule

QUEUE = "arn:aws:sqs:r:1:dead-letters"
FUNCTION = "arn:aws:lambda:r:1:function:f"
SCHEDULE = Schedule(
    "s", "arn:aws:scheduler:r:1:schedule/g/s", "g", FUNCTION, "role", '{"lane":0}', 2, QUEUE
)
DONE, NOTHING, TAKEN = ({"plans": p, "lanes_left": n} for p, n in ((1, 0), (0, 0), (0, 1)))
CRASH = "Runtime.ExitError"


class Endpoint:
    """Answers each run with the next of its answers; the last one stays."""

    queue_url = RealEndpoint("http://127.0.0.1:1").queue_url

    def __init__(self, *answers: Any) -> None:
        self.answers = itertools.chain(answers, itertools.repeat(answers[-1]))
        self.invoked: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []

    def with_credentials(self, credentials: Credentials) -> Endpoint:
        return self

    def client(self, service: str, **_: Any) -> Endpoint:
        return self

    def invoke(self, **asked: Any) -> dict[str, Any]:
        self.invoked.append(asked)
        self.answer = next(self.answers)
        if isinstance(self.answer, ClientError):
            raise self.answer
        return {"ResponseMetadata": {"RequestId": "the run"}}

    def outcome(self, request_id: str) -> InvokeResponse:
        assert request_id == "the run"
        if isinstance(self.answer, str):
            payload = {"errorType": self.answer, "errorMessage": "it broke"}
            return InvokeResponse(200, json.dumps(payload).encode(), "Unhandled")
        return InvokeResponse(200, json.dumps(self.answer).encode())

    def send_message(self, **message: Any) -> None:
        self.sent.append(message)


def refusal(code: str, status: int) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "Invoke")


def fire(*answers: Any, rounds: int = 1000) -> tuple[list[str], list[float]]:
    return fire_at(Endpoint(*answers), rounds)


def fire_at(endpoint: Any, rounds: int, *others: Schedule) -> tuple[list[str], list[float]]:
    failures: list[str] = []
    pauses: list[float] = []
    runner = ScheduleRunner(
        endpoint,
        (SCHEDULE, *others),
        lambda *_: Credentials("a", "b"),
        endpoint.outcome,
        failures.append,
        pauses.append,
    )
    left = iter([False] * rounds + [True])
    runner.until(left.__next__, lambda runs: None)
    return failures, pauses


def test_it_goes_on_until_there_is_nothing_left() -> None:
    assert fire(DONE, NOTHING, DONE, rounds=3) == ([], [])


def test_schedules_of_state_machines_are_left_alone() -> None:
    endpoint = Endpoint(DONE)
    machine = replace(SCHEDULE, target_arn="arn:aws:states:r:1:stateMachine:m")
    assert fire_at(endpoint, 3, machine) == ([], [])
    assert [each["FunctionName"] for each in endpoint.invoked] == [FUNCTION] * 3


def test_a_run_that_crashes_is_told_and_the_next_one_goes_on() -> None:
    failures, _ = fire(CRASH, DONE, CRASH, CRASH, DONE, rounds=5)
    assert len(failures) == 3
    assert "Runtime.ExitError: it broke" in failures[0]


def test_runs_that_fail_again_and_again_are_an_error() -> None:
    with pytest.raises(WriterError, match="5 rounds in a row"):
        fire(CRASH)


def test_rounds_that_come_to_nothing_are_an_error() -> None:
    with pytest.raises(WriterError, match="no plan in 3 rounds"):
        fire(DONE, NOTHING)


def test_a_lane_that_another_run_is_at_work_in_is_waited_for() -> None:
    _, pauses = fire(*[TAKEN] * 20, DONE, rounds=21)
    assert len(pauses) == 20
    with pytest.raises(WriterError, match="no plan"):
        fire(TAKEN)


def test_a_schedule_invokes_asynchronously_with_its_input() -> None:
    endpoint = Endpoint(DONE)
    fire_at(endpoint, 1)
    assert endpoint.invoked == [
        {"FunctionName": FUNCTION, "InvocationType": "Event", "Payload": b'{"lane":0}'}
    ]
    assert endpoint.sent == []


def test_an_invocation_that_fails_for_a_while_is_repeated() -> None:
    endpoint = Endpoint(refusal("TooManyRequestsException", 429), refusal("Service", 503), DONE)
    failures, pauses = fire_at(endpoint, 1)
    assert (failures, len(pauses), len(endpoint.invoked)) == ([], 2, 3)
    assert endpoint.sent == []


def test_an_invocation_that_goes_on_failing_is_a_dead_letter() -> None:
    endpoint = Endpoint(*[refusal("TooManyRequestsException", 429)] * 3, DONE)
    failures, _ = fire_at(endpoint, 1)
    assert len(endpoint.invoked) == 1 + SCHEDULE.retries
    (failure,) = failures
    assert "cannot run the writer" in failure
    (letter,) = endpoint.sent
    assert letter["QueueUrl"].endswith("/1/dead-letters")
    assert letter["MessageBody"] == SCHEDULE.input
    attributes = {key: each["StringValue"] for key, each in letter["MessageAttributes"].items()}
    assert attributes.pop("EXECUTION_ID")
    assert attributes.pop("SCHEDULED_TIME")
    assert attributes == {
        "ERROR_CODE": "TooManyRequestsException",
        "ERROR_MESSAGE": "no",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "2",
        "SCHEDULE_ARN": SCHEDULE.arn,
        "TARGET_ARN": FUNCTION,
    }


def test_what_another_attempt_would_not_mend_is_a_dead_letter_at_once() -> None:
    endpoint = Endpoint(refusal("AccessDeniedException", 403), DONE)
    fire_at(endpoint, 1)
    assert len(endpoint.invoked) == 1
    (letter,) = endpoint.sent
    assert "EXHAUSTED_RETRY_CONDITION" not in letter["MessageAttributes"]
