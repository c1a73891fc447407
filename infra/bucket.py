"""The part of the bucket that the pipeline uses: its prefixes, and the grants on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from infra.deliveries import Delivery
from infra.keys import READ, WRITE, key_statements
from infra.naming import DATA_PREFIX
from infra.policies import Condition, Statement, allow

# What Athena needs to write objects, beside reading them.
_KEEP = ("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject")


@dataclass(frozen=True)
class DataBucket:
    """The bucket of the demand capture. The pipeline only uses keys below ``data-pipeline/``.

    The prefixes are those of docs/design.md#the-bucket.
    """

    name: str
    arn: str
    key_arn: str | None = None
    """The customer-managed KMS key that encrypts the bucket, if there is one."""

    def landing_prefix(self, record_type: str, lanes: int) -> str:
        """Return a delivery stream's prefix for landed objects, as Firehose's expression.

        The record type may be an expression, too.
        The number of lanes is part of the key, so that an object's lane never changes.
        """
        return f"{DATA_PREFIX}/landing/{record_type}/lanes={lanes}/" + "!{timestamp:yyyy/MM/dd/HH}/"

    def error_prefix(self, delivery: str) -> str:
        """Return a delivery stream's prefix for failed records, as Firehose's expression."""
        return (
            f"{DATA_PREFIX}/errors/{delivery}/"
            "!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"
        )

    def table_location(self, record_type: str) -> str:
        """Return the location of a type's table, an ``s3://`` URL that ends with a slash."""
        return f"s3://{self.name}/{DATA_PREFIX}/avro/{record_type}/"

    @property
    def query_results(self) -> str:
        """The location of Athena's results, an ``s3://`` URL that ends with a slash."""
        return f"s3://{self.name}/{DATA_PREFIX}/athena/results/"

    @property
    def refresh_results(self) -> str:
        """The location of the results of refreshes, an ``s3://`` URL that ends with a slash."""
        return f"s3://{self.name}/{DATA_PREFIX}/athena/current/"

    def delivery_statements(self, delivery: Delivery) -> list[Statement]:
        """Return the grants that Firehose needs to land a delivery stream's objects.

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
                [
                    *(self._below(f"landing/{each}") for each in delivery.record_types),
                    self._below(f"errors/{delivery.name}"),
                ],
            ),
            *self._key_statements(),
        ]

    def writer_statements(self) -> list[Statement]:
        """Return the grants of the Avro writer, which also enforce its protocol.

        S3 denies a put below ``avro/`` without the condition that the object does not exist, and a
        delete below ``landing/`` without the condition that it is unchanged, whatever the
        function's code does. See docs/design.md#permissions.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html
        """
        landing, plans = self._below("landing"), self._below("compaction")
        avro, quarantine = self._below("avro"), self._below("quarantine")
        return [
            # Without ListBucket on the key as prefix, S3 answers 403 in place of 404 for a missing
            # key (ceph/ceph#68577).
            self._list("ListLandedAndPlans", ["landing", "compaction"]),
            # A conditional write or delete with If-Match also needs GetObject on the key.
            allow("ReadLandedAndPlans", ["s3:GetObject"], [landing, plans]),
            allow(
                "CreateOutputs",
                ["s3:PutObject"],
                [avro, self._late_marks, quarantine],
                _with("if-none-match"),
            ),
            allow("CreatePlan", ["s3:PutObject"], [plans], _with("if-none-match")),
            allow("CommitPlan", ["s3:PutObject"], [plans], _with("if-match")),
            allow("CleanUp", ["s3:DeleteObject"], [landing, plans], _with("if-match")),
            *self._key_statements(),
        ]

    def operate_statements(self) -> list[Statement]:
        """Return the grants with which an operator sees what is kept, and brings it back.

        As the Avro writer, an operator can only create objects: S3 denies a put without the
        condition that the object does not exist, and there is no delete.
        """
        kept = ["errors", "quarantine", "compaction", "avro", "replay", "backfill"]
        return [
            self._list("SeeWhatIsKept", ["landing", *kept]),
            allow("ReadWhatIsKept", ["s3:GetObject"], [self._below(each) for each in kept]),
            allow(
                "BringBack",
                ["s3:PutObject"],
                [*(self._below(each) for each in ("avro", "replay", "backfill")), self._late_marks],
                _with("if-none-match"),
            ),
            *self._key_statements(),
        ]

    def query_statements(self, *, current_state: bool) -> list[Statement]:
        """Return the grants on the bucket that a caller of Athena needs for queries.

        https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html

        Parameters
        ----------
        current_state
            Whether the stack has current-state tables.
        """
        tables = ["avro", "parquet"] if current_state else ["avro"]
        return [
            self._find_results(),
            self._list("ListTables", [*tables, "athena/results"]),
            allow("ReadTables", ["s3:GetObject"], [self._below(each) for each in tables]),
            allow("KeepResults", [*_KEEP, "s3:GetObject"], [self._below("athena/results")]),
            *self._key_statements(),
        ]

    def refresh_statements(self, record_types: Sequence[str]) -> list[Statement]:
        """Return the grants on the bucket with which the current-state tables are refreshed.

        Athena reads the changes and writes, optimizes and drops Iceberg tables with the
        permissions of its caller. The state machines themselves read and put the anchor, and list
        and delete the late marks.
        https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html
        https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg-updating-iceberg-table-data.html

        Parameters
        ----------
        record_types
            The record types of the tables.
        """

        def of_each(pattern: str) -> list[str]:
            return [pattern.format(each) for each in record_types]

        changes, tables = of_each("avro/{}"), of_each("parquet/{}")
        return [
            self._find_results(),
            # As above: without ListBucket, a missing anchor would be answered with 403.
            self._list(
                "ListChangesAndTables",
                [*changes, *tables, *of_each("current/{}"), "athena/current"],
            ),
            allow("ReadChanges", ["s3:GetObject"], [self._below(each) for each in changes]),
            allow(
                "WriteTables",
                [*_KEEP, "s3:DeleteObject", "s3:GetObject"],
                [self._below(each) for each in tables],
            ),
            allow(
                "KeepAnchors",
                ["s3:GetObject", "s3:PutObject"],
                [self._below(each) for each in of_each("current/{}/refreshed")],
            ),
            allow(
                "DeleteLateMarks",
                ["s3:DeleteObject"],
                [self._below(each) for each in of_each("current/{}/late")],
            ),
            allow("KeepResults", [*_KEEP, "s3:GetObject"], [self._below("athena/current")]),
            *self._key_statements(),
        ]

    def test_write_statements(self) -> list[Statement]:
        """Return the grants with which a test of a deployed stack puts and reads its own objects.

        They are only for keys below ``test/``. Anywhere else, the pipeline would take such an
        object for one of Firehose or the Avro writer.
        """
        return [
            self._list("ListTestObjects", ["test"]),
            allow("PutTestObjects", ["s3:GetObject", "s3:PutObject"], [self._below("test")]),
            *self._key_statements(),
        ]

    def test_delete_statements(self) -> list[Statement]:
        """Return the grants with which a test of a deployed stack deletes its own objects."""
        return [allow("DeleteTestObjects", ["s3:DeleteObject"], [self._below("test")])]

    def smoke_statements(self) -> list[Statement]:
        """Return the grants with which the smoke test sees which objects come; it reads none.

        What it lists below ``avro/`` is in `query_statements`.
        """
        return [self._list("SeeWhatComes", ["landing", "errors", "quarantine"])]

    @property
    def _late_marks(self) -> str:
        """The marks that tell a refresh of files of earlier dates (docs/design.md#the-bucket)."""
        return self._below("current/*/late")

    def _find_results(self) -> Statement:
        return allow(
            "FindResults", ["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], [self.arn]
        )

    def _below(self, area: str) -> str:
        return f"{self.arn}/{DATA_PREFIX}/{area}/*"

    def _list(self, sid: str, areas: Sequence[str]) -> Statement:
        prefixes = [f"{DATA_PREFIX}/{area}/*" for area in areas]
        return allow(sid, ["s3:ListBucket"], [self.arn], {"StringLike": {"s3:prefix": prefixes}})

    def _key_statements(self) -> list[Statement]:
        """Return the grants on the bucket's KMS key for reading and writing, if there is one.

        With an S3 Bucket Key, the encryption context is the bucket's ARN, otherwise the object's.
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
