from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulation.endpoint import Credentials, Endpoint
from emulation.gateway import AccessDenied, Gateway, PolicyNotFound, RoleNotFound
from emulation.gateway.role_policies import RolePolicyCache
from tests.emulation.gateway.conftest import LAMBDA_TRUST, MakeRole, allow

ACCOUNT = "123456789012"
DELIVERY = f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/demand"
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def make_trusting(gateway: Gateway, name: str, principal: Any, condition: Any = None) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    if condition:
        statement["Condition"] = condition
    document = {"Version": "2012-10-17", "Statement": [statement]}
    role = gateway.endpoint.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(document)
    )
    return str(role["Role"]["Arn"])


def assumed(endpoint: Endpoint, role_arn: str, **more: Any) -> Endpoint:
    made = endpoint.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="job", **more)[
        "Credentials"
    ]
    return endpoint.with_credentials(
        Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    )


def test_a_service_assumes_only_a_role_that_trusts_it(gateway: Gateway, unique: str) -> None:
    condition = {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": DELIVERY},
    }
    arn = make_trusting(gateway, unique, {"Service": "firehose.amazonaws.com"}, condition)
    credentials = gateway.assume_for_service(arn, "firehose.amazonaws.com", source_arn=DELIVERY)
    identity = gateway.endpoint.with_credentials(credentials).client("sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{unique}/firehose"
    for service, source in (
        ("lambda.amazonaws.com", DELIVERY),
        ("firehose.amazonaws.com", None),
        ("firehose.amazonaws.com", f"{DELIVERY}-other"),
        ("firehose.amazonaws.com", DELIVERY.replace(ACCOUNT, "210987654321")),
    ):
        with pytest.raises(AccessDenied, match=f"{service} is not authorized .* {arn}"):
            gateway.assume_for_service(arn, service, source_arn=source)


def test_a_role_is_assumed_by_its_own_arn_only(gateway: Gateway, unique: str) -> None:
    arn = make_trusting(gateway, unique, {"Service": "lambda.amazonaws.com"})
    with pytest.raises(AccessDenied):
        gateway.assume_for_service(arn.replace(ACCOUNT, "210987654321"), "lambda.amazonaws.com")


def test_what_was_read_before_a_write_is_not_kept(gateway: Gateway, unique: str) -> None:
    make_trusting(gateway, unique, ROOT)
    iam = gateway.endpoint.client("iam")

    class WrittenMeanwhile:
        """IAM is written to while the role is read."""

        def __getattr__(self, name: str) -> Any:
            if name == "get_paginator":
                roles.forget()
            return getattr(iam, name)

    roles = RolePolicyCache(WrittenMeanwhile())
    roles.read(unique)
    assert roles.cached(unique) is None


def test_a_role_that_is_not_there_is_an_error(gateway: Gateway) -> None:
    with pytest.raises(RoleNotFound, match="nobody"):
        gateway.assume_for_service(f"arn:aws:iam::{ACCOUNT}:role/nobody", "lambda.amazonaws.com")


def test_a_managed_policy_that_the_endpoint_lacks_is_an_error(
    gateway: Gateway,
) -> None:
    missing = "arn:aws:iam::aws:policy/service-role/NoSuchThing"
    with pytest.raises(PolicyNotFound, match=missing):
        gateway._roles.managed(missing)


def test_attached_policies_apply_in_their_default_version(
    gateway: Gateway, make_role: MakeRole, unique: str
) -> None:
    iam = gateway.endpoint.client("iam")
    role = make_role()

    def document(action: str) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": [allow(action, "*")]})

    arn = iam.create_policy(PolicyName=unique, PolicyDocument=document("kinesis:ListStreams"))[
        "Policy"
    ]["Arn"]
    iam.attach_role_policy(RoleName=role.name, PolicyArn=arn)
    role.client("kinesis").list_streams()
    iam.create_policy_version(
        PolicyArn=arn, PolicyDocument=document("s3:ListAllMyBuckets"), SetAsDefault=True
    )
    role.client("s3").list_buckets()
    with pytest.raises(ClientError, match="kinesis:ListStreams"):
        role.client("kinesis").list_streams()


def test_a_permissions_boundary_limits_what_the_policies_grant(
    gateway: Gateway, unique: str
) -> None:
    iam = gateway.endpoint.client("iam")
    boundary = iam.create_policy(
        PolicyName=unique,
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [allow("kinesis:*", "*")]}
        ),
    )["Policy"]["Arn"]
    arn = iam.create_role(
        RoleName=unique,
        AssumeRolePolicyDocument=json.dumps(LAMBDA_TRUST),
        PermissionsBoundary=boundary,
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName=unique,
        PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow("*", "*")]}),
    )
    role = gateway.endpoint.with_credentials(
        gateway.assume_for_service(arn, "lambda.amazonaws.com")
    )
    role.client("kinesis").list_streams()
    with pytest.raises(ClientError, match="no permissions boundary allows"):
        role.client("s3").list_buckets()


def test_the_operator_is_the_accounts_root_when_assuming_a_role(
    gateway: Gateway, unique: str
) -> None:
    trusting = make_trusting(gateway, unique, ROOT)
    session = assumed(gateway.endpoint, trusting)
    with pytest.raises(ClientError, match=f"assumed-role/{unique}/job is not authorized"):
        session.client("kinesis").list_streams()
    service_only = make_trusting(gateway, f"{unique}-s", {"Service": "lambda.amazonaws.com"})
    with pytest.raises(ClientError) as refused:
        assumed(gateway.endpoint, service_only)
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert "trust policy" in str(refused.value)


def test_a_role_assumes_another_that_names_it(
    gateway: Gateway, make_role: MakeRole, unique: str
) -> None:
    named, stranger = make_role(), make_role(allow("sts:AssumeRole", "*"))
    arn = make_trusting(gateway, unique, {"AWS": named.arn})
    assert (
        assumed(named.endpoint, arn)
        .client("sts")
        .get_caller_identity()["Arn"]
        .endswith(f":assumed-role/{unique}/job")
    )
    with pytest.raises(ClientError, match=f"sts:AssumeRole on resource: {arn}"):
        assumed(stranger.endpoint, arn)
    assert [(each.action, each.allowed) for each in stranger.activity()] == [
        ("sts:AssumeRole", False)
    ]


def test_a_role_trusted_through_its_account_also_needs_a_policy_of_its_own(
    gateway: Gateway, make_role: MakeRole, unique: str
) -> None:
    arn = make_trusting(gateway, unique, ROOT)
    assumed(make_role(allow("sts:AssumeRole", arn)).endpoint, arn)
    with pytest.raises(ClientError, match="no identity-based policy allows the sts:AssumeRole"):
        assumed(make_role().endpoint, arn)


def test_an_external_id_is_checked(gateway: Gateway, unique: str) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "agreed"}}
    arn = make_trusting(gateway, unique, ROOT, condition)
    assumed(gateway.endpoint, arn, ExternalId="agreed")
    with pytest.raises(ClientError, match="AccessDenied"):
        assumed(gateway.endpoint, arn)


def test_a_session_policy_narrows_the_session(gateway: Gateway, unique: str) -> None:
    arn = make_trusting(gateway, unique, ROOT)
    grants = {"Version": "2012-10-17", "Statement": [allow(["kinesis:*", "s3:*"], "*")]}
    gateway.endpoint.client("iam").put_role_policy(
        RoleName=unique, PolicyName="grants", PolicyDocument=json.dumps(grants)
    )
    only = {"Version": "2012-10-17", "Statement": [allow("kinesis:*", "*")]}
    session = assumed(gateway.endpoint, arn, Policy=json.dumps(only))
    session.client("kinesis").list_streams()
    with pytest.raises(ClientError, match="no session policy allows"):
        session.client("s3").list_buckets()


def test_a_session_of_a_deleted_role_may_do_nothing(gateway: Gateway, make_role: MakeRole) -> None:
    role = make_role(allow("kinesis:*", "*"))
    iam = gateway.endpoint.client("iam")
    iam.delete_role_policy(RoleName=role.name, PolicyName="grants")
    iam.delete_role(RoleName=role.name)
    with pytest.raises(ClientError, match=f"there is no role {role.name}"):
        role.client("kinesis").list_streams()
