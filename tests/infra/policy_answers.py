"""The linter's findings that we accept, each with the reason and limited to its place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.infra.policy_linter import Finding


@dataclass(frozen=True)
class Answer:
    """Findings of one rule on some statements, and why the statements stay as they are.

    ``policy`` and ``sid`` are patterns of whole names.
    """

    check: str
    policy: str
    sid: str
    reason: str

    def answers(self, finding: Finding) -> bool:
        return (
            self.check == finding.check
            and re.fullmatch(self.policy, finding.policy) is not None
            and re.fullmatch(self.sid, finding.sid) is not None
        )


ANSWERS = (
    Answer(
        "sensitive_action",
        "kinesis-read",
        "ReadChanges",
        "Wants GetRecords tied to a network or an organisation. Firehose reads from AWS's own "
        "network, and the statement names the one stream.",
    ),
    Answer(
        "sensitive_action",
        "trust of (transform-(demand|sale|event|notification|all-types)|avro-writer)",
        "",
        "Wants a condition on who assumes the role. Lambda's page names no key that it supports "
        "for a function's role, and iam:PassRole keeps the role from another account's function: "
        "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html",
    ),
    Answer(
        "sensitive_action",
        "trust of ci",
        "",
        "Wants a condition on who assumes the role. As in the previous system, only the account's "
        "administrators and the one role of the CI runners may assume it.",
    ),
    Answer(
        "sensitive_action",
        "dynamodb-rw",
        "ReadWriteItems|QueryItems",
        "Wants reading tied to a network or an organisation. CI runners have no network that is "
        "known here, and the statements name the one table, which the reference grants as a whole.",
    ),
    Answer(
        "sensitive_action",
        "athena-query-execution",
        "RunQueries",
        "Wants queries tied to a network or an organisation. CI runners have no network that is "
        "known here, and the statement names the one workgroup.",
    ),
    Answer(
        "sensitive_action",
        "current",
        "RunQueries",
        "Wants queries tied to a network or an organisation. Step Functions asks from AWS's own "
        "network, and the statement names the one workgroup.",
    ),
    Answer(
        "sensitive_action",
        "current",
        "WriteTables|DeleteLateMarks",
        "Wants deletions confirmed by a person (MFA). Athena deletes files of its own tables, and "
        "a refresh the marks that it has read. The statements name these areas of the bucket.",
    ),
    Answer(
        "sensitive_action",
        "current",
        "DeliverLogs",
        "Wants a condition on changes of the log groups' policy. Step Functions makes them with "
        "this role, and AWS's page names no condition key: "
        "https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy",
    ),
    Answer(
        "sensitive_action",
        "s3-delete-test",
        "DeleteTestObjects",
        "Wants deletions confirmed by a person (MFA). CI deletes its own objects, only below "
        "data-pipeline/test/.",
    ),
    Answer(
        "sensitive_action",
        "operate",
        "TestAsCi",
        "Wants a condition on who assumes a role. The statement names the one role, and the trust "
        "policy of that role says who may assume it.",
    ),
    Answer(
        "sensitive_action",
        "operate",
        "ReadStreamAgain",
        "Wants reading tied to a network or an organisation. The people on call have no network "
        "that is known here, and the statement names the one stream.",
    ),
    Answer(
        "action_condition_enforcement",
        "delivery-(demand|sale|event|notification|all-types)|avro-writer|s3-write|athena-query-execution"
        "|operate|current",
        "LandObjects|ReadLandedAndPlans|CreateOutputs|CreatePlan|CommitPlan|PutTestObjects"
        "|ReadTables|KeepResults|ReadWhatIsKept|BringBack|ReadChanges|WriteTables|KeepAnchors",
        "Wants aws:ResourceAccount or a network. Another team owns the bucket. No setting names "
        "the account that it is in.",
    ),
    Answer(
        "condition_key_validation",
        "delivery-(demand|sale|event|notification|all-types)|avro-writer|s3-write|athena-query-execution"
        "|operate|current",
        "UseBucketKey",
        "Reports the colons in kms:EncryptionContext:aws:s3:arn as an error. AWS defines that key: "
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#encryption-context",
    ),
)
