"""The grants that a local run cannot use, each with the AWS page that requires it and the reason.

The tests fail if a grant is neither used nor listed here, because it is not needed. They also fail
if an entry is used or no role has its grant, because it is out of date.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from emulation.gateway import Grant

_FIREHOSE = "https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3"
_ATHENA_GLUE = (
    "https://docs.aws.amazon.com/athena/latest/ug/fine-grained-access-to-glue-resources.html"
)
_ATHENA_S3 = "https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html"
_STEP_FUNCTIONS = "https://docs.aws.amazon.com/step-functions/latest/dg/"
_ATHENA_TASK = f"{_STEP_FUNCTIONS}athena-iam.html"
_SDK_TASK = f"{_STEP_FUNCTIONS}supported-services-awssdk.html"
_SCHEDULER = "https://docs.aws.amazon.com/scheduler/latest/UserGuide/"
_DELIVERY = "delivery-(demand|sale|event|notification)"


@dataclass(frozen=True)
class Unexercised:
    """Actions of one statement that no local run calls.

    Parameters
    ----------
    role
        Pattern of the role's name, after the naming prefix.
    statement
        The Sid.
    actions
        Actions of the statement.
    page
        AWS's page that requires them.
    reason
        Why no local run calls them.
    resource
        Pattern of the resources, if the entry is not for all.
    """

    role: str
    statement: str
    actions: tuple[str, ...]
    page: str
    reason: str
    resource: str = ".*"

    def covers(self, grant: Grant, naming: str) -> bool:
        return (
            re.fullmatch(self.role, grant.role_name.removeprefix(f"{naming}-")) is not None
            and self.statement == grant.statement
            and grant.action in self.actions
            and re.fullmatch(self.resource, grant.resource) is not None
        )


_NO_TABLES = "The queries of `<type>_current` read Iceberg tables, which a local run does not have."


def _of_refreshes(statement: str, page: str, *actions: str, role: str = "current") -> Unexercised:
    reason = (
        "Step Functions and Athena run a refresh, and a local run has neither. `make test-trino` "
        "runs the state machine's definition without the role."
    )
    return Unexercised(role, statement, actions, page, reason)


UNEXERCISED = (
    Unexercised(
        _DELIVERY,
        "FindBucket",
        ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"),
        _FIREHOSE,
        "Firehose requires them, but AWS does not document when it calls them. The emulation makes "
        "only the calls that it needs.",
    ),
    Unexercised(
        _DELIVERY,
        "LandObjects",
        ("s3:AbortMultipartUpload", "s3:GetObject"),
        _FIREHOSE,
        "Firehose uploads large objects in parts; the emulation puts each object in one request.",
    ),
    Unexercised(
        _DELIVERY,
        "TransformRecords",
        ("lambda:GetFunctionConfiguration",),
        _FIREHOSE,
        "Firehose reads the function's time limit; the emulation does not need it, because it "
        "waits for Firehose's own maximum.",
    ),
    Unexercised(
        _DELIVERY,
        "TransformRecords",
        ("lambda:InvokeFunction",),
        _FIREHOSE,
        "Firehose also requires the function with a version; the processor names none here.",
        resource=r".*:\*",
    ),
    Unexercised(
        _DELIVERY,
        "UseBucketKey",
        ("kms:Decrypt",),
        _FIREHOSE,
        "Firehose uploads large objects in parts, for which it decrypts the first part's data key; "
        "the emulation puts each object in one request.",
    ),
    Unexercised(
        "transform-(demand|sale|event|notification)|avro-writer",
        "SendTraces",
        ("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
        "https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html",
        "Lambda sends the traces with the function's role; the emulation traces nothing.",
    ),
    Unexercised(
        "ci",
        "FindDatabase",
        ("glue:GetDatabase",),
        _ATHENA_GLUE,
        "Athena reads the database default for every query; the emulator runs no query.",
        resource=".*:database/default",
    ),
    Unexercised(
        "ci",
        "MakeDefaultDatabase",
        ("glue:CreateDatabase", "glue:GetDatabases"),
        _ATHENA_GLUE,
        "Athena creates the database default if it is missing; the emulator runs no query.",
    ),
    Unexercised(
        "ci",
        "FindResults",
        ("s3:GetBucketLocation", "s3:ListBucketMultipartUploads"),
        _ATHENA_S3,
        "Athena calls them with the caller's permissions; the emulator runs no query.",
    ),
    Unexercised(
        "ci",
        "KeepResults",
        (
            "s3:AbortMultipartUpload",
            "s3:GetObject",
            "s3:ListMultipartUploadParts",
            "s3:PutObject",
        ),
        _ATHENA_S3,
        "Athena uses the caller's permissions for results; the emulator runs no query.",
    ),
    *(
        Unexercised("ci", statement, actions, page, _NO_TABLES, resource=resource)
        for statement, actions, page, resource in (
            ("FindDatabase", ("glue:GetDatabase",), _ATHENA_GLUE, ".*_parquet"),
            ("DescribeTables", ("glue:GetTable", "glue:GetTables"), _ATHENA_GLUE, ".*_parquet.*"),
            ("ReadTables", ("s3:GetObject",), _ATHENA_S3, ".*/parquet/.*"),
        )
    ),
    _of_refreshes(
        "RunQueries",
        _ATHENA_TASK,
        "athena:GetQueryExecution",
        "athena:StartQueryExecution",
        "athena:StopQueryExecution",
    ),
    _of_refreshes("SeeOlder", _SDK_TASK, "states:ListExecutions"),
    _of_refreshes("FindCatalog", _ATHENA_TASK, "athena:GetDataCatalog"),
    _of_refreshes("FindDatabase", _ATHENA_GLUE, "glue:GetDatabase"),
    _of_refreshes("MakeDefaultDatabase", _ATHENA_GLUE, "glue:CreateDatabase", "glue:GetDatabases"),
    _of_refreshes("DescribeChanges", _ATHENA_GLUE, "glue:GetPartitions", "glue:GetTable"),
    _of_refreshes(
        "KeepTables",
        _ATHENA_GLUE,
        "glue:CreateTable",
        "glue:DeleteTable",
        "glue:GetTable",
        "glue:GetTables",
        "glue:UpdateTable",
    ),
    _of_refreshes(
        "FindResults", _ATHENA_S3, "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"
    ),
    _of_refreshes("ListChangesAndTables", _ATHENA_S3, "s3:ListBucket"),
    _of_refreshes("ReadChanges", _ATHENA_S3, "s3:GetObject"),
    _of_refreshes(
        "WriteTables",
        _ATHENA_S3,
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
    ),
    _of_refreshes("KeepAnchors", _SDK_TASK, "s3:GetObject", "s3:PutObject"),
    _of_refreshes("DeleteLateMarks", _SDK_TASK, "s3:DeleteObject"),
    _of_refreshes(
        "KeepResults",
        _ATHENA_S3,
        "s3:AbortMultipartUpload",
        "s3:GetObject",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
    ),
    _of_refreshes("UseBucketKey", _ATHENA_S3, "kms:Decrypt", "kms:GenerateDataKey"),
    _of_refreshes(
        "DeliverLogs",
        f"{_STEP_FUNCTIONS}cw-logs.html#cloudwatch-iam-policy",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    ),
    _of_refreshes(
        "StartRefreshes",
        f"{_SCHEDULER}managing-targets-templated.html",
        "states:StartExecution",
        role="current-scheduler",
    ),
    _of_refreshes(
        "SendDeadLetters",
        f"{_SCHEDULER}configuring-schedule-dlq.html",
        "sqs:SendMessage",
        role="current-scheduler",
    ),
)
