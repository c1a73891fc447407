"""The writer's schedules, fired one round after another as fast as they are done.

EventBridge Scheduler invokes asynchronously and at its own rate; here each round waits for its
runs, so that the run as a whole ends when there is nothing left to do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local.endpoint import Credentials, Endpoint
from local.errors import LocalError

_PRINCIPAL = "scheduler.amazonaws.com"
_AT_ONCE = 2
_RUN_SECONDS = 910.0  # Lambda's longest timeout, and a little
# A round in which every run found its lanes taken, or nothing it could do, is tried again so often.
_IDLE_ROUNDS = 3

AssumeForService = Callable[[str, str, str], Credentials]
"""Gives a role's session to a service: role ARN, service principal, source ARN."""


class WriterError(LocalError):
    """A scheduled run failed, or the runs make no progress."""


@dataclass(frozen=True)
class Schedule:
    """A registered schedule: what it invokes, with which event and role."""

    name: str
    arn: str
    group: str
    target_arn: str
    role_arn: str
    input: str


def list_schedules(scheduler: Any, group: str) -> tuple[Schedule, ...]:
    """Return the schedules of a group, as registered.

    Parameters
    ----------
    scheduler
        boto3's client.
    group
        Name of the schedule group.
    """
    schedules = []
    for page in scheduler.get_paginator("list_schedules").paginate(GroupName=group):
        for each in page["Schedules"]:
            found = scheduler.get_schedule(Name=each["Name"], GroupName=group)
            target = found["Target"]
            schedules.append(
                Schedule(
                    found["Name"],
                    found["Arn"],
                    group,
                    target["Arn"],
                    target["RoleArn"],
                    target.get("Input", "{}"),
                )
            )
    return tuple(schedules)


class ScheduleRunner:
    """Fires schedules with the role that each was given.

    Parameters
    ----------
    endpoint
        The gateway.
    schedules
        What to fire.
    assume
        Gives Scheduler the role of a schedule.
    """

    def __init__(
        self, endpoint: Endpoint, schedules: tuple[Schedule, ...], assume: AssumeForService
    ) -> None:
        self._endpoint = endpoint
        self._schedules = schedules
        self._assume = assume
        self.runs = 0

    def until(self, done: Callable[[], bool], progress: Callable[[int], None]) -> None:
        """Fire round after round until ``done`` says so.

        Parameters
        ----------
        done
            Asked before each round.
        progress
            Called after each run with the number of runs so far.

        Raises
        ------
        WriterError
            A run failed, or several rounds in a row finished no plan.
        """
        idle = 0
        while not done():
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                answers = []
                for answer in pool.map(self._fire, self._schedules):
                    answers.append(answer)
                    self.runs += 1
                    progress(self.runs)
            idle = 0 if any(answer["plans"] for answer in answers) else idle + 1
            if idle == _IDLE_ROUNDS:
                raise WriterError(
                    f"the Avro writer's schedules finished no plan in {idle} rounds although "
                    "objects or plans are left: look at its log lines above and at the plans "
                    "below data-pipeline/compaction/"
                )

    def _fire(self, schedule: Schedule) -> Mapping[str, Any]:
        # A schedule group is the narrowest source that Scheduler names.
        group_arn = schedule.arn.replace(":schedule/", ":schedule-group/").rsplit("/", 1)[0]
        credentials = self._assume(schedule.role_arn, _PRINCIPAL, group_arn)
        invoker = self._endpoint.with_credentials(credentials).client(
            "lambda", attempts=1, read_timeout_seconds=_RUN_SECONDS
        )
        try:
            answer = invoker.invoke(
                FunctionName=schedule.target_arn, Payload=schedule.input.encode()
            )
        except ClientError as error:
            raise WriterError(f"schedule {schedule.name} cannot run the writer: {error}") from None
        payload = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise WriterError(
                f"the run of schedule {schedule.name} failed: "
                f"{payload.get('errorType')}: {payload.get('errorMessage')}"
            )
        result: Mapping[str, Any] = payload
        return result
