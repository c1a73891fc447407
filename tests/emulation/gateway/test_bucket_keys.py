"""A bucket with a customer-managed key: whoever reads or writes its objects needs the key, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulation.endpoint import Endpoint
from emulation.gateway import Gateway
from tests.emulation.gateway.conftest import LAMBDA_TRUST, allow, put_policy

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OBJECTS = allow(["s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::keyed/*", "arn:aws:s3:::plain/*"])


@pytest.fixture(scope="module")
def keyed(upstream: Endpoint) -> Iterator[Gateway]:
    for bucket in ("keyed", "plain"):
        upstream.client("s3").create_bucket(Bucket=bucket)
    with Gateway(upstream, bucket_keys={"keyed": KEY}) as gateway:
        yield gateway


def s3_of(gateway: Gateway, name: str, *statements: dict[str, Any]) -> Any:
    arn = gateway.endpoint.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(LAMBDA_TRUST)
    )["Role"]["Arn"]
    put_policy(gateway, name, *statements)
    credentials = gateway.assume_for_service(arn, "lambda.amazonaws.com")
    return gateway.endpoint.with_credentials(credentials).client("s3")


def use_key(*actions: str, **condition: Any) -> dict[str, Any]:
    return allow([f"kms:{action}" for action in actions], KEY, condition or None)


def test_objects_are_written_with_a_data_key_and_read_with_its_decryption(
    keyed: Gateway, unique: str
) -> None:
    writer = s3_of(keyed, f"{unique}-w", OBJECTS, use_key("GenerateDataKey"))
    reader = s3_of(keyed, f"{unique}-r", OBJECTS, use_key("Decrypt"))
    writer.put_object(Bucket="keyed", Key="a", Body=b"1")
    assert reader.get_object(Bucket="keyed", Key="a")["Body"].read() == b"1"
    with pytest.raises(ClientError, match=f"kms:Decrypt on resource: {KEY}"):
        writer.get_object(Bucket="keyed", Key="a")
    with pytest.raises(ClientError, match=f"kms:GenerateDataKey on resource: {KEY}"):
        reader.put_object(Bucket="keyed", Key="a", Body=b"2")


def test_a_bucket_without_a_key_needs_none(keyed: Gateway, unique: str) -> None:
    s3 = s3_of(keyed, unique, OBJECTS)
    s3.put_object(Bucket="plain", Key="a", Body=b"1")
    assert s3.get_object(Bucket="plain", Key="a")["Body"].read() == b"1"


@pytest.mark.parametrize(
    ("condition", "works"),
    [
        ({"kms:ViaService": "s3.us-east-1.amazonaws.com"}, True),
        ({"kms:ViaService": "s3.eu-west-1.amazonaws.com"}, False),
        ({"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::keyed/mine/*"}, True),
        ({"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::keyed/yours/*"}, False),
    ],
)
def test_the_key_is_used_through_s3_for_one_object(
    keyed: Gateway, unique: str, condition: dict[str, str], works: bool
) -> None:
    s3 = s3_of(keyed, unique, OBJECTS, use_key("GenerateDataKey", StringLike=condition))
    try:
        s3.put_object(Bucket="keyed", Key="mine/a", Body=b"1")
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied"
        assert not works
    else:
        assert works
