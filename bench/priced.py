"""Which items of the bill each kind of resource is in, or why it costs nothing.

A test holds this against the reviewed graph of the stacks: a new kind needs a line here.
"""

from __future__ import annotations

from collections.abc import Mapping

BILLED: Mapping[str, tuple[str, ...]] = {
    "aws:athena/workgroup:Workgroup": ("Athena, refreshes",),
    "aws:cloudwatch/dashboard:Dashboard": ("CloudWatch dashboard",),
    "aws:cloudwatch/logGroup:LogGroup": ("CloudWatch logs",),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("CloudWatch alarms",),
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": (
        "Firehose, intake",
        "Firehose, dynamic partitioning",
        "S3 requests",
    ),
    "aws:lambda/function:Function": (
        "Lambda, transforms",
        "Lambda, writer",
        "CloudWatch metrics",
        "S3 requests",
    ),
    "aws:scheduler/schedule:Schedule": ("Scheduler",),
    "aws:sfn/stateMachine:StateMachine": ("Step Functions", "Athena, refreshes", "S3 requests"),
}
"""The items of the bill, by Pulumi's token of the kind."""

NOT_OWNED: Mapping[str, str] = {
    "Kinesis, the stream itself": "the Kinesis stream, which other teams own",
    "S3, a month's tables": "the bucket, which other teams own",
}
"""The items of the bill that are not of the stack's own resources, and what they are of."""

FREE: Mapping[str, str] = {
    "aws:athena/namedQuery:NamedQuery": "only running a saved query costs something",
    "aws:cloudwatch/logStream:LogStream": "its events are billed with the log group",
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": (
        "CloudWatch Logs bills no delivery to a Kinesis stream (unconfirmed), and the owner of the "
        "central log stream pays for what arrives there"
    ),
    "aws:cloudwatch/queryDefinition:QueryDefinition": "only running a saved query costs something",
    "aws:glue/catalogDatabase:CatalogDatabase": "it is one of the million free objects",
    "aws:glue/catalogTable:CatalogTable": (
        "it is one of the million free objects, and queries make far fewer than the million free "
        "requests of a month"
    ),
    "aws:iam/policy:Policy": "IAM is free",
    "aws:iam/role:Role": "IAM is free",
    "aws:iam/rolePolicy:RolePolicy": "IAM is free",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "IAM is free",
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": (
        "it is a setting of a function"
    ),
    "aws:scheduler/scheduleGroup:ScheduleGroup": "only invocations are billed",
    "aws:sqs/queue:Queue": "it gets a message only when a run fails",
}
"""Why a kind of resource costs nothing, by Pulumi's token of the kind."""
