"""Reading and writing an encrypted resource needs permissions for its customer-managed key."""

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
    with Gateway(upstream, keys={"arn:aws:s3:::keyed": KEY}) as gateway:
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


STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/encrypted"
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/encrypted"


@pytest.fixture(scope="module")
def with_streams(upstream: Endpoint) -> Iterator[Gateway]:
    upstream.client("kinesis").create_stream(StreamName="encrypted", ShardCount=1)
    upstream.client("dynamodb").create_table(
        TableName="encrypted",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with Gateway(upstream, keys={STREAM: KEY, TABLE: KEY}) as gateway:
        yield gateway


def endpoint_of(gateway: Gateway, name: str, *statements: dict[str, Any]) -> Endpoint:
    arn = gateway.endpoint.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(LAMBDA_TRUST)
    )["Role"]["Arn"]
    put_policy(gateway, name, *statements)
    return gateway.endpoint.with_credentials(
        gateway.assume_for_service(arn, "lambda.amazonaws.com")
    )


def through(service: str, **context: str) -> dict[str, Any]:
    keys = {f"kms:EncryptionContext:aws:{name.replace('_', ':')}": v for name, v in context.items()}
    return {"StringEquals": {"kms:ViaService": f"{service}.us-east-1.amazonaws.com", **keys}}


def test_a_stream_with_a_key_is_written_with_a_data_key_and_read_with_its_decryption(
    with_streams: Gateway, unique: str
) -> None:
    actions = ("PutRecord", "GetShardIterator", "GetRecords")
    on_stream = allow([f"kinesis:{action}" for action in actions], STREAM)
    condition = through("kinesis", kinesis_arn=STREAM)
    write, read = use_key("GenerateDataKey", **condition), use_key("Decrypt", **condition)
    writer = endpoint_of(with_streams, f"{unique}-w", on_stream, write).client("kinesis")
    reader = endpoint_of(with_streams, f"{unique}-r", on_stream, read).client("kinesis")
    record = {"StreamName": "encrypted", "Data": b"1", "PartitionKey": "p"}
    shard = {"ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}

    def records(client: Any) -> list[bytes]:
        iterator = client.get_shard_iterator(StreamName="encrypted", **shard)["ShardIterator"]
        return [each["Data"] for each in client.get_records(ShardIterator=iterator)["Records"]]

    writer.put_record(**record)
    assert records(reader) == [b"1"]
    with pytest.raises(ClientError, match=f"kms:Decrypt on resource: {KEY}"):
        records(writer)
    with pytest.raises(ClientError, match=f"kms:GenerateDataKey on resource: {KEY}"):
        reader.put_record(**record)


def test_items_of_a_table_with_a_key_need_the_key(with_streams: Gateway, unique: str) -> None:
    on_table = allow(["dynamodb:GetItem", "dynamodb:PutItem"], TABLE)
    condition = through("dynamodb", dynamodb_tableName="encrypted")
    reader = endpoint_of(with_streams, f"{unique}-r", on_table, use_key("Decrypt", **condition))
    both = use_key("Decrypt", "GenerateDataKey", **condition)
    writer = endpoint_of(with_streams, f"{unique}-w", on_table, both)
    key = {"pk": {"S": "1"}}
    writer.client("dynamodb").put_item(TableName="encrypted", Item=key)
    assert reader.client("dynamodb").get_item(TableName="encrypted", Key=key)["Item"] == key
    with pytest.raises(ClientError, match=f"kms:GenerateDataKey on resource: {KEY}"):
        reader.client("dynamodb").put_item(TableName="encrypted", Item=key)
