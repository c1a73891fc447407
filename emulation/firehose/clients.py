"""The few operations of boto3 clients that a delivery stream calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class FirehoseClient(Protocol):
    """Where the delivery stream's settings come from."""

    def describe_delivery_stream(self, **kwargs: Any) -> Mapping[str, Any]:
        """Call ``firehose:DescribeDeliveryStream``."""


class KinesisClient(Protocol):
    """Where the records come from."""

    def describe_stream(self, **kwargs: Any) -> Mapping[str, Any]:
        """Call ``kinesis:DescribeStream``."""

    def list_shards(self, **kwargs: Any) -> Mapping[str, Any]:
        """Call ``kinesis:ListShards``."""

    def get_shard_iterator(self, **kwargs: Any) -> Mapping[str, Any]:
        """Call ``kinesis:GetShardIterator``."""

    def get_records(self, **kwargs: Any) -> Mapping[str, Any]:
        """Call ``kinesis:GetRecords``."""


class LambdaClient(Protocol):
    """What runs the transform function."""

    def invoke(self, **kwargs: Any) -> Mapping[str, Any]:
        """Call ``lambda:InvokeFunction``."""


class LogsClient(Protocol):
    """Where errors are logged."""

    def put_log_events(self, **kwargs: Any) -> Mapping[str, Any]:
        """Call ``logs:PutLogEvents``."""


class S3Client(Protocol):
    """Where the objects go."""

    def put_object(self, **kwargs: Any) -> Mapping[str, Any]:
        """Call ``s3:PutObject``."""
