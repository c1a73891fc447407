"""What a role may do, compared with what it did."""

from __future__ import annotations

from emulation.gateway import Gateway
from emulation.iam.grants import grants
from emulation.iam.policy import parse_policy
from tests.emulation.gateway.conftest import MakeRole, Role, allow

BUCKET = "arn:aws:s3:::unused"


def unused(role: Role) -> list[tuple[str, str, str]]:
    return [
        (grant.statement, grant.action, grant.resource)
        for grant in role.gateway.unused_grants([role.arn])
    ]


def test_each_action_on_each_resource_of_a_statement_is_a_grant_of_its_own(
    gateway: Gateway, make_role: MakeRole
) -> None:
    gateway.endpoint.client("s3").create_bucket(Bucket="unused")
    role = make_role(
        {
            "Sid": "Objects",
            **allow(["s3:PutObject", "s3:GetObject"], [f"{BUCKET}/a/*", f"{BUCKET}/b/*"]),
        }
    )
    s3 = role.client("s3")
    s3.put_object(Bucket="unused", Key="a/1", Body=b"")
    s3.get_object(Bucket="unused", Key="a/1")
    s3.put_object(Bucket="unused", Key="b/1", Body=b"")
    assert unused(role) == [("Objects", "s3:GetObject", f"{BUCKET}/b/*")]


def test_what_was_refused_is_not_used(make_role: MakeRole) -> None:
    role = make_role(
        {"Sid": "Mine", **allow("sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:mine")}
    )
    url = f"{role.gateway.endpoint.url}/123456789012/yours"
    try:
        role.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    except Exception as error:
        assert "not authorized" in str(error)
    assert [sid for sid, *_ in unused(role)] == ["Mine"]


def test_a_grant_that_another_makes_redundant_is_unused(
    gateway: Gateway, make_role: MakeRole
) -> None:
    gateway.endpoint.client("s3").create_bucket(Bucket="unused")
    role = make_role(
        {"Sid": "All", **allow("s3:ListBucket", BUCKET)},
        {"Sid": "Some", **allow("s3:ListBucket", BUCKET, {"StringLike": {"s3:prefix": "a/*"}})},
    )
    role.client("s3").list_objects_v2(Bucket="unused", Prefix="a/")
    assert unused(role) == [("Some", "s3:ListBucket", BUCKET)]


def test_statements_with_different_conditions_are_different_grants(
    gateway: Gateway, make_role: MakeRole
) -> None:
    gateway.endpoint.client("s3").create_bucket(Bucket="unused")
    create = {"Null": {"s3:if-none-match": "false"}}
    replace = {"Null": {"s3:if-match": "false"}}
    role = make_role(
        {"Sid": "Create", **allow("s3:PutObject", f"{BUCKET}/plan/*", create)},
        {"Sid": "Replace", **allow("s3:PutObject", f"{BUCKET}/plan/*", replace)},
    )
    key = f"plan/{role.name}"
    role.client("s3").put_object(Bucket="unused", Key=key, Body=b"", IfNoneMatch="*")
    assert [sid for sid, *_ in unused(role)] == ["Replace"]


def test_the_same_grant_in_two_policies_is_one() -> None:
    document = {"Statement": {"Sid": "Same", **allow("s3:ListBucket", BUCKET)}}
    policies = [parse_policy(document, name=name) for name in ("a", "b")]
    assert len(set(grants("arn:aws:iam::1:role/r", policies))) == 1


def test_a_denial_is_no_grant_and_an_exclusion_is_one() -> None:
    policy = parse_policy(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Sid": "No", "Effect": "Deny", "Action": "s3:*", "Resource": "*"},
                {"Sid": "Rest", "Effect": "Allow", "NotAction": ["iam:*", "s3:*"], "Resource": "*"},
            ],
        },
        name="p",
    )
    (grant,) = grants("arn:aws:iam::1:role/r", [policy])
    assert (grant.statement, grant.action) == ("Rest", "all but iam:*, s3:*")
    assert str(grant).startswith("r: Rest allows all but iam:*, s3:* on *")
