"""Invoking the transform function, with retries, as Amazon Data Firehose does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from emulation.firehose.clients import LambdaClient
from emulation.firehose.response import MAX_RESPONSE_BYTES, Failed

FUNCTION_ERROR = Failed(
    "Lambda.FunctionError",
    "The Lambda function was successfully invoked but it returned an error result.",
)
# Lambda's exception, in the form of Firehose's codes for other exceptions of Lambda. Whether
# AWS uses this code is unconfirmed.
TOO_LARGE = Failed(
    "Lambda.RequestTooLargeException", "The record does not fit into a request to Lambda."
)

# Codes and messages of
# docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-logs.html.
_REFUSALS = {
    "AccessDeniedException": Failed(
        "Lambda.InvokeAccessDenied",
        "Access was denied. Ensure that the access policy allows access to the Lambda function.",
    ),
    "TooManyRequestsException": Failed(
        "Lambda.InvokeLimitExceeded",
        "The Lambda concurrent execution limit is exceeded. Increase the concurrent execution "
        "limit.",
    ),
    "ResourceNotFoundException": Failed(
        "Lambda.ResourceNotFound",
        "The specified Lambda function does not exist. Use a different function that does exist.",
    ),
    "RequestTooLargeException": TOO_LARGE,
}
_LONGEST_PAUSE = 5.0


@dataclass(frozen=True)
class Answered:
    """The function returned ``payload``, at the ``attempts``-th attempt."""

    payload: bytes
    attempts: int


@dataclass(frozen=True)
class GivenUp:
    """No attempt succeeded; ``failure`` says how the last one ended."""

    failure: Failed
    attempts: int


@dataclass(frozen=True)
class TransformFunction:
    """The function of a Lambda processor.

    Parameters
    ----------
    client
        A boto3 client with the credentials of the delivery stream's role, and without retries of
        its own: these would be added to ``retries`` and not counted.
    function_arn
        The function's ARN, as the processor has it.
    retries
        How often a failed invocation is repeated.
    pause
        Sleeps for a number of seconds.
    backoff
        Seconds before the first retry. The time doubles with each further retry, up to 5
        seconds. How long Firehose waits is not documented.
    """

    client: LambdaClient
    function_arn: str
    retries: int
    pause: Callable[[float], None]
    backoff: float = 0.1

    def invoke(self, new_event: Callable[[], bytes]) -> Answered | GivenUp:
        """Invoke the function with the event from ``new_event``, called for each attempt.

        A function error, a timeout, the concurrency limit and every other failure to get an
        answer are retried. Anything that the function returns is an answer.

        Source: docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html.
        Whether AWS also retries a denied invocation is unconfirmed.
        """
        failure = FUNCTION_ERROR
        attempts = 1 + self.retries
        for attempt in range(attempts):
            if attempt:
                self.pause(min(self.backoff * 2 ** (attempt - 1), _LONGEST_PAUSE))
            outcome = self._attempt(new_event())
            if isinstance(outcome, bytes):
                return Answered(outcome, attempt + 1)
            failure = outcome
        return GivenUp(failure, attempts)

    def _attempt(self, event: bytes) -> bytes | Failed:
        try:
            answer = self.client.invoke(
                FunctionName=self.function_arn, InvocationType="RequestResponse", Payload=event
            )
            payload: bytes = answer["Payload"].read()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return _REFUSALS.get(
                code, Failed(f"Lambda.{code}", "The Lambda function could not be invoked.")
            )
        except ReadTimeoutError:
            return Failed("Lambda.FunctionTimedOut", "The Lambda function did not answer in time.")
        except BotoCoreError as error:
            # Which code AWS gives to a broken connection to Lambda is unconfirmed.
            return Failed(
                "Lambda.ServiceUnavailable", f"Lambda could not be reached: {type(error).__name__}."
            )
        if answer.get("FunctionError") or len(payload) > MAX_RESPONSE_BYTES:
            return FUNCTION_ERROR
        return payload
