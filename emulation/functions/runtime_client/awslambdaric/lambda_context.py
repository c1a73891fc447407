"""What Lambda tells the handler about an invocation."""

from __future__ import annotations

import os
import sys
import time


class CognitoIdentity:
    """Who called through a mobile app: nobody."""

    cognito_identity_id = None
    cognito_identity_pool_id = None


class LambdaContext:
    """The handler's second argument.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html

    Parameters
    ----------
    request_id
        The invocation's id.
    function_arn
        The ARN that was invoked.
    deadline
        When Lambda ends the invocation, in milliseconds since 1970.
    """

    def __init__(self, request_id: str, function_arn: str, deadline: int) -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = function_arn
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.tenant_id = None
        self.client_context = None
        self.identity = CognitoIdentity()
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""
        return max(0, self._deadline - time.time_ns() // 1_000_000)

    def log(self, message: object) -> None:
        """Write to the function's log."""
        sys.stdout.write(str(message))
