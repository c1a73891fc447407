"""Creates what the pipeline only looks up: table, streams, bucket, runners' role, alarm topic."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from emulation.endpoint import Endpoint
from infra.settings import Settings

_SHARDS = 2


def make_referenced(endpoint: Endpoint, settings: Settings, *, key_arn: str | None = None) -> None:
    """Create the resources that other teams own on AWS, if they do not exist.

    Parameters
    ----------
    endpoint
        The endpoint.
    settings
        The settings that name them.
    key_arn
        ARN of a KMS key at the endpoint that encrypts the table and the streams.
    """
    _make_table(endpoint.client("dynamodb"), settings.table_name, key_arn)
    kinesis = endpoint.client("kinesis")
    _make_stream(kinesis, settings.stream_name, key_arn)
    _make_stream(kinesis, settings.log_stream_name, key_arn)
    _make_bucket(endpoint.client("s3"), settings.bucket_name)
    _make_role(endpoint.client("iam"), settings.ci_runner_role)
    if settings.alarm_topic_arn:
        # For an existing topic, CreateTopic returns it.
        endpoint.client("sns").create_topic(Name=settings.alarm_topic_arn.rpartition(":")[2])


def _make_table(dynamodb: Any, name: str, key_arn: str | None) -> None:
    encryption: dict[str, Any] = (
        {"SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key_arn}}
        if key_arn
        else {}
    )
    _unless_there(
        lambda: dynamodb.create_table(
            TableName=name,
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
                {"AttributeName": "type", "AttributeType": "S"},
            ],
            # The owners' indexes are not known here. This one represents them.
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-type",
                    "KeySchema": [{"AttributeName": "type", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
            # AWS replicates a table to Kinesis with both images; of DynamoDB's streams this
            # view has both.
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            **encryption,
        )
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name)


def _make_stream(kinesis: Any, name: str, key_arn: str | None) -> None:
    _unless_there(lambda: kinesis.create_stream(StreamName=name, ShardCount=_SHARDS))
    kinesis.get_waiter("stream_exists").wait(StreamName=name)
    if key_arn:
        kinesis.start_stream_encryption(StreamName=name, EncryptionType="KMS", KeyId=key_arn)


def _make_bucket(s3: Any, name: str) -> None:
    _unless_there(lambda: s3.create_bucket(Bucket=name))


def _make_role(iam: Any, name: str) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    _unless_there(
        lambda: iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    )


def _unless_there(create: Callable[[], Any]) -> None:
    try:
        create()
    except ClientError as error:
        taken = ("ResourceInUseException", "BucketAlreadyOwnedByYou", "EntityAlreadyExists")
        if error.response["Error"]["Code"] not in taken:
            raise
