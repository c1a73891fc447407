"""A delivery stream's error log in CloudWatch Logs.

https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-logs.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from emulation.firehose.clients import LogsClient
from emulation.firehose.description import DeliveryStream, LogStream
from emulation.firehose.response import PROCESSING_FAILED, Failed

_LOG = logging.getLogger(__name__)


class ErrorLog:
    """Writes errors to the log stream that the delivery stream names.

    AWS documents only codes and messages. The other fields were observed in AWS's own events.
    An event that cannot be written is lost, as on AWS.

    Parameters
    ----------
    stream
        The delivery stream.
    target
        Its log stream.
    client
        A boto3 client with the credentials of the delivery stream's role.
    clock
        Seconds since the epoch.
    """

    def __init__(
        self,
        stream: DeliveryStream,
        target: LogStream,
        client: LogsClient,
        clock: Callable[[], float],
    ) -> None:
        self._target = target
        self._client = client
        self._clock = clock
        self._about = {
            "deliveryStreamARN": stream.arn,
            "destination": f"arn:aws:s3:::{stream.destination.bucket}",
            "deliveryStreamVersionId": stream.version,
        }

    def transform_failed(self, failure: Failed, function_arn: str) -> None:
        """Log a batch that could not be transformed.

        If the function itself marks a record as failed, the function is expected to log it:
        https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html
        """
        if failure != PROCESSING_FAILED:
            self._write(failure.message, failure.code, processor=function_arn)

    def put_failed(self, error: ClientError | BotoCoreError) -> None:
        """Log an object that could not be put."""
        code = type(error).__name__
        if isinstance(error, ClientError):
            code = error.response["Error"]["Code"]
        self._write(str(error), f"S3.{code}")

    def _write(self, message: str, code: str, **more: str) -> None:
        event = {**self._about, "message": message, "errorCode": code, **more}
        try:
            self._client.put_log_events(
                logGroupName=self._target.group,
                logStreamName=self._target.name,
                logEvents=[{"timestamp": int(self._clock() * 1000), "message": json.dumps(event)}],
            )
        except (ClientError, BotoCoreError) as failure:
            _LOG.warning("the error log %s cannot be written: %s", self._target.group, failure)
