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
)
