"""The grants that a local run cannot exercise: each with the AWS page that asks for it, and why.

A grant that is neither used nor listed here is one too many; an entry that is used, or that no
role is granted, is out of date. Both fail the tests.
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
_DELIVERY = "delivery-(demand|sale|event|notification)"


@dataclass(frozen=True)
class Unexercised:
    """Actions of one statement that nothing here calls.

    Parameters
    ----------
    role
        Pattern of the role's name, after the naming prefix.
    statement
        The Sid.
    actions
        Which of its actions.
    page
        Where AWS asks for them.
    reason
        Why they are not called here.
    resource
        Pattern of the resource, where only some are meant.
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


UNEXERCISED = (
    Unexercised(
        _DELIVERY,
        "FindBucket",
        ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"),
        _FIREHOSE,
        "Firehose asks for them; when it calls them is not documented, and the emulation makes "
        "no call that it does not need.",
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
        "Firehose reads the function's time limit; the emulation needs none, as it waits as long "
        "as Firehose does at most.",
    ),
    Unexercised(
        _DELIVERY,
        "TransformRecords",
        ("lambda:InvokeFunction",),
        _FIREHOSE,
        "Firehose asks for the function with a version, too; the processor names none here.",
        resource=r".*:\*",
    ),
    Unexercised(
        _DELIVERY,
        "UseBucketKey",
        ("kms:Decrypt",),
        _FIREHOSE,
        "Firehose uploads large objects in parts, which takes reading the first part's data key; "
        "the emulation puts each object in one request.",
    ),
    Unexercised(
        "transform-(demand|sale|event|notification)|avro-writer",
        "SendTraces",
        ("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
        "https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html",
        "Lambda sends the traces beside the function; the emulation traces nothing.",
    ),
    Unexercised(
        "ci",
        "FindDatabase",
        ("glue:GetDatabase",),
        _ATHENA_GLUE,
        "Athena looks into the database default whatever the query; the emulator runs no query.",
        resource=".*:database/default",
    ),
    Unexercised(
        "ci",
        "MakeDefaultDatabase",
        ("glue:CreateDatabase", "glue:GetDatabases"),
        _ATHENA_GLUE,
        "Athena makes the database default where there is none; the emulator runs no query.",
    ),
    Unexercised(
        "ci",
        "FindResults",
        ("s3:GetBucketLocation", "s3:ListBucketMultipartUploads"),
        _ATHENA_S3,
        "Athena calls them on behalf of whoever queries; the emulator runs no query.",
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
        "Athena writes and reads results on behalf of whoever queries; the emulator runs no query.",
    ),
)
