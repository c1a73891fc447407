"""Invoking a schedule's target as EventBridge Scheduler does, down to the dead-letter queue.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
"""

from __future__ import annotations

import itertools
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from emulation.endpoint import Endpoint

_LOG = logging.getLogger(__name__)
# How long after a failed invocation the next one is, in seconds; Scheduler waits ever longer.
_RETRY_SECONDS = 0.2
_THROTTLED, _SERVER_ERROR = 429, 500


@dataclass(frozen=True)
class Schedule:
    """A registered schedule: what it invokes, with which event and role.

    ``retries`` is how often a failed invocation is repeated, ``dead_letter_arn`` the queue that
    it then goes to, if any.
    """

    name: str
    arn: str
    group: str
    target_arn: str
    role_arn: str
    input: str
    retries: int = 185
    dead_letter_arn: str | None = None


@dataclass(frozen=True)
class FailedInvocation:
    """A target that could not be invoked.

    Parameters
    ----------
    schedule
        What asked for it.
    error
        What the last attempt ended with.
    retries
        Attempts after the first one.
    exhausted
        Whether another attempt would have been made, had the retry policy allowed one.
    """

    schedule: Schedule
    error: ClientError
    retries: int
    exhausted: bool

    def attributes(self, scheduled: datetime) -> dict[str, str]:
        """Return the message's attributes; ``scheduled`` is when the schedule was due."""
        error: Mapping[str, Any] = self.error.response["Error"]
        return {
            "ERROR_CODE": str(error["Code"]),
            "ERROR_MESSAGE": str(error["Message"]),
            "EXECUTION_ID": str(uuid.uuid4()),
            "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": str(self.retries),
            "SCHEDULED_TIME": scheduled.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "SCHEDULE_ARN": self.schedule.arn,
            "TARGET_ARN": self.schedule.target_arn,
            **({"EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts"} if self.exhausted else {}),
        }


def send_dead_letter(as_scheduler: Endpoint, queue_arn: str, failed: FailedInvocation) -> None:
    """Put a failed invocation into a dead-letter queue.

    Parameters
    ----------
    as_scheduler
        The endpoint, with the credentials of the schedule's role.
    queue_arn
        The queue.
    failed
        What failed.

    Raises
    ------
    ClientError
        The queue does not take it.
    """
    as_scheduler.client("sqs").send_message(
        QueueUrl=as_scheduler.queue_url(queue_arn),
        MessageBody=failed.schedule.input,
        MessageAttributes={
            key: {"DataType": "String", "StringValue": value}
            for key, value in failed.attributes(datetime.now(UTC)).items()
        },
    )


def invoke_target(
    as_scheduler: Endpoint, schedule: Schedule, pause: Callable[[float], None]
) -> str:
    """Invoke a schedule's target asynchronously, and return the request's id.

    Parameters
    ----------
    as_scheduler
        The endpoint, with the credentials of the schedule's role.
    schedule
        What to invoke.
    pause
        Waits so many seconds.

    Raises
    ------
    ClientError
        It cannot be invoked, after as many attempts as the schedule allows: a dead letter, where
        the schedule has a queue.
    """
    invoker = as_scheduler.client("lambda", attempts=1)
    for attempt in itertools.count():
        try:
            answer = invoker.invoke(
                FunctionName=schedule.target_arn,
                InvocationType="Event",
                Payload=schedule.input.encode(),
            )
            break
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            # A missing permission or target stays missing: not worth another attempt.
            passing = status == _THROTTLED or status >= _SERVER_ERROR
            if not passing or attempt == schedule.retries:
                failed = FailedInvocation(schedule, error, attempt, passing)
                _give_up(as_scheduler, failed)
                raise
            pause(_RETRY_SECONDS)
    return str(answer["ResponseMetadata"]["RequestId"])


def _give_up(as_scheduler: Endpoint, failed: FailedInvocation) -> None:
    if failed.schedule.dead_letter_arn is None:
        return
    try:
        send_dead_letter(as_scheduler, failed.schedule.dead_letter_arn, failed)
    except ClientError as refused:
        _LOG.warning("the dead letter of %s is lost: %s", failed.schedule.name, refused)
