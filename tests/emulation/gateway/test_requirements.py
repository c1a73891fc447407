from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from botocore import xform_name

from emulation.gateway.api_call import ApiCall
from emulation.gateway.errors import UnjudgeableRequest
from emulation.gateway.issued_tokens import IssuedTokens
from emulation.gateway.requirements import requirements
from emulation.gateway.resource_rules import Place
from emulation.gateway.resources import RESOURCES
from emulation.iam.context import KNOWN_KEYS
from tests.emulation.gateway.botocore_requests import ACCOUNT, called, minimal, operations

KINESIS = f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream"
LAMBDA = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function"
LOGS = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group"
TABLE = f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table"
GLUE = f"arn:aws:glue:eu-west-1:{ACCOUNT}"
ATHENA = f"arn:aws:athena:eu-west-1:{ACCOUNT}"
KEY = {"id": {"S": "1"}}
STREAM_ARN = f"{TABLE}/demand/stream/2026"
OBJECT = "arn:aws:s3:::demand/a"
BODY: dict[str, Any] = {"Bucket": "demand", "Key": "a", "Body": b"x"}


def needed(
    call: ApiCall, tokens: IssuedTokens | None = None
) -> dict[tuple[str, str], dict[str, Any]]:
    place = Place(ACCOUNT, tokens or IssuedTokens())
    return {(each.action, each.resource): dict(each.keys) for each in requirements(call, place)}


@pytest.mark.parametrize(
    ("service", "method", "parameters", "expected"),
    [
        (
            "kinesis",
            "get_shard_iterator",
            {"StreamName": "a", "ShardId": "s", "ShardIteratorType": "LATEST"},
            [("kinesis:GetShardIterator", f"{KINESIS}/a")],
        ),
        (
            "kinesis",
            "get_records",
            {"StreamARN": f"{KINESIS}/a", "ShardIterator": "i"},
            [("kinesis:GetRecords", f"{KINESIS}/a")],
        ),
        ("kinesis", "list_streams", {}, [("kinesis:ListStreams", "*")]),
        (
            "firehose",
            "put_record",
            {"DeliveryStreamName": "d", "Record": {"Data": b"x"}},
            [("firehose:PutRecord", f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/d")],
        ),
        ("lambda", "invoke", {"FunctionName": "f"}, [("lambda:InvokeFunction", f"{LAMBDA}:f")]),
        (
            "lambda",
            "invoke",
            {"FunctionName": "f", "Qualifier": "$LATEST"},
            [("lambda:InvokeFunction", f"{LAMBDA}:f:$LATEST")],
        ),
        (
            "lambda",
            "invoke",
            {"FunctionName": f"{LAMBDA}:f:3"},
            [("lambda:InvokeFunction", f"{LAMBDA}:f:3")],
        ),
        (
            "lambda",
            "get_function_configuration",
            {"FunctionName": f"{ACCOUNT}:function:f"},
            [("lambda:GetFunctionConfiguration", f"{LAMBDA}:f")],
        ),
        (
            "logs",
            "put_log_events",
            {"logGroupName": "/g", "logStreamName": "s", "logEvents": []},
            [("logs:PutLogEvents", f"{LOGS}:/g:log-stream:s")],
        ),
        (
            "logs",
            "create_log_stream",
            {"logGroupName": "/g", "logStreamName": "s"},
            [("logs:CreateLogStream", f"{LOGS}:/g:log-stream:s")],
        ),
        (
            "logs",
            "describe_log_streams",
            {"logGroupName": "/g"},
            [("logs:DescribeLogStreams", f"{LOGS}:/g:log-stream:")],
        ),
        (
            "cloudwatch",
            "put_metric_data",
            {"Namespace": "n", "MetricData": []},
            [("cloudwatch:PutMetricData", "*")],
        ),
        (
            "dynamodb",
            "get_item",
            {"TableName": "demand", "Key": KEY},
            [("dynamodb:GetItem", f"{TABLE}/demand")],
        ),
        (
            "dynamodb",
            "describe_table",
            {"TableName": f"{TABLE}/demand"},
            [("dynamodb:DescribeTable", f"{TABLE}/demand")],
        ),
        ("dynamodb", "scan", {"TableName": "demand"}, [("dynamodb:Scan", f"{TABLE}/demand")]),
        (
            "dynamodb",
            "query",
            {"TableName": "demand", "IndexName": "by-event"},
            [("dynamodb:Query", f"{TABLE}/demand/index/by-event")],
        ),
        (
            "dynamodb",
            "batch_get_item",
            {"RequestItems": {"a": {"Keys": [KEY]}, "b": {"Keys": [KEY]}}},
            [("dynamodb:BatchGetItem", f"{TABLE}/{name}") for name in "ab"],
        ),
        (
            "dynamodb",
            "transact_write_items",
            {
                "TransactItems": [
                    {"Put": {"TableName": "a", "Item": KEY}},
                    {"Delete": {"TableName": "b", "Key": KEY}},
                    {"ConditionCheck": {"TableName": "a", "Key": KEY}},
                ]
            },
            [
                ("dynamodb:PutItem", f"{TABLE}/a"),
                ("dynamodb:DeleteItem", f"{TABLE}/b"),
                ("dynamodb:ConditionCheckItem", f"{TABLE}/a"),
            ],
        ),
        (
            "dynamodb",
            "transact_get_items",
            {"TransactItems": [{"Get": {"TableName": "a", "Key": KEY}}]},
            [("dynamodb:GetItem", f"{TABLE}/a")],
        ),
        (
            "dynamodbstreams",
            "describe_stream",
            {"StreamArn": STREAM_ARN},
            [("dynamodb:DescribeStream", STREAM_ARN)],
        ),
        (
            "sqs",
            "send_message",
            {"QueueUrl": f"http://127.0.0.1:1/{ACCOUNT}/dead", "MessageBody": "x"},
            [("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:dead")],
        ),
        ("sns", "publish", {"TopicArn": "arn:t", "Message": "x"}, [("sns:Publish", "arn:t")]),
        ("sts", "get_caller_identity", {}, []),
        (
            "athena",
            "start_query_execution",
            {"QueryString": "SELECT 1"},
            [("athena:StartQueryExecution", f"{ATHENA}:workgroup/primary")],
        ),
        (
            "athena",
            "get_work_group",
            {"WorkGroup": "w"},
            [("athena:GetWorkGroup", f"{ATHENA}:workgroup/w")],
        ),
        (
            "glue",
            "get_table",
            {"DatabaseName": "d", "Name": "t"},
            [
                ("glue:GetTable", f"{GLUE}:catalog"),
                ("glue:GetTable", f"{GLUE}:database/d"),
                ("glue:GetTable", f"{GLUE}:table/d/t"),
            ],
        ),
        (
            "glue",
            "get_partitions",
            {"DatabaseName": "d", "TableName": "t"},
            [
                ("glue:GetPartitions", f"{GLUE}:catalog"),
                ("glue:GetPartitions", f"{GLUE}:database/d"),
                ("glue:GetPartitions", f"{GLUE}:table/d/t"),
            ],
        ),
        (
            "glue",
            "get_database",
            {"Name": "d"},
            [
                ("glue:GetDatabase", f"{GLUE}:catalog"),
                ("glue:GetDatabase", f"{GLUE}:database/d"),
            ],
        ),
        (
            "scheduler",
            "get_schedule",
            {"Name": "s"},
            [
                (
                    "scheduler:GetSchedule",
                    f"arn:aws:scheduler:eu-west-1:{ACCOUNT}:schedule/default/s",
                )
            ],
        ),
        (
            "iam",
            "get_role",
            {"RoleName": "r"},
            [("iam:GetRole", f"arn:aws:iam::{ACCOUNT}:role/r")],
        ),
        (
            "kms",
            "decrypt",
            {"CiphertextBlob": b"x", "KeyId": "k"},
            [("kms:Decrypt", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/k")],
        ),
        ("s3", "list_buckets", {}, [("s3:ListAllMyBuckets", "*")]),
        ("s3", "head_bucket", {"Bucket": "demand"}, [("s3:ListBucket", "arn:aws:s3:::demand")]),
        (
            "s3",
            "get_bucket_location",
            {"Bucket": "demand"},
            [("s3:GetBucketLocation", "arn:aws:s3:::demand")],
        ),
        (
            "s3",
            "list_multipart_uploads",
            {"Bucket": "demand"},
            [("s3:ListBucketMultipartUploads", "arn:aws:s3:::demand")],
        ),
        ("s3", "get_object", {"Bucket": "demand", "Key": "a"}, [("s3:GetObject", OBJECT)]),
        ("s3", "head_object", {"Bucket": "demand", "Key": "a"}, [("s3:GetObject", OBJECT)]),
        (
            "s3",
            "get_object",
            {"Bucket": "demand", "Key": "a", "VersionId": "v"},
            [("s3:GetObjectVersion", OBJECT)],
        ),
        ("s3", "put_object", BODY, [("s3:PutObject", OBJECT)]),
        (
            "s3",
            "put_object",
            {**BODY, "Tagging": "a=b", "IfMatch": '"e"'},
            [("s3:PutObject", OBJECT), ("s3:GetObject", OBJECT), ("s3:PutObjectTagging", OBJECT)],
        ),
        (
            "s3",
            "upload_part",
            {**BODY, "PartNumber": 1, "UploadId": "u"},
            [("s3:PutObject", OBJECT)],
        ),
        (
            "s3",
            "abort_multipart_upload",
            {"Bucket": "demand", "Key": "a", "UploadId": "u"},
            [("s3:AbortMultipartUpload", OBJECT)],
        ),
        (
            "s3",
            "copy_object",
            {"Bucket": "demand", "Key": "a", "CopySource": {"Bucket": "other", "Key": "é b"}},
            [("s3:GetObject", "arn:aws:s3:::other/é b"), ("s3:PutObject", OBJECT)],
        ),
        ("s3", "delete_object", {"Bucket": "demand", "Key": "a"}, [("s3:DeleteObject", OBJECT)]),
        (
            "s3",
            "delete_object",
            {"Bucket": "demand", "Key": "a", "IfMatch": '"e"'},
            [("s3:DeleteObject", OBJECT), ("s3:GetObject", OBJECT)],
        ),
    ],
)
def test_a_call_needs_its_actions_on_its_resources(
    service: str, method: str, parameters: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert list(needed(called(service, method, **parameters))) == expected


def test_each_object_of_a_batch_delete_is_authorized_with_its_own_precondition() -> None:
    objects = [{"Key": "a", "ETag": '"e"'}, {"Key": "b & c"}]
    call = called("s3", "delete_objects", Bucket="demand", Delete={"Objects": objects})
    assert needed(call) == {
        ("s3:DeleteObject", "arn:aws:s3:::demand/a"): {"s3:if-match": '"e"'},
        ("s3:GetObject", "arn:aws:s3:::demand/a"): {},
        ("s3:DeleteObject", "arn:aws:s3:::demand/b & c"): {},
    }


def test_the_headers_of_a_conditional_write_are_condition_keys() -> None:
    call = called("s3", "put_object", **BODY, IfNoneMatch="*", ServerSideEncryption="aws:kms")
    assert needed(call)["s3:PutObject", OBJECT] == {
        "s3:if-none-match": "*",
        "s3:ObjectCreationOperation": "true",
        "s3:x-amz-server-side-encryption": "aws:kms",
    }


def test_multipart_steps_differ_from_the_write_that_completes_them() -> None:
    upload: dict[str, Any] = {"Bucket": "demand", "Key": "a", "UploadId": "u"}
    part = called("s3", "upload_part", **upload, PartNumber=1, Body=b"x")
    start = called("s3", "create_multipart_upload", Bucket="demand", Key="a")
    for step in (start, part):
        assert needed(step)["s3:PutObject", OBJECT] == {"s3:ObjectCreationOperation": "false"}
    end = called("s3", "complete_multipart_upload", **upload, IfNoneMatch="*")
    assert needed(end)["s3:PutObject", OBJECT] == {
        "s3:ObjectCreationOperation": "true",
        "s3:if-none-match": "*",
    }


def test_the_parameters_of_a_listing_are_condition_keys() -> None:
    call = called("s3", "list_objects_v2", Bucket="demand", Prefix="a/", Delimiter="/", MaxKeys=5)
    keys = {"s3:prefix": "a/", "s3:delimiter": "/", "s3:max-keys": "5"}
    assert needed(call) == {("s3:ListBucket", "arn:aws:s3:::demand"): keys}
    bare = needed(called("s3", "list_objects_v2", Bucket="demand"))
    assert bare == {("s3:ListBucket", "arn:aws:s3:::demand"): {}}


def test_the_header_of_a_conditional_read_is_no_condition_key() -> None:
    call = called("s3", "get_object", Bucket="demand", Key="a", IfMatch='"e"')
    assert needed(call) == {("s3:GetObject", OBJECT): {}}


def test_condition_keys_of_services_come_from_the_parameters() -> None:
    metrics = called("cloudwatch", "put_metric_data", Namespace="dmd", MetricData=[])
    assert needed(metrics)["cloudwatch:PutMetricData", "*"] == {"cloudwatch:namespace": "dmd"}
    arn = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/k"
    data_key = called("kms", "generate_data_key", KeyId=arn, EncryptionContext={"a": "b"})
    assert needed(data_key)["kms:GenerateDataKey", arn] == {"kms:EncryptionContext:a": "b"}


def test_a_token_stands_for_the_resource_that_it_was_issued_on() -> None:
    tokens = IssuedTokens()
    asked = called("kinesis", "get_shard_iterator", StreamName="a", ShardId="s")
    tokens.remember(asked, f"{KINESIS}/a", b'{"ShardIterator": "i\\/1\\u003d"}')
    read = called("kinesis", "get_records", ShardIterator="i/1=")
    assert list(needed(read, tokens)) == [("kinesis:GetRecords", f"{KINESIS}/a")]
    tokens.remember(read, f"{KINESIS}/a", b'{"Records":[],"NextShardIterator":"i2"}')
    more = called("kinesis", "get_records", ShardIterator="i2")
    assert list(needed(more, tokens)) == [("kinesis:GetRecords", f"{KINESIS}/a")]
    with pytest.raises(UnjudgeableRequest, match="kinesis:GetRecords"):
        needed(called("kinesis", "get_records", ShardIterator="unknown"), tokens)


def test_tokens_are_forgotten_before_they_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("emulation.gateway.issued_tokens._REMEMBERED", 2)
    tokens = IssuedTokens()
    asked = called("kinesis", "get_shard_iterator", StreamName="a", ShardId="s")
    for name in ("first", "second", "third"):
        tokens.remember(asked, name, b'{"ShardIterator":"%s"}' % name.encode())
    known = [tokens.resource_of("kinesis", name) for name in ("first", "second", "third")]
    assert known == [None, "second", "third"]


def test_a_token_inside_a_record_is_ignored() -> None:
    tokens = IssuedTokens()
    read = called("dynamodbstreams", "get_records", ShardIterator="i")
    image = rb'{"NextShardIterator":{"S":"\"NextShardIterator\":\"forged\""}}'
    answer = b'{"Records":[{"dynamodb":{"NewImage":' + image + b'}}],"NextShardIterator":"real"}'
    tokens.remember(read, STREAM_ARN, answer)
    assert tokens.resource_of("dynamodbstreams", "real") == STREAM_ARN
    assert tokens.resource_of("dynamodbstreams", "forged") is None


@pytest.mark.parametrize(
    ("service", "method", "parameters"),
    [
        ("glue", "get_crawler", {"Name": "c"}),
        ("dynamodb", "execute_statement", {"Statement": "SELECT 1"}),
        ("s3", "put_bucket_policy", {"Bucket": "demand", "Policy": "{}"}),
        ("events", "list_rules", {}),
        ("kms", "decrypt", {"CiphertextBlob": b"x"}),
        ("kms", "decrypt", {"CiphertextBlob": b"x", "KeyId": "alias/a"}),
        ("kinesis", "describe_stream", {}),
        ("athena", "get_query_execution", {"QueryExecutionId": "unknown"}),
    ],
)
def test_an_unknown_operation_or_resource_is_an_error(
    service: str, method: str, parameters: dict[str, Any]
) -> None:
    with pytest.raises(UnjudgeableRequest):
        needed(called(service, method, **parameters))


def test_a_bucket_in_the_host_name_is_refused() -> None:
    call = called("s3", "get_object", Bucket="demand", Key="a")
    hosted = dataclasses.replace(call, headers={**call.headers, "host": "demand.localhost:1"})
    with pytest.raises(UnjudgeableRequest, match=r"demand\.localhost"):
        needed(hosted)


def test_the_table_has_only_operations_that_exist() -> None:
    for service, table in RESOURCES.items():
        known = {operation.name for operation in operations(service)}
        assert set(table) - known == set(), service


@pytest.mark.parametrize("service", sorted(RESOURCES))
def test_every_operation_in_the_table_names_a_resource(service: str) -> None:
    tokens = IssuedTokens()
    tokens._resources[service, "token"] = f"arn:aws:{service}:eu-west-1:{ACCOUNT}:remembered"
    for operation in operations(service):
        if operation.name not in RESOURCES[service]:
            continue
        shape = operation.input_shape
        names = shape.members if shape is not None else {}
        parameters: dict[str, Any] = {
            name: "token" for name, member in names.items() if member.type_name == "string"
        }
        special = {
            "RequestItems": minimal(names.get("RequestItems")),
            "QueueUrl": f"http://127.0.0.1:1/{ACCOUNT}/q",
            "TableInput": {"Name": "t"},
            "DatabaseInput": {"Name": "d"},
            "AlarmNames": ["a"],
            "DashboardNames": ["d"],
            "TagKeys": ["key"],
        }
        parameters |= {name: value for name, value in special.items() if name in names}
        call = called(service, xform_name(operation.name), **parameters)
        assert needed(call, tokens), operation.name


def test_known_condition_keys_are_written_as_they_are_looked_up() -> None:
    assert {key.lower() for key in KNOWN_KEYS} == KNOWN_KEYS


ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"


@pytest.mark.parametrize(
    ("service", "method", "parameters", "resource", "passed_to"),
    [
        (
            "lambda",
            "create_function",
            {"FunctionName": "f", "Role": ROLE, "Code": {}},
            f"{LAMBDA}:f",
            "lambda",
        ),
        (
            "logs",
            "put_subscription_filter",
            {"logGroupName": "g", "filterName": "f", "filterPattern": "", "roleArn": ROLE},
            f"{LOGS}:g:log-stream:",
            "logs",
        ),
        (
            "scheduler",
            "update_schedule",
            {"Name": "s", "Target": {"Arn": "a", "RoleArn": ROLE}},
            f"arn:aws:scheduler:eu-west-1:{ACCOUNT}:schedule/default/s",
            "scheduler",
        ),
        (
            "firehose",
            "create_delivery_stream",
            {"DeliveryStreamName": "d", "ExtendedS3DestinationConfiguration": {"RoleARN": ROLE}},
            f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/d",
            "firehose",
        ),
    ],
)
def test_whoever_gives_a_service_a_role_has_to_be_allowed_to_pass_it(
    service: str, method: str, parameters: dict[str, Any], resource: str, passed_to: str
) -> None:
    call = called(service, method, **parameters)
    assert needed(call) == {
        (f"{service}:{call.operation}", resource): {},
        ("iam:PassRole", ROLE): {"iam:PassedToService": f"{passed_to}.amazonaws.com"},
    }


def test_a_call_without_a_role_passes_none() -> None:
    call = called("lambda", "update_function_configuration", FunctionName="f", MemorySize=128)
    assert needed(call) == {("lambda:UpdateFunctionConfiguration", f"{LAMBDA}:f"): {}}


def test_whoever_makes_a_resource_with_tags_has_to_be_allowed_to_tag_it() -> None:
    made = {"RoleName": "r", "AssumeRolePolicyDocument": "{}"}
    plain = called("iam", "create_role", **made)
    tagged = called("iam", "create_role", **made, Tags=[{"Key": "k", "Value": "v"}])
    assert needed(plain).keys() == {("iam:CreateRole", ROLE)}
    assert needed(tagged).keys() == {("iam:CreateRole", ROLE), ("iam:TagRole", ROLE)}


def test_a_roles_boundary_and_policy_are_condition_keys() -> None:
    boundary, policy = f"arn:aws:iam::{ACCOUNT}:policy/b", f"arn:aws:iam::{ACCOUNT}:policy/p"
    made = {"RoleName": "r", "AssumeRolePolicyDocument": "{}", "PermissionsBoundary": boundary}
    created = called("iam", "create_role", **made)
    assert needed(created)["iam:CreateRole", ROLE] == {"iam:PermissionsBoundary": boundary}
    attached = called("iam", "attach_role_policy", RoleName="r", PolicyArn=policy)
    assert needed(attached)["iam:AttachRolePolicy", ROLE] == {"iam:PolicyARN": policy}
    place = Place(ACCOUNT, IssuedTokens(), boundaries={ROLE: boundary})
    (requirement,) = requirements(attached, place)
    assert requirement.keys == {"iam:PolicyARN": policy, "iam:PermissionsBoundary": boundary}
