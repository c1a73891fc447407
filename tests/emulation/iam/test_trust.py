from __future__ import annotations

from typing import Any

import pytest

from emulation.iam.context import Context
from emulation.iam.errors import MalformedPolicy, UnknownPolicyElement
from emulation.iam.policy import parse_policy
from emulation.iam.trust import Principal, Trust, evaluate_trust

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/GitRunner"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/GitRunner/job"
RUNNER = Principal("AWS", frozenset({ROLE, SESSION}), ACCOUNT)
FIREHOSE = Principal("Service", frozenset({"firehose.amazonaws.com"}))


def trust(principal: Any, who: Principal, keys: dict[str, str] | None = None, **more: Any) -> Trust:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}
    document = {"Version": "2012-10-17", "Statement": statement}
    return evaluate_trust(
        parse_policy(document, name="trust", trust=True), who, Context(keys or {})
    )


@pytest.mark.parametrize(
    ("principal", "who", "expected"),
    [
        ({"Service": "firehose.amazonaws.com"}, FIREHOSE, Trust.TRUSTED),
        ({"Service": ["a.amazonaws.com", "firehose.amazonaws.com"]}, FIREHOSE, Trust.TRUSTED),
        ({"Service": "lambda.amazonaws.com"}, FIREHOSE, Trust.REFUSED),
        ({"AWS": "firehose.amazonaws.com"}, FIREHOSE, Trust.REFUSED),
        ({"AWS": ROLE}, RUNNER, Trust.TRUSTED),
        ({"AWS": SESSION}, RUNNER, Trust.TRUSTED),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/Other"}, RUNNER, Trust.REFUSED),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"}, RUNNER, Trust.REFUSED),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, RUNNER, Trust.DELEGATED),
        ({"AWS": ACCOUNT}, RUNNER, Trust.DELEGATED),
        ({"AWS": "210987654321"}, RUNNER, Trust.REFUSED),
        ({"AWS": [ACCOUNT, ROLE]}, RUNNER, Trust.TRUSTED),
        ("*", RUNNER, Trust.TRUSTED),
        ({"AWS": "*"}, RUNNER, Trust.TRUSTED),
        ({"AWS": "*"}, FIREHOSE, Trust.TRUSTED),
        ({"Federated": "cognito-identity.amazonaws.com"}, RUNNER, Trust.REFUSED),
    ],
)
def test_a_trust_policy_names_who_may_assume_the_role(
    principal: Any, who: Principal, expected: Trust
) -> None:
    assert trust(principal, who) is expected


def test_a_statement_with_another_action_lets_nobody_assume_the_role() -> None:
    assert trust({"AWS": ROLE}, RUNNER, Action="sts:TagSession") is Trust.REFUSED


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, Trust.REFUSED),
        ({"aws:SourceAccount": ACCOUNT}, Trust.REFUSED),
        (
            {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": "arn:aws:firehose:a:b:c/x"},
            Trust.TRUSTED,
        ),
        ({"aws:SourceAccount": "2", "aws:SourceArn": "arn:aws:firehose:a:b:c/x"}, Trust.REFUSED),
        (
            {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": "arn:aws:firehose:a:b:d/x"},
            Trust.REFUSED,
        ),
    ],
)
def test_the_confused_deputy_conditions_hold(keys: dict[str, str], expected: Trust) -> None:
    condition = {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": "arn:aws:firehose:a:b:c/*"},
    }
    service = {"Service": "firehose.amazonaws.com"}
    assert trust(service, FIREHOSE, keys, Condition=condition) is expected


@pytest.mark.parametrize("principals", [(ROLE, ACCOUNT), (ACCOUNT, ROLE)])
def test_the_statement_that_trusts_most_decides(principals: tuple[str, str]) -> None:
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": each}, "Action": "sts:*"} for each in principals
    ]
    policy = parse_policy({"Statement": statements}, name="trust", trust=True)
    assert evaluate_trust(policy, RUNNER, Context()) is Trust.TRUSTED


def test_a_denial_beats_trust() -> None:
    document = {
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "sts:*"},
            {"Effect": "Deny", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"},
        ]
    }
    policy = parse_policy(document, name="trust", trust=True)
    assert evaluate_trust(policy, RUNNER, Context()) is Trust.REFUSED


@pytest.mark.parametrize(
    ("element", "error"),
    [
        ({"Principal": {"Robot": "x"}}, UnknownPolicyElement),
        ({"NotPrincipal": {"AWS": "x"}}, UnknownPolicyElement),
        ({"Principal": None}, MalformedPolicy),
        ({"Resource": "*"}, MalformedPolicy),
        ({"NotResource": "*"}, MalformedPolicy),
    ],
)
def test_a_malformed_or_unknown_trust_policy_is_an_error(
    element: dict[str, Any], error: type[Exception]
) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "sts:*", **element}
    with pytest.raises(error):
        parse_policy({"Statement": statement}, name="trust", trust=True)
