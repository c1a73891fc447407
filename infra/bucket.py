"""The part of the bucket that the pipeline uses: its prefixes, and who may do what below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infra.keys import READ, WRITE, key_statements
from infra.naming import DATA_PREFIX
from infra.policies import Condition, Statement, allow


@dataclass(frozen=True)
class DataBucket:
    """The bucket of the demand capture; the pipeline keeps to what lies below ``data-pipeline/``.

    The prefixes are those of docs/design.md#the-bucket.
    """

    name: str
    arn: str
    key_arn: str | None = None
    """The customer-managed KMS key that it encrypts with, if it has one."""

    def landing_prefix(self, record_type: str, lanes: int) -> str:
        """Return where a delivery stream lands its objects, as Firehose's expression.

        The number of lanes is part of the key, so that an object's lane never changes.
        """
        return f"{DATA_PREFIX}/landing/{record_type}/lanes={lanes}/" + "!{timestamp:yyyy/MM/dd/HH}/"

    def error_prefix(self, record_type: str) -> str:
        """Return where a delivery stream writes what failed, as Firehose's expression."""
        return (
            f"{DATA_PREFIX}/errors/{record_type}/"
            "!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"
        )

    def table_location(self, record_type: str) -> str:
        """Return the location of a type's table, an ``s3://`` URL that ends with a slash."""
        return f"s3://{self.name}/{DATA_PREFIX}/avro/{record_type}/"

    @property
    def query_results(self) -> str:
        """Where Athena writes results, an ``s3://`` URL that ends with a slash."""
        return f"s3://{self.name}/{DATA_PREFIX}/athena/results/"

    def delivery_statements(self, record_type: str) -> list[Statement]:
        """Return what Firehose needs to land a record type's objects.

        https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3
        """
        return [
            allow(
                "FindBucket",
                ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
                [self.arn],
            ),
            allow(
                "LandObjects",
                ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
                [self._below(f"landing/{record_type}"), self._below(f"errors/{record_type}")],
            ),
            *self._key_statements(),
        ]

    def writer_statements(self) -> list[Statement]:
        """Return what the Avro writer needs, which makes its protocol law.

        Outputs are create-only and inputs go only as they were read: a put below ``avro/`` and a
        delete below ``landing/`` without the condition is denied, whatever the function's code.
        See docs/design.md#permissions.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html
        """
        landing, plans = self._below("landing"), self._below("compaction")
        avro, quarantine = self._below("avro"), self._below("quarantine")
        return [
            # Also tells a key that is not there (404) from one that is none of the writer's (403):
            # of a missing key S3 asks for ListBucket with the key as prefix (ceph/ceph#68577).
            self._list("ListLandedAndPlans", ["landing", "compaction"]),
            # A conditional write or delete with If-Match needs GetObject on the key, too.
            allow("ReadLandedAndPlans", ["s3:GetObject"], [landing, plans]),
            allow("CreateOutputs", ["s3:PutObject"], [avro, quarantine], _with("if-none-match")),
            allow("CreatePlan", ["s3:PutObject"], [plans], _with("if-none-match")),
            allow("CommitPlan", ["s3:PutObject"], [plans], _with("if-match")),
            allow("CleanUp", ["s3:DeleteObject"], [landing, plans], _with("if-match")),
            *self._key_statements(),
        ]

    def query_statements(self) -> list[Statement]:
        """Return what Athena needs of somebody who queries the tables.

        https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html
        """
        return [
            allow(
                "FindResults",
                ["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"],
                [self.arn],
            ),
            self._list("ListTables", ["avro", "athena/results"]),
            allow("ReadTables", ["s3:GetObject"], [self._below("avro")]),
            allow(
                "KeepResults",
                [
                    "s3:AbortMultipartUpload",
                    "s3:GetObject",
                    "s3:ListMultipartUploadParts",
                    "s3:PutObject",
                ],
                [self._below("athena/results")],
            ),
            *self._key_statements(),
        ]

    def test_write_statements(self) -> list[Statement]:
        """Return what a test of a deployed stack needs to put objects of its own, and see them.

        Below ``test/`` alone: what it put anywhere else would be taken for what Firehose or the
        Avro writer put.
        """
        return [
            self._list("ListTestObjects", ["test"]),
            allow("PutTestObjects", ["s3:GetObject", "s3:PutObject"], [self._below("test")]),
            *self._key_statements(),
        ]

    def test_delete_statements(self) -> list[Statement]:
        """Return what a test of a deployed stack needs to remove what it has put."""
        return [allow("DeleteTestObjects", ["s3:DeleteObject"], [self._below("test")])]

    def _below(self, area: str) -> str:
        return f"{self.arn}/{DATA_PREFIX}/{area}/*"

    def _list(self, sid: str, areas: Sequence[str]) -> Statement:
        prefixes = [f"{DATA_PREFIX}/{area}/*" for area in areas]
        return allow(sid, ["s3:ListBucket"], [self.arn], {"StringLike": {"s3:prefix": prefixes}})

    def _key_statements(self) -> list[Statement]:
        """Return what S3 needs of whoever reads and writes objects, if the bucket has a key.

        With a bucket key the encryption context is the bucket's ARN, without one the object's.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
        """
        return key_statements(
            "UseBucketKey",
            self.key_arn,
            [READ, WRITE],
            service="s3",
            context={"aws:s3:arn": [self.arn, f"{self.arn}/{DATA_PREFIX}/*"]},
        )


def _with(precondition: str) -> Condition:
    return {"Null": {f"s3:{precondition}": "false"}}
