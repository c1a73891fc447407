"""Asks many questions at once; one that is not answered spoils no other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from avro_writer.errors import WriterError
from avro_writer.store import Changed, Missing, Refused
from console.errors import CommandError
from ops.status.facts import Unknown

_Answer = TypeVar("_Answer")

ACTIONS = {
    "DescribeDeliveryStream": "firehose:DescribeDeliveryStream",
    "GetMetricData": "cloudwatch:GetMetricData",
    "DescribeAlarms": "cloudwatch:DescribeAlarms",
    "FilterLogEvents": "logs:FilterLogEvents",
    "ListObjectsV2": "s3:ListBucket",
    "GetObject": "s3:GetObject",
    "GetQueueUrl": "sqs:GetQueueUrl",
    "GetQueueAttributes": "sqs:GetQueueAttributes",
    "ListSchedules": "scheduler:ListSchedules",
    "GetFunctionConfiguration": "lambda:GetFunctionConfiguration",
    "GetTable": "glue:GetTable",
}
"""The operations that ``dmd status`` uses, and the action that each needs.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

# The services do not agree on a name.
_DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation")

# What AWS, the network, or an object of the bucket can do to a question. The last ones are of
# objects that are not what their keys say.
_NO_ANSWER = (
    ClientError, BotoCoreError, ResponseParserError, WriterError, CommandError,
    Missing, Changed, Refused, ValueError, EOFError, KeyError,
)  # fmt: skip


class Questions:
    """Asks questions at once, and notes those that are not answered.

    Parameters
    ----------
    pool
        Runs them.
    """

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self.unknown: list[Unknown] = []

    def ask(self, what: str, question: Callable[[], _Answer]) -> Callable[[], _Answer | None]:
        """Ask; what is returned waits for the answer, which is None if there is none.

        Parameters
        ----------
        what
            What is asked for, in the plural, for the line that says that it is not known.
        question
            Gets the answer.
        """
        future: Future[_Answer] = self._pool.submit(question)

        def answer() -> _Answer | None:
            try:
                return future.result()
            except _NO_ANSWER as error:
                self.unknown.append(Unknown(what, denied_action(error), _cause(error)))
                return None

        return answer


def denied_action(error: Exception) -> str:
    """Return the action that is not allowed, empty if the error is another."""
    if isinstance(error, Refused) and isinstance(error.__cause__, ClientError):
        error = error.__cause__
    if not isinstance(error, ClientError) or code_of(error) not in _DENIED:
        return ""
    return ACTIONS.get(error.operation_name, error.operation_name)


def _cause(error: Exception) -> str:
    """Return what is wrong, in the same words for each question that it spoils."""
    if isinstance(error, ClientError):
        return f"{code_of(error)}: {error.response.get('Error', {}).get('Message', '')}"
    # Others of botocore's errors have the URL or the key in their texts.
    return type(error).__name__ if isinstance(error, BotoCoreError) else str(error)


def code_of(error: ClientError) -> Any:
    """Return the service's code of an error."""
    return error.response.get("Error", {}).get("Code")
