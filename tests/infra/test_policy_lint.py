"""No policy of any stack has a finding of the linter, or an error by AWS's service reference."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.naming import ENVIRONMENTS
from tests.infra.policy_answers import ANSWERS
from tests.infra.policy_documents import PolicyDocument, policy_documents, texts
from tests.infra.policy_linter import Finding, lint
from tests.infra.policy_rules import violations
from tests.infra.recorded import ACCOUNTS, shared

Documents = Callable[[str, str], list[PolicyDocument]]

# Settings that add grants. The tests must also pass with them.
VARIANTS = ("as it is", "everything on")


def options(stack: str, variant: str) -> Mapping[str, Any]:
    if variant == "as it is":
        return {}
    key = f"arn:aws:kms:us-east-1:{ACCOUNTS[stack]}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    topic = f"arn:aws:sns:us-east-1:{ACCOUNTS[stack]}:on-call"
    return {
        "tracing": "true",
        "bucket_kms_key_arn": key,
        "alarm_topic_arn": topic,
        # Both kinds of delivery streams.
        "delivery": "shared",
        "delivery_border": "2026-12-01T12:00Z",
    }


@pytest.fixture(scope="session")
def documents(packages: Path) -> Documents:
    """Return the policy documents of a stack."""

    @cache
    def of(stack: str, variant: str) -> list[PolicyDocument]:
        return policy_documents(shared(stack, packages, **options(stack, variant)))

    return of


@pytest.fixture(scope="session")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the service reference."""
    return tmp_path_factory.mktemp("service-reference")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_every_policy_is_true_to_the_service_reference(
    documents: Documents, stack: str, variant: str
) -> None:
    found = documents(stack, variant)
    assert {each.trust for each in found} == {True, False}
    assert [line for each in found for line in violations(each)] == []


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_the_linter_finds_nothing_but_what_is_answered(
    documents: Documents, definitions: Path, stack: str, variant: str
) -> None:
    found = lint(documents(stack, variant), definitions)
    assert [each for each in found if not any(a.answers(each) for a in ANSWERS)] == []


def test_each_answer_is_to_something_that_the_linter_finds(
    documents: Documents, definitions: Path
) -> None:
    found = lint(documents("dev1", "everything on"), definitions)
    assert [a for a in ANSWERS if not any(a.answers(each) for each in found)] == []


def test_the_optional_settings_add_grants(documents: Documents) -> None:
    def actions(variant: str) -> set[str]:
        return {action for each in documents("dev1", variant) for action in each.actions}

    added = {action.partition(":")[0] for action in actions("everything on") - actions("as it is")}
    assert added == {"kms", "xray"}


BUCKET = "arn:aws:s3:::bucket"
GROUP = "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/f"
SCHEDULER_GROUP = "arn:aws:scheduler:us-east-1:111122223333:schedule-group/g"
GLUE = "arn:aws:glue:us-east-1:111122223333"
TABLE = "arn:aws:dynamodb:us-east-1:111122223333:table/t"


def document(action: str | list[str], resource: str | list[str], **more: Any) -> PolicyDocument:
    statement = {
        "Sid": "S",
        "Effect": "Allow",
        "Action": texts(action),
        "Resource": texts(resource),
        **more,
    }
    return PolicyDocument("p", False, {"Version": "2012-10-17", "Statement": [statement]})


GOOD = {
    "an object": document("s3:GetObject", f"{BUCKET}/a/*"),
    "a bucket": document("s3:ListBucket", BUCKET),
    "a condition of the action": document(
        "s3:ListBucket", BUCKET, Condition={"StringLike": {"s3:prefix": "a/*"}}
    ),
    "a log stream, by the group and all below it": document("logs:PutLogEvents", f"{GROUP}:*"),
    "a function with its versions": document(
        "lambda:InvokeFunction",
        [
            "arn:aws:lambda:us-east-1:111122223333:function:f",
            "arn:aws:lambda:us-east-1:111122223333:function:f:*",
        ],
    ),
    "no resource, as AWS has it": document("xray:PutTraceSegments", "*"),
    "all that Glue asks for": document(
        "glue:GetTable", [f"{GLUE}:catalog", f"{GLUE}:database/d", f"{GLUE}:table/d/*"]
    ),
    "a table and its indexes": document("dynamodb:Query", [TABLE, f"{TABLE}/index/*"]),
}

BROKEN = {
    "a misspelt action": (document("s3:GetObjekt", f"{BUCKET}/*"), "no action s3:GetObjekt"),
    "a service that is not there": (document("s4:GetObject", f"{BUCKET}/*"), "no action s4:"),
    "a wildcard in an action": (document("s3:Get*", f"{BUCKET}/*"), "no action s3:Get*"),
    "an object's action on a bucket": (
        document("s3:GetObject", BUCKET),
        "s3:GetObject does not work on",
    ),
    "a bucket's action on objects": (
        document("s3:ListBucket", f"{BUCKET}/a/*"),
        "s3:ListBucket does not work on",
    ),
    "an action that is in the wrong statement": (
        document(["s3:GetObject", "s3:ListBucket"], f"{BUCKET}/a/*"),
        "s3:ListBucket does not work on",
    ),
    "a stream's action on its group": (
        document("logs:PutLogEvents", GROUP),
        "logs:PutLogEvents does not work on",
    ),
    "an ARN of another service": (
        document("sqs:SendMessage", "arn:aws:sns:us-east-1:111122223333:q"),
        "sqs:SendMessage does not work on",
    ),
    "anything, where there is something narrower": (
        document("s3:GetObject", "*"),
        "s3:GetObject is granted on * though",
    ),
    "anybody's": (
        document("sqs:SendMessage", "arn:aws:sqs:us-east-1:*:q"),
        "leaves account or name open",
    ),
    "any bucket": (document("s3:GetObject", "arn:aws:s3:::*/a"), "leaves account or name open"),
    "any type of resource": (
        document("scheduler:GetSchedule", "arn:aws:scheduler:us-east-1:111122223333:sch*/g/s"),
        "with a wildcard for the resource type",
    ),
    "something, where there is only anything": (
        document("xray:PutTraceSegments", f"{BUCKET}"),
        "xray:PutTraceSegments works on no resource",
    ),
    "a table without its database": (
        document("glue:GetTable", [f"{GLUE}:catalog", f"{GLUE}:table/d/*"]),
        "glue:GetTable needs a database too",
    ),
    "an index without its table": (
        document("dynamodb:Query", [f"{TABLE}/index/*"]),
        "dynamodb:Query needs a table too",
    ),
    "a condition key that is nowhere": (
        document("s3:GetObject", f"{BUCKET}/*", Condition={"Null": {"s3:if-mach": "false"}}),
        "s3:GetObject has no condition key s3:if-mach",
    ),
    "a condition key of another action": (
        document("s3:GetObject", f"{BUCKET}/*", Condition={"Null": {"s3:if-match": "false"}}),
        "s3:GetObject has no condition key s3:if-match",
    ),
    "a condition key that one of two actions lacks": (
        document(
            ["s3:PutObject", "s3:AbortMultipartUpload"],
            f"{BUCKET}/*",
            Condition={"Null": {"s3:if-match": "false"}},
        ),
        "s3:AbortMultipartUpload has no condition key s3:if-match",
    ),
    "all but some actions": (
        PolicyDocument(
            "p",
            False,
            {"Statement": [{"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": BUCKET}]},
        ),
        "NotAction grants what nobody has named",
    ),
    "a trust policy with a key that is not there": (
        PolicyDocument(
            "r",
            True,
            {
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "firehose.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                        "Condition": {"ArnLike": {"aws:SourceARNs": SCHEDULER_GROUP}},
                    }
                ]
            },
        ),
        "sts:AssumeRole has no condition key aws:SourceARNs",
    ),
}


@pytest.mark.parametrize("policy", GOOD.values(), ids=GOOD)
def test_a_good_document_is_left_alone(policy: PolicyDocument) -> None:
    assert violations(policy) == []


@pytest.mark.parametrize(("policy", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_document_is_found(policy: PolicyDocument, says: str) -> None:
    (finding,) = violations(policy)
    assert says in finding


LINTED = {
    "a misspelt action": ("action_validation", document("s3:GetObjekt", f"{BUCKET}/*")),
    "a wrong type of ARN": ("action_resource_matching", document("s3:GetObject", BUCKET)),
    "a condition key that is not there": (
        "condition_key_validation",
        document("sqs:SendMessage", f"{BUCKET}", Condition={"Null": {"sqs:none": "true"}}),
    ),
    "an operator of another type": (
        "condition_type_mismatch",
        document(
            "s3:ListBucket", BUCKET, Condition={"NumericEquals": {"s3:prefix": "data-pipeline"}}
        ),
    ),
    "anything": ("wildcard_resource", document("sqs:SendMessage", "*")),
    "every action": ("wildcard_action", document("*", BUCKET)),
    "a misspelt effect": (
        "policy_structure",
        document("s3:ListBucket", BUCKET, Effect="Permit"),
    ),
}


@pytest.mark.parametrize(("check", "policy"), LINTED.values(), ids=LINTED)
def test_the_linter_finds_a_broken_document(
    definitions: Path, check: str, policy: PolicyDocument
) -> None:
    assert check in {each.check for each in lint([policy], definitions)}


def test_the_linter_finds_a_trust_without_a_source(documents: Documents, definitions: Path) -> None:
    found = next(
        each for each in documents("dev1", "as it is") if each.label == "trust of delivery-sale"
    )
    open_to_all = copy.deepcopy(dict(found.document))
    del open_to_all["Statement"][0]["Condition"]
    checks = {each.check for each in lint([PolicyDocument("r", True, open_to_all)], definitions)}
    assert checks - {each.check for each in lint([found], definitions)}


def test_an_answer_is_only_to_the_statements_that_it_names() -> None:
    other = Finding("avro-writer", "ReadChanges", "sensitive_action", "")
    assert not any(each.answers(other) for each in ANSWERS)
