"""Invokes a schedule's target as EventBridge Scheduler does, with retries and dead letters.

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
# Seconds between a failed invocation and the next. Scheduler's own waits grow with each retry.
_RETRY_SECONDS = 0.2
_THROTTLED, _SERVER_ERROR = 429, 500


@dataclass(frozen=True)
class Schedule:
    """A registered schedule: its target, event and role.

    ``retries`` is the maximum number of retries of a failed invocation. ``dead_letter_arn`` is the
    queue that gets it after them, if there is one.
    """

    name: str
    arn: str
    group: str
    target_arn: str
    role_arn: str
    input: str
    retries: int = 185
    dead_letter_arn: str | None = None

    @property
    def invokes_function(self) -> bool:
        """Whether the target is a Lambda function."""
        return self.target_arn.split(":")[2] == "lambda"


@dataclass(frozen=True)
class FailedInvocation:
    """A target that could not be invoked.

    Parameters
    ----------
    schedule
        The schedule.
    error
        The error of the last attempt.
    retries
        Number of attempts after the first one.
    exhausted
        Whether the error can be retried, but the retry policy allows no more attempts.
    """

    schedule: Schedule
    error: ClientError
    retries: int
    exhausted: bool

    def attributes(self, scheduled: datetime) -> dict[str, str]:
        """Return the message's attributes. ``scheduled`` is the time the schedule was due."""
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
        The failed invocation.

    Raises
    ------
    ClientError
        The queue refuses the message.
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
        The schedule.
    pause
        Waits for a number of seconds.

    Raises
    ------
    ClientError
        All attempts that the schedule allows failed. If the schedule has a queue, it has a dead
        letter now.
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
            # Another attempt would not help if a permission or the target is missing.
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
