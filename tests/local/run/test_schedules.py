"""The schedules' runner: what it makes of runs that fail, find nothing, or find a lane taken."""

from __future__ import annotations

import io
import itertools
import json
from typing import Any

import pytest

from local.endpoint import Credentials
from local.schedules import Schedule, ScheduleRunner, WriterError

SCHEDULE = Schedule("s", "arn:aws:scheduler:r:1:schedule/g/s", "g", "function", "role", "{}")
DONE, NOTHING, TAKEN = ({"plans": p, "lanes_left": n} for p, n in ((1, 0), (0, 0), (0, 1)))
CRASH = "Runtime.ExitError"


class Endpoint:
    """Answers each run with the next of its answers; the last one stays."""

    def __init__(self, *answers: Any) -> None:
        self.answers = itertools.chain(answers, itertools.repeat(answers[-1]))

    def with_credentials(self, credentials: Credentials) -> Endpoint:
        return self

    def client(self, service: str, **_: Any) -> Endpoint:
        return self

    def invoke(self, **_: Any) -> dict[str, Any]:
        answer = next(self.answers)
        if isinstance(answer, str):
            payload: Any = {"errorType": answer, "errorMessage": "it broke"}
            return {
                "FunctionError": "Unhandled",
                "Payload": io.BytesIO(json.dumps(payload).encode()),
            }
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


def fire(*answers: Any, rounds: int = 1000) -> tuple[list[str], list[float]]:
    failures: list[str] = []
    pauses: list[float] = []
    endpoint: Any = Endpoint(*answers)
    runner = ScheduleRunner(
        endpoint, (SCHEDULE,), lambda *_: Credentials("a", "b"), failures.append, pauses.append
    )
    left = iter([False] * rounds + [True])
    runner.until(left.__next__, lambda runs: None)
    return failures, pauses


def test_it_goes_on_until_there_is_nothing_left() -> None:
    assert fire(DONE, NOTHING, DONE, rounds=3) == ([], [])


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
