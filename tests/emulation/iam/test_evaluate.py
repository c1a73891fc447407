from __future__ import annotations

import fnmatch
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulation.iam.context import Context
from emulation.iam.errors import (
    MalformedPolicy,
    PolicyError,
    UnknownConditionKey,
    UnknownConditionOperator,
    UnknownPolicyElement,
)
from emulation.iam.evaluate import Grants, Request, evaluate, evaluate_grants
from emulation.iam.patterns import matches
from emulation.iam.policy import Policy, parse_policy

BUCKET = "arn:aws:s3:::demand"
KEY = f"{BUCKET}/data-pipeline/avro/x.avro"


def policy(*statements: dict[str, Any], version: str = "2012-10-17") -> Policy:
    return parse_policy({"Version": version, "Statement": list(statements)}, name="grants")


def statement(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    return {"Effect": effect, **elements}


def allowed(request: Request, *policies: Policy) -> bool:
    return evaluate(request, policies).allowed


def test_what_no_statement_allows_is_denied() -> None:
    decision = evaluate(Request("s3:GetObject", KEY), ())
    assert not decision.allowed
    assert decision.reason == "because no identity-based policy allows the s3:GetObject action"


def test_the_decision_names_the_statement() -> None:
    grants = policy(
        statement(Sid="List", Action="s3:ListBucket", Resource=BUCKET),
        statement(Sid="Read", Action="s3:GetObject", Resource=f"{BUCKET}/*"),
    )
    decision = evaluate(Request("s3:GetObject", KEY), (grants,))
    assert (decision.policy, decision.statement) == ("grants", "Read")


def test_the_first_of_several_statements_that_allow_a_request_decides() -> None:
    sids = ("First", "Second")
    grants = policy(*(statement(Sid=sid, Action="s3:*", Resource="*") for sid in sids))
    assert evaluate(Request("s3:GetObject", KEY), (grants,)).statement == "First"


def test_an_explicit_deny_beats_an_allow_wherever_it_stands() -> None:
    allow = statement(Action="s3:*", Resource="*")
    deny = statement("Deny", Sid="Never", Action="s3:GetObject", Resource=KEY)
    for grants in ((policy(allow, deny),), (policy(deny), policy(allow))):
        decision = evaluate(Request("s3:GetObject", KEY), grants)
        assert not decision.allowed
        assert decision.statement == "Never"
        assert decision.reason == "with an explicit deny in an identity-based policy"


@pytest.mark.parametrize(
    ("pattern", "action", "expected"),
    [
        ("*", "s3:GetObject", True),
        ("s3:*", "s3:GetObject", True),
        ("s3:Get*", "s3:GetObject", True),
        ("S3:getobject", "s3:GetObject", True),
        ("s3:GetObjec?", "s3:GetObject", True),
        ("s3:Get", "s3:GetObject", False),
        ("kinesis:*", "s3:GetObject", False),
        ("s3:GetObject*", "s3:GetObjectVersion", True),
        ("s3:GetObject", "s3:GetObjectVersion", False),
    ],
)
def test_actions_match_by_wildcards_and_in_any_case(
    pattern: str, action: str, expected: bool
) -> None:
    grants = policy(statement(Action=pattern, Resource="*"))
    assert allowed(Request(action, KEY), grants) is expected


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        ("*", KEY, True),
        (f"{BUCKET}/*", KEY, True),
        (BUCKET, KEY, False),
        (f"{BUCKET}/data-pipeline/*/x.avro", KEY, True),
        (f"{BUCKET}/DATA-PIPELINE/*", KEY, False),
        ("arn:aws:s3:::deman?/data-pipeline/*", KEY, True),
        ("arn:aws:kinesis:*:*:stream/a", "arn:aws:kinesis:us-east-1:1:stream/a", True),
        ("arn:aws:logs:us-east-1:1:*", "arn:aws:logs:us-east-1:1:log-group:a:log-stream:b", True),
        (f"{BUCKET}/a.c", f"{BUCKET}/abc", False),
        (f"{BUCKET}/[ab]", f"{BUCKET}/a", False),
        (f"{BUCKET}/a*", f"{BUCKET}/a\nb", True),
    ],
)
def test_resources_match_by_wildcards_and_by_case(
    pattern: str, resource: str, expected: bool
) -> None:
    grants = policy(statement(Action="*", Resource=["arn:aws:s3:::other", pattern]))
    assert allowed(Request("s3:GetObject", resource), grants) is expected


@given(st.text("ab*?:/", max_size=8), st.text("ab:/", max_size=12))
def test_wildcards_are_those_of_the_shell(pattern: str, value: str) -> None:
    expected = fnmatch.fnmatchcase(value, pattern)
    assert matches(pattern, value, Context(), variables=False) is expected


def test_a_wildcard_in_the_request_is_an_ordinary_character() -> None:
    grants = policy(statement(Action="s3:GetObject", Resource=f"{BUCKET}/a"))
    assert not allowed(Request("s3:GetObject", f"{BUCKET}/*"), grants)


def test_not_action_and_not_resource_cover_all_others() -> None:
    grants = policy(statement(NotAction=["iam:*"], NotResource=[f"{BUCKET}/private/*"]))
    assert allowed(Request("s3:GetObject", KEY), grants)
    assert not allowed(Request("iam:GetRole", KEY), grants)
    assert not allowed(Request("s3:GetObject", f"{BUCKET}/private/x"), grants)


def test_all_conditions_have_to_hold() -> None:
    grants = policy(
        statement(
            Action="s3:PutObject",
            Resource="*",
            Condition={
                "Null": {"s3:if-none-match": "false"},
                "StringEquals": {"aws:RequestedRegion": "us-east-1"},
            },
        )
    )
    keys = {"s3:if-none-match": "*", "aws:RequestedRegion": "us-east-1"}
    assert allowed(Request("s3:PutObject", KEY, Context(keys)), grants)
    for missing in keys:
        fewer = {key: value for key, value in keys.items() if key != missing}
        assert not allowed(Request("s3:PutObject", KEY, Context(fewer)), grants)


def test_variables_in_resources_are_replaced_only_by_the_newer_policy_version() -> None:
    own = statement(Action="s3:GetObject", Resource=f"{BUCKET}/${{aws:PrincipalAccount}}/*")
    request = Request("s3:GetObject", f"{BUCKET}/1234/x", Context({"aws:PrincipalAccount": "1234"}))
    assert allowed(request, policy(own))
    assert not allowed(request, policy(own, version="2008-10-17"))
    assert not allowed(request, parse_policy({"Statement": own}, name="no version"))


def test_an_unknown_key_is_an_error_only_if_the_decision_depends_on_it() -> None:
    grants = policy(
        statement(Action="s3:GetObject", Resource="*"),
        statement(
            Action="s3:PutObject",
            Resource="*",
            Condition={"StringEquals": {"aws:PrincipalTag/team": "demand"}},
        ),
    )
    assert allowed(Request("s3:GetObject", KEY), grants)
    with pytest.raises(UnknownConditionKey, match=r"grants: statement 2: .*aws:PrincipalTag/team"):
        evaluate(Request("s3:PutObject", KEY), (grants,))


def test_a_boundary_and_session_policies_only_narrow() -> None:
    read = policy(statement(Action="s3:GetObject", Resource="*"))
    write = policy(statement(Action="s3:PutObject", Resource="*"))
    both = policy(statement(Action="s3:*", Resource="*"))
    request = Request("s3:GetObject", KEY)
    assert evaluate_grants(request, Grants((read,), boundary=both, session=(read,))).allowed
    outside = evaluate_grants(request, Grants((both,), boundary=write))
    assert outside.reason == "because no permissions boundary allows the s3:GetObject action"
    narrowed = evaluate_grants(request, Grants((both,), session=(write,)))
    assert narrowed.reason == "because no session policy allows the s3:GetObject action"
    assert not evaluate_grants(request, Grants((write,), boundary=both)).allowed


def test_the_reason_names_the_identity_policies_before_the_boundary_and_the_session() -> None:
    write = policy(statement(Action="s3:PutObject", Resource="*"))
    decision = evaluate_grants(
        Request("s3:GetObject", KEY), Grants((write,), boundary=write, session=(write,))
    )
    assert decision.reason == "because no identity-based policy allows the s3:GetObject action"


def test_a_role_trusted_by_name_needs_no_identity_policy_but_can_be_denied_by_one() -> None:
    request = Request("sts:AssumeRole", "arn:aws:iam::1:role/r")
    deny = policy(statement("Deny", Action="sts:*", Resource="*"))
    assert evaluate_grants(request, Grants(()), granted_by_resource=True).allowed
    assert not evaluate_grants(request, Grants((deny,)), granted_by_resource=True).allowed


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        "arn:aws:logs:*:*:*",
        "arn:aws:logs:*:1:log-group:/aws/*",
        "arn:aws:scheduler:*:1:schedule/a-*/b?",
        "arn:aws:s3:::demand*/a",
        "arn:aws:sqs:*:1:queue-*",
        "arn:aws:sns:*:1:*-topic",
    ],
)
def test_a_wildcard_may_stand_in_a_name(resource: str) -> None:
    assert policy(statement(Action="s3:*", Resource=resource))


ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


@pytest.mark.parametrize(
    ("document", "error", "message"),
    [
        ("{", MalformedPolicy, "not JSON"),
        ("[]", MalformedPolicy, "a JSON object"),
        ({"Version": "2020-01-01", "Statement": [ALLOW]}, MalformedPolicy, "2020-01-01"),
        ({"Statement": []}, MalformedPolicy, "Statement"),
        ({"Statement": ["x"]}, MalformedPolicy, "statement 1"),
        ({"Statement": [{**ALLOW, "Effect": "allow"}]}, MalformedPolicy, "Effect 'allow'"),
        ({"Statement": [{**ALLOW, "Action": "GetObject"}]}, MalformedPolicy, "'GetObject'"),
        ({"Statement": [{**ALLOW, "Resource": "bucket"}]}, MalformedPolicy, "'bucket'"),
        (
            {"Statement": [{**ALLOW, "Resource": "arn:aws:scheduler:*:1:schedule*/a-*"}]},
            MalformedPolicy,
            "wildcard in its resource type",
        ),
        (
            {"Statement": [{**ALLOW, "Resource": [KEY, "arn:aws:iam::1:?ole/a"]}]},
            MalformedPolicy,
            "wildcard in its resource type",
        ),
        ({"Statement": [{**ALLOW, "NotAction": "s3:*"}]}, MalformedPolicy, "exactly one"),
        ({"Statement": [{**ALLOW, "Resource": []}]}, MalformedPolicy, "Resource"),
        ({"Statement": [{**ALLOW, "Principal": "*"}]}, MalformedPolicy, "not have a Principal"),
        ({"Statement": [{**ALLOW, "Condition": []}]}, MalformedPolicy, "Condition"),
        (
            {"Statement": [{**ALLOW, "Condition": {"Bool": "true"}}]},
            MalformedPolicy,
            "Condition Bool must be an object",
        ),
        (
            {"Statement": [{**ALLOW, "Condition": {"Bool": {"s3:prefix": [None]}}}]},
            MalformedPolicy,
            "Condition Bool of s3:prefix must have strings",
        ),
        ({"Statement": [{**ALLOW, "Conditions": {}}]}, UnknownPolicyElement, "Conditions"),
        ({"Statement": [ALLOW], "Extra": 1}, UnknownPolicyElement, "Extra"),
        (
            {
                "Statement": [
                    {**ALLOW, "Sid": "S", "Condition": {"StringMatch": {"s3:prefix": "a"}}}
                ]
            },
            UnknownConditionOperator,
            "grants: S: .*StringMatch",
        ),
    ],
)
def test_a_malformed_or_unknown_document_is_an_error(
    document: Any, error: type[PolicyError], message: str
) -> None:
    with pytest.raises(error, match=message):
        parse_policy(document, name="grants")


def test_a_single_statement_and_scalar_values_are_read_like_lists() -> None:
    condition = {
        "StringEquals": {"aws:SecureTransport": True},
        "NumericLessThan": {"s3:max-keys": 10},
    }
    grants = parse_policy({"Statement": {**ALLOW, "Condition": condition}}, name="grants")
    context = Context({"aws:SecureTransport": "true", "s3:max-keys": "9"})
    assert allowed(Request("s3:GetObject", KEY, context), grants)
