from __future__ import annotations

import logging
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulation.endpoint import Credentials, Endpoint
from emulation.gateway import Gateway
from tests.emulation.gateway.conftest import MakeRole, allow, put_policy

ACCOUNT = "123456789012"
KINESIS = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream"
WRITES_ONCE = {"Null": {"s3:if-none-match": "false"}}
IF_UNCHANGED = {"Null": {"s3:if-match": "false"}}


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def status_of(error: pytest.ExceptionInfo[ClientError]) -> int:
    return int(error.value.response["ResponseMetadata"]["HTTPStatusCode"])


@pytest.fixture
def bucket(upstream: Endpoint, unique: str) -> str:
    upstream.client("s3").create_bucket(Bucket=unique)
    return unique


def read_all(kinesis: Any, stream: str) -> list[bytes]:
    shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    first = kinesis.get_records(ShardIterator=iterator, Limit=1)
    # The next iterator came with records; it stands for the stream as well.
    second = kinesis.get_records(ShardIterator=first["NextShardIterator"])
    return [record["Data"] for record in first["Records"] + second["Records"]]


def test_a_role_reads_the_stream_it_is_granted_and_no_other(
    upstream: Endpoint, make_role: MakeRole, unique: str
) -> None:
    operator = upstream.client("kinesis")
    for stream in (unique, f"{unique}-other"):
        operator.create_stream(StreamName=stream, ShardCount=1)
        for data in (b"one", b"two"):
            operator.put_record(StreamName=stream, Data=data, PartitionKey="k")
    actions = ["kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
    role = make_role(allow(actions, f"{KINESIS}/{unique}"))
    kinesis = role.client("kinesis")

    assert read_all(kinesis, unique) == [b"one", b"two"]
    with pytest.raises(ClientError) as refused:
        kinesis.list_shards(StreamName=f"{unique}-other")
    assert code_of(refused) == "AccessDeniedException"
    assert refused.value.response["Error"]["Message"] == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/lambda is not authorized to "
        f"perform: kinesis:ListShards on resource: {KINESIS}/{unique}-other because no "
        "identity-based policy allows the kinesis:ListShards action"
    )


def test_an_iterator_is_authorized_on_its_stream(
    upstream: Endpoint, make_role: MakeRole, unique: str
) -> None:
    upstream.client("kinesis").create_stream(StreamName=unique, ShardCount=1)
    role = make_role(allow("kinesis:GetShardIterator", f"{KINESIS}/*"))
    kinesis = role.client("kinesis")
    iterator = kinesis.get_shard_iterator(
        StreamName=unique, ShardId="shardId-000000000000", ShardIteratorType="LATEST"
    )["ShardIterator"]
    with pytest.raises(ClientError) as refused:
        kinesis.get_records(ShardIterator=iterator)
    assert f"kinesis:GetRecords on resource: {KINESIS}/{unique} " in str(refused.value)


def test_a_put_is_allowed_only_with_the_header_that_the_policy_asks_for(
    upstream: Endpoint, make_role: MakeRole, bucket: str
) -> None:
    role = make_role(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/avro/*", WRITES_ONCE))
    s3 = role.client("s3")
    s3.put_object(Bucket=bucket, Key="avro/once", Body=b"first", IfNoneMatch="*")
    for more in ({}, {"IfMatch": '"etag"'}):
        with pytest.raises(ClientError) as refused:
            s3.put_object(Bucket=bucket, Key="avro/other", Body=b"x", **more)
        assert (code_of(refused), status_of(refused)) == ("AccessDenied", 403)
    with pytest.raises(ClientError) as repeated:
        s3.put_object(Bucket=bucket, Key="avro/once", Body=b"second", IfNoneMatch="*")
    assert code_of(repeated) == "PreconditionFailed"
    assert keys_in(upstream, bucket) == ["avro/once"]


def test_a_delete_is_allowed_only_with_the_etag_and_reading_the_object(
    upstream: Endpoint, make_role: MakeRole, bucket: str
) -> None:
    objects = f"arn:aws:s3:::{bucket}/*"
    etag = upstream.client("s3").put_object(Bucket=bucket, Key="a", Body=b"x")["ETag"]
    blind = make_role(allow("s3:DeleteObject", objects, IF_UNCHANGED)).client("s3")
    with pytest.raises(ClientError, match="s3:GetObject"):
        blind.delete_object(Bucket=bucket, Key="a", IfMatch=etag)
    seeing = make_role(
        allow("s3:DeleteObject", objects, IF_UNCHANGED), allow("s3:GetObject", objects)
    ).client("s3")
    with pytest.raises(ClientError, match="s3:DeleteObject"):
        seeing.delete_object(Bucket=bucket, Key="a")
    assert keys_in(upstream, bucket) == ["a"]
    seeing.delete_object(Bucket=bucket, Key="a", IfMatch=etag)
    assert keys_in(upstream, bucket) == []


def test_a_batch_delete_is_refused_key_by_key_and_then_deletes_nothing(
    upstream: Endpoint, make_role: MakeRole, bucket: str
) -> None:
    for key in ("mine/a", "yours/b & c"):
        upstream.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x")
    s3 = make_role(allow("s3:DeleteObject", f"arn:aws:s3:::{bucket}/mine/*")).client("s3")
    answer = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "mine/a"}, {"Key": "yours/b & c"}]}
    )
    codes = {error["Key"]: error["Code"] for error in answer["Errors"]}
    assert codes == {"yours/b & c": "AccessDenied", "mine/a": "InternalError"}
    assert keys_in(upstream, bucket) == ["mine/a", "yours/b & c"]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "mine/a"}]})
    assert keys_in(upstream, bucket) == ["yours/b & c"]


def test_a_role_lists_below_its_prefix_only(make_role: MakeRole, bucket: str) -> None:
    below = {"StringLike": {"s3:prefix": ["landing/*"]}}
    s3 = make_role(allow("s3:ListBucket", f"arn:aws:s3:::{bucket}", below)).client("s3")
    s3.list_objects_v2(Bucket=bucket, Prefix="landing/demand/")
    for more in ({}, {"Prefix": "avro/"}):
        with pytest.raises(ClientError) as refused:
            s3.list_objects_v2(Bucket=bucket, **more)
        assert code_of(refused) == "AccessDenied"


def test_a_missing_key_is_answered_with_403_to_a_role_that_may_not_list_it(
    make_role: MakeRole, bucket: str
) -> None:
    below = {"StringLike": {"s3:prefix": ["landing/*"]}}
    role = make_role(
        allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"),
        allow("s3:ListBucket", f"arn:aws:s3:::{bucket}", below),
    )
    s3 = role.client("s3")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="landing/missing")
    with pytest.raises(ClientError) as head:
        s3.head_object(Bucket=bucket, Key="landing/missing")
    assert status_of(head) == 404
    with pytest.raises(ClientError) as hidden:
        s3.get_object(Bucket=bucket, Key="avro/missing")
    assert code_of(hidden) == "AccessDenied"
    with pytest.raises(ClientError) as hidden_head:
        s3.head_object(Bucket=bucket, Key="avro/missing")
    assert status_of(hidden_head) == 403
    assert ("s3:ListBucket", 2, True) in [
        (entry.action, entry.count, entry.allowed) for entry in role.activity()
    ]


def test_a_missing_bucket_is_reported_as_missing(make_role: MakeRole, unique: str) -> None:
    s3 = make_role(allow("s3:GetObject", "*")).client("s3")
    with pytest.raises(ClientError) as missing:
        s3.get_object(Bucket=unique, Key="a")
    assert code_of(missing) == "NoSuchBucket"


def test_a_denied_request_has_no_effect(
    upstream: Endpoint, make_role: MakeRole, bucket: str, unique: str
) -> None:
    upstream.client("kinesis").create_stream(StreamName=unique, ShardCount=1)
    role = make_role()
    with pytest.raises(ClientError):
        role.client("s3").put_object(Bucket=bucket, Key="a", Body=b"x" * 3_000_000)
    with pytest.raises(ClientError):
        role.client("kinesis").put_record(StreamName=unique, Data=b"x", PartitionKey="k")
    assert keys_in(upstream, bucket) == []
    shard = {"StreamName": unique, "ShardId": "shardId-000000000000"}
    operator = upstream.client("kinesis")
    iterator = operator.get_shard_iterator(**shard, ShardIteratorType="TRIM_HORIZON")
    assert operator.get_records(ShardIterator=iterator["ShardIterator"])["Records"] == []


@pytest.mark.parametrize(
    ("service", "method", "parameters", "code", "status"),
    [
        ("kinesis", "describe_stream", {"StreamName": "s"}, "AccessDeniedException", 400),
        ("dynamodb", "describe_table", {"TableName": "t"}, "AccessDeniedException", 400),
        ("athena", "get_work_group", {"WorkGroup": "w"}, "AccessDeniedException", 400),
        ("glue", "get_database", {"Name": "d"}, "AccessDeniedException", 400),
        ("lambda", "get_function", {"FunctionName": "f"}, "AccessDeniedException", 403),
        ("scheduler", "get_schedule", {"Name": "s"}, "AccessDeniedException", 403),
        ("iam", "get_role", {"RoleName": "r"}, "AccessDenied", 403),
        ("sns", "publish", {"TopicArn": "arn:t", "Message": "m"}, "AccessDenied", 403),
        ("cloudwatch", "list_metrics", {}, "AccessDenied", 400),
        ("s3", "get_bucket_location", {"Bucket": "demand"}, "AccessDenied", 403),
    ],
)
def test_each_protocol_is_denied_with_its_own_code_and_status(
    make_role: MakeRole,
    service: str,
    method: str,
    parameters: dict[str, str],
    code: str,
    status: int,
) -> None:
    role = make_role()
    with pytest.raises(ClientError) as refused:
        getattr(role.client(service), method)(**parameters)
    assert (code_of(refused), status_of(refused)) == (code, status)
    assert f"assumed-role/{role.name}/lambda is not authorized to perform: " in str(refused.value)


def test_an_unknown_operation_is_refused_even_to_a_role_that_may_do_everything(
    make_role: MakeRole, caplog: pytest.LogCaptureFixture
) -> None:
    role = make_role(allow("*", "*"))
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(ClientError, match="does not know the resource of glue:GetCrawlers"),
    ):
        role.client("glue").get_crawlers()
    (denial,) = role.denials()
    assert (denial.action, denial.resource) == ("glue:GetCrawlers", "unknown")
    assert "glue:GetCrawlers" in caplog.text


def test_a_policy_that_cannot_be_evaluated_refuses_and_says_why(
    make_role: MakeRole, gateway: Gateway
) -> None:
    tagged = {"StringNotEquals": {"aws:ResourceTag/team": "other"}}
    role = make_role(allow("kinesis:*", "*", tagged))
    with pytest.raises(ClientError, match="condition key aws:ResourceTag/team"):
        role.client("kinesis").list_streams()
    put_policy(gateway, role.name, allow("kinesis:*", "*", {"BinaryEquals": {"s3:prefix": "a"}}))
    with pytest.raises(ClientError, match="condition operator BinaryEquals"):
        role.client("kinesis").list_streams()
    assert {denial.action for denial in role.denials()} == {"kinesis:ListStreams"}


def test_what_a_role_did_and_was_refused_is_recorded(make_role: MakeRole, bucket: str) -> None:
    arn = f"arn:aws:s3:::{bucket}"
    role = make_role(allow("s3:ListBucket", arn))
    s3 = role.client("s3")
    for _ in range(3):
        s3.list_objects_v2(Bucket=bucket)
    with pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key="a")
    assert [
        (entry.action, entry.resource, entry.allowed, entry.count) for entry in role.activity()
    ] == [("s3:GetObject", f"{arn}/a", False, 1), ("s3:ListBucket", arn, True, 3)]
    (denial,) = role.denials()
    assert denial.message.startswith(f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/")


def test_the_operator_is_neither_checked_nor_recorded(gateway: Gateway, bucket: str) -> None:
    before = gateway.activity()
    gateway.endpoint.client("s3").put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}
    )
    gateway.endpoint.client("glue").get_crawlers()
    assert gateway.activity() == before


@pytest.mark.parametrize(
    ("service", "method", "code"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("kinesis", "list_streams", "UnrecognizedClientException"),
    ],
)
def test_unknown_temporary_credentials_are_refused(
    gateway: Gateway, service: str, method: str, code: str
) -> None:
    stranger = gateway.endpoint.with_credentials(Credentials("ASIAUNKNOWN", "secret", "token"))
    with pytest.raises(ClientError) as refused:
        getattr(stranger.client(service), method)()
    assert code_of(refused) == code


def test_a_changed_policy_applies_from_the_next_request(
    make_role: MakeRole, gateway: Gateway, bucket: str
) -> None:
    role = make_role()
    with pytest.raises(ClientError):
        role.client("s3").list_objects_v2(Bucket=bucket)
    put_policy(gateway, role.name, allow("s3:ListBucket", f"arn:aws:s3:::{bucket}"))
    role.client("s3").list_objects_v2(Bucket=bucket)
    gateway.endpoint.client("iam").delete_role_policy(RoleName=role.name, PolicyName="grants")
    with pytest.raises(ClientError):
        role.client("s3").list_objects_v2(Bucket=bucket)


def keys_in(upstream: Endpoint, bucket: str) -> list[str]:
    listed = upstream.client("s3").list_objects_v2(Bucket=bucket)
    return [entry["Key"] for entry in listed.get("Contents", [])]
