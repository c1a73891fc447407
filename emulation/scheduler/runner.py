"""Fires the writer's schedules in rounds. A round starts when the one before it is done.

Other schedules are left alone: they start refreshes of the current-state tables, whose queries only
Athena itself can answer.

As in EventBridge Scheduler, each schedule invokes its target asynchronously, retries a failed
invocation, and sends it to a dead-letter queue if all retries fail. Unlike Scheduler, a round waits
for its runs. So the rounds can end when no work is left.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from console.errors import CommandError
from emulation.endpoint import AssumeForService, Endpoint
from emulation.functions import InvokeResponse
from emulation.scheduler.target import Schedule, invoke_target

_PRINCIPAL = "scheduler.amazonaws.com"
_AT_ONCE = 2
# How many rounds in a row may finish no plan, or may have a failed run, before an error is raised.
_IDLE_ROUNDS = 3
_FAILING_ROUNDS = 5
# How long a round waits, in seconds, and how often, for a lane with another run's unfinished plan.
_WAIT_SECONDS = 2.0
_MOST_WAITS = 60

Outcome = Callable[[str], InvokeResponse]
"""Waits for an asynchronous invocation, by its request id, and returns its answer."""


class WriterError(CommandError):
    """A scheduled run failed, or the runs make no progress."""


def list_schedules(scheduler: Any, group: str) -> tuple[Schedule, ...]:
    """Return the registered schedules of a group.

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
                    int((target.get("RetryPolicy") or {}).get("MaximumRetryAttempts", 185)),
                    (target.get("DeadLetterConfig") or {}).get("Arn"),
                )
            )
    return tuple(schedules)


@dataclass(frozen=True)
class Round:
    """The result of a round: finished plans, lanes that another run works on, and failed runs."""

    plans: int
    lanes_left: int
    failures: tuple[str, ...]


class ScheduleRunner:
    """Fires schedules, each with its own role.

    Parameters
    ----------
    endpoint
        The gateway.
    schedules
        The schedules of the stack. Those with a function as their target are fired.
    assume
        Gives Scheduler the role of a schedule.
    outcome
        Returns the result of a run.
    on_failure
        Called with each failed run. As on AWS, the lane's next run continues its work.
    pause
        Waits for a number of seconds.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        schedules: tuple[Schedule, ...],
        assume: AssumeForService,
        outcome: Outcome,
        on_failure: Callable[[str], None],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._endpoint = endpoint
        self.schedules = schedules
        self._assume = assume
        self._outcome = outcome
        self._on_failure = on_failure
        self._pause = pause
        self._runs = 0

    def until(self, done: Callable[[], bool], progress: Callable[[int], None]) -> None:
        """Fire rounds until ``done`` returns true.

        Parameters
        ----------
        done
            Called before each round.
        progress
            Called after each run with the number of runs so far.

        Raises
        ------
        WriterError
            Several rounds in a row finished no plan, or each had a failed run.
        """
        idle = failing = waited = 0
        while not done():
            fired = self._round(progress)
            for failure in fired.failures:
                self._on_failure(failure)
            failing = failing + 1 if fired.failures else 0
            if failing == _FAILING_ROUNDS:
                raise WriterError(
                    f"runs of the Avro writer failed in {failing} rounds in a row, lastly: "
                    f"{fired.failures[-1]}"
                )
            if fired.plans:
                idle = waited = 0
            elif fired.lanes_left and waited < _MOST_WAITS:
                # A run that was stopped leaves a plan. The next run may continue it only after
                # the first run's timeout.
                waited += 1
                self._pause(_WAIT_SECONDS)
            elif not fired.failures:
                idle += 1
            if idle == _IDLE_ROUNDS:
                raise WriterError(
                    f"the Avro writer's schedules finished no plan in {idle} rounds although "
                    "objects or plans are left: look at the plans below data-pipeline/compaction/"
                )

    def _round(self, progress: Callable[[int], None]) -> Round:
        plans = lanes_left = 0
        failures = []
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            fired = (each for each in self.schedules if each.invokes_function)
            for answer in pool.map(self._fire, fired):
                self._runs += 1
                progress(self._runs)
                if isinstance(answer, str):
                    failures.append(answer)
                else:
                    plans += answer["plans"]
                    lanes_left += answer["lanes_left"]
        return Round(plans, lanes_left, tuple(failures))

    def _fire(self, schedule: Schedule) -> Mapping[str, Any] | str:
        """Run the writer once; return its answer or an error message."""
        # Scheduler names the group, not the schedule, as the source when it assumes the role.
        group_arn = schedule.arn.replace(":schedule/", ":schedule-group/").rsplit("/", 1)[0]
        credentials = self._assume(schedule.role_arn, _PRINCIPAL, group_arn)
        as_scheduler = self._endpoint.with_credentials(credentials)
        try:
            request_id = invoke_target(as_scheduler, schedule, self._pause)
        except ClientError as error:
            return f"schedule {schedule.name} cannot run the writer: {error}"
        answer = self._outcome(request_id)
        payload = json.loads(answer.payload)
        if answer.function_error:
            return (
                f"the run of schedule {schedule.name} failed: "
                f"{payload.get('errorType')}: {payload.get('errorMessage')}"
            )
        result: Mapping[str, Any] = payload
        return result
