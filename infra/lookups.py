"""Looks up, and never creates, resources of other teams: table, streams, bucket, runners' role."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import pulumi
import pulumi_aws as aws

from infra.bucket import DataBucket
from infra.keys import READ, WRITE, key_statements
from infra.policies import Statement, allow
from infra.settings import PROJECT, Settings

_Found = TypeVar("_Found")

# Only AWS can create aliases with this prefix, so such a key is AWS-managed.
_AWS_MANAGED_ALIAS = "alias/aws/"


class WrongAccountError(pulumi.RunError):
    """The credentials belong to another account than the stack."""


class LookUpError(pulumi.RunError):
    """A resource of another team, or the account, cannot be looked up."""


@dataclass(frozen=True)
class ChangeStream:
    """The Kinesis stream of change records."""

    name: str
    arn: str
    key_arn: str | None = None
    """The customer-managed KMS key that it encrypts with, if it has one."""

    def read_statements(self) -> list[Statement]:
        """Return the grants that Firehose needs to read the stream.

        https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3
        """
        actions = ("DescribeStream", "GetShardIterator", "GetRecords", "ListShards")
        return [
            allow("ReadChanges", [f"kinesis:{action}" for action in actions], [self.arn]),
            *_stream_key_statements(self.arn, self.key_arn, READ),
        ]

    def replay_statements(self) -> list[Statement]:
        """Return the grants with which an operator reads the stream again.

        https://docs.aws.amazon.com/streams/latest/dev/controlling-access.html
        """
        actions = ("GetShardIterator", "GetRecords", "ListShards")
        return [
            allow("ReadStreamAgain", [f"kinesis:{action}" for action in actions], [self.arn]),
            *_stream_key_statements(self.arn, self.key_arn, READ),
        ]


@dataclass(frozen=True)
class DemandTable:
    """The DynamoDB table whose changes the stream carries."""

    name: str
    arn: str
    key_arn: str | None = None
    """The customer-managed KMS key that it encrypts with, if it has one."""

    def read_write_statements(self) -> list[Statement]:
        """Return the grants with which a test writes, finds and deletes its own items.

        https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
        """
        return [
            allow(
                "ReadWriteItems",
                [
                    "dynamodb:DeleteItem",
                    "dynamodb:DescribeTable",
                    "dynamodb:GetItem",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem",
                ],
                [self.arn],
            ),
            # The table's owners name its indexes.
            allow("QueryItems", ["dynamodb:Query"], [self.arn, f"{self.arn}/index/*"]),
            # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html
            *key_statements(
                "UseTableKey",
                self.key_arn,
                [READ, WRITE],
                service="dynamodb",
                context={"aws:dynamodb:tableName": self.name},
            ),
        ]


@dataclass(frozen=True)
class CentralLogStream:
    """The Kinesis stream that collects the account's logs."""

    arn: str
    key_arn: str | None = None
    """The customer-managed KMS key that it encrypts with, if it has one."""

    def write_statements(self) -> list[Statement]:
        """Return the grants that CloudWatch Logs needs to forward log events.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html#DestinationKinesisExample
        """
        return [
            allow("ForwardLogs", ["kinesis:PutRecord"], [self.arn]),
            *_stream_key_statements(self.arn, self.key_arn, WRITE),
        ]


def _stream_key_statements(stream_arn: str, key_arn: str | None, action: str) -> list[Statement]:
    """Return the grants on a Kinesis stream's key for a reader or a writer of the stream.

    https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html
    """
    return key_statements(
        "UseStreamKey",
        key_arn,
        [action],
        service="kinesis",
        context={"aws:kinesis:arn": stream_arn},
    )


@dataclass(frozen=True)
class Referenced:
    """The looked-up resources. All of them exist."""

    table: DemandTable
    stream: ChangeStream
    bucket: DataBucket
    log_stream: CentralLogStream
    ci_runner_role_arn: str


def look_up(settings: Settings, provider: aws.Provider) -> Referenced:
    """Look up the resources of other teams that the stack uses.

    Raises
    ------
    WrongAccountError
        The credentials are not of the account that the settings name, or of none.
    LookUpError
        Something does not exist, or these credentials may not see it.
    """
    options = pulumi.InvokeOptions(provider=provider)
    # The account is checked first: a wrong account may have resources of the same names.
    account_id = _account(settings, options)

    def find_stream(name: str, key: str) -> aws.kinesis.AwaitableGetStreamResult:
        return _found(
            f"Kinesis stream {name}",
            key,
            lambda: aws.kinesis.get_stream(name=name, opts=options),
        )

    def customer_key(key_id: str | None, of: str, key: str) -> str | None:
        # A stream names its key by ID, ARN or alias, a table by ARN.
        # AWS-managed keys need no grant.
        if not key_id or key_id.startswith(_AWS_MANAGED_ALIAS):
            return None
        found = _found(
            f"KMS key {key_id} of {of}",
            key,
            lambda: aws.kms.get_key(key_id=key_id, opts=options),
        )
        return found.arn if found.key_manager == "CUSTOMER" else None

    stream = find_stream(settings.stream_name, "stream_name")
    log_stream = find_stream(settings.log_stream_name, "log_stream_arn")
    bucket = _found(
        f"bucket {settings.bucket_name}",
        "bucket_name",
        lambda: aws.s3.get_bucket(bucket=settings.bucket_name, opts=options),
    )
    table = _found(
        f"DynamoDB table {settings.table_name}",
        "table_name",
        lambda: aws.dynamodb.get_table(name=settings.table_name, opts=options),
    )
    runner = _found(
        f"role {settings.ci_runner_role}",
        "ci_runner_role",
        lambda: aws.iam.get_role(name=settings.ci_runner_role, opts=options),
    )
    topic = settings.alarm_topic_arn
    # This account cannot read the attributes of another account's topic.
    if topic and topic.split(":")[4] == account_id:
        _found(
            f"SNS topic {topic}",
            "alarm_topic_arn",
            lambda: aws.sns.get_topic(name=topic.rpartition(":")[2], opts=options),
        )
    return Referenced(
        table=DemandTable(
            table.name,
            table.arn,
            customer_key(
                _key_of(table.server_side_encryption), f"table {table.name}", "table_name"
            ),
        ),
        stream=ChangeStream(
            stream.name,
            stream.arn,
            customer_key(stream.kms_key_id, f"stream {stream.name}", "stream_name"),
        ),
        bucket=DataBucket(bucket.bucket, bucket.arn, settings.bucket_kms_key_arn or None),
        log_stream=CentralLogStream(
            log_stream.arn,
            customer_key(log_stream.kms_key_id, f"stream {log_stream.name}", "log_stream_arn"),
        ),
        ci_runner_role_arn=runner.arn,
    )


def function_environment(name: str, provider: aws.Provider) -> Mapping[str, str]:
    """Return the environment variables of a function of this stack; none if there is no function.

    Raises
    ------
    LookUpError
        The function cannot be looked up, so nobody knows.
    """
    options = pulumi.InvokeOptions(provider=provider)
    try:
        found = _answered(lambda: aws.lambda_.get_function(function_name=name, opts=options))
    except _ProviderError as error:
        # The provider shows AWS's error, or words of its own.
        if re.search("not ?found|couldn't find", str(error), re.IGNORECASE):
            return {}
        raise LookUpError(
            f"function {name} cannot be looked up: {error}. Let these credentials read it: the "
            "program asks which border of delivery streams it knows"
        ) from error
    # The provider leaves the environment out if a function has no variables.
    return found.environment.variables if found.environment else {}


def _key_of(
    encryption: aws.dynamodb.outputs.GetTableServerSideEncryptionResult | None,
) -> str | None:
    return encryption.kms_key_arn if encryption else None


def _account(settings: Settings, options: pulumi.InvokeOptions) -> str:
    """Return the account of the credentials, which is the stack's."""
    stack = f"stack {settings.environment} belongs to account {settings.account_id}"
    remedy = f"use credentials of the stack's account, or correct {PROJECT}:account_id"
    try:
        account_id = _answered(lambda: aws.get_caller_identity(opts=options).account_id)
    except _ProviderError as error:
        # The provider itself refuses other accounts (`allowed_account_ids`).
        raise WrongAccountError(
            f"{stack}, and these credentials are refused: {error}: {remedy}"
        ) from error
    if account_id != settings.account_id:
        raise WrongAccountError(
            f"{stack}, but these credentials are of account {account_id}: {remedy}"
        )
    return account_id


def _found(what: str, key: str, look: Callable[[], _Found]) -> _Found:
    try:
        return _answered(look)
    except _ProviderError as error:
        raise LookUpError(
            f"{what} cannot be looked up: {error}. It is not this stack's to make: make it, "
            f"let these credentials read it, or correct {PROJECT}:{key}"
        ) from error


class _ProviderError(Exception):
    """What the provider answers instead of what was looked up."""


def _answered(look: Callable[[], _Found]) -> _Found:
    try:
        return look()
    except Exception as error:
        # The SDK raises exactly this class for the provider's errors. A subclass is another error,
        # which is not about the lookup.
        if type(error) is not Exception:
            raise
        raise _ProviderError(str(error)) from error
