from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import ServiceModel
from botocore.parsers import RpcV2CBORParser
from botocore.serialize import create_serializer

from emulation.gateway.api_call import Protocol, recognise
from emulation.gateway.errors import UnjudgeableRequest
from emulation.gateway.faults import ACCESS_DENIED, answer
from emulation.gateway.signed_request import HttpRequest, Signature, signature
from tests.emulation.gateway.botocore_requests import called, minimal, operations, sent

SERVICES = (
    "athena cloudwatch dynamodb dynamodbstreams firehose glue iam kinesis kms lambda logs "
    "scheduler sns sqs sts s3"
).split()
# botocore's model has an older and a newer name for these requests.
SAME_REQUEST = {
    "GetBucketLifecycleConfiguration": "GetBucketLifecycle",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketLifecycleConfiguration": "PutBucketLifecycle",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
}
# Requests to other hosts than the service's, or that differ from another only in the host.
ELSEWHERE = {"WriteGetObjectResponse", "ListDirectoryBuckets", "CreateSession"}


def requests_of(service: str) -> Iterator[tuple[str, HttpRequest]]:
    """The smallest request of every operation, from botocore's serializer."""
    for operation in operations(service):
        protocol = operation.service_model.resolved_protocol
        shape = operation.input_shape
        made: Any = create_serializer(protocol, False).serialize_to_request(
            minimal(shape), operation
        )
        query = made["query_string"]
        if isinstance(query, dict):
            query = "&".join(f"{name}={value}" for name, value in query.items())
        path, _, own = made["url_path"].partition("?")
        target = path + ("?" + "&".join(part for part in (own, query) if part)).rstrip("?")
        body = made["body"]
        if isinstance(body, dict):
            body = "&".join(f"{name}={value}" for name, value in body.items())
        headers = {name.lower(): str(value) for name, value in made["headers"].items()}
        yield (
            operation.name,
            HttpRequest(
                made["method"],
                target,
                headers,
                body.encode() if isinstance(body, str) else bytes(body or b""),
            ),
        )


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_of_a_service_is_recognised_in_its_smallest_request(service: str) -> None:
    model: ServiceModel = operations(service)[0].service_model
    signed = Signature("ASIAKEY", "us-east-1", str(model.signing_name))
    wrong = {}
    count = 0
    for name, request in requests_of(service):
        if name in ELSEWHERE:
            continue
        call = recognise(request, signed)
        found = SAME_REQUEST.get(call.operation, call.operation)
        if (call.service, found) != (service, SAME_REQUEST.get(name, name)):
            wrong[name] = (call.service, call.operation)
        count += 1
    assert not wrong
    assert count > 0


def test_the_credential_scope_gives_the_key_the_region_and_the_service() -> None:
    request = sent("cloudwatch", "list_metrics")
    assert signature(request) == Signature("ASIAKEY", "eu-west-1", "monitoring")


def test_a_presigned_url_has_the_credential_scope_in_its_query() -> None:
    target = "/b/k?X-Amz-Credential=ASIAKEY%2F20261122%2Fus-east-1%2Fs3%2Faws4_request"
    signed = signature(HttpRequest("GET", target, {}))
    assert signed == Signature("ASIAKEY", "us-east-1", "s3")


@pytest.mark.parametrize("authorization", ["", "AWS key:signature", "AWS4-HMAC-SHA256 nonsense"])
def test_a_request_that_is_not_signed_with_version_4_has_no_signature(authorization: str) -> None:
    assert signature(HttpRequest("GET", "/", {"authorization": authorization})) is None


def test_the_url_of_a_rest_request_gives_its_parameters() -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:transform:3"
    call = called("lambda", "invoke", FunctionName=arn, Payload=b"{}", LogType="Tail")
    assert call.parameters["FunctionName"] == arn
    assert call.parameters["LogType"] == "Tail"


@pytest.mark.parametrize("key", ["a b+c=%2F//é", "a/../b", "x=1/y=2", "a?b&c#d", "~'()*!", "/x/"])
def test_an_object_key_is_read_as_it_was_meant(key: str) -> None:
    call = called("s3", "get_object", Bucket="demand", Key=key)
    assert (call.operation, call.parameters["Key"]) == ("GetObject", key)


def test_json_and_form_bodies_give_the_parameters() -> None:
    assert called("kinesis", "list_shards", StreamName="a").parameters == {"StreamName": "a"}
    call = called("sts", "assume_role", RoleArn="arn", RoleSessionName="n")
    assert (call.protocol, call.parameters["RoleArn"]) == (Protocol.QUERY, "arn")


def test_a_compressed_body_is_read() -> None:
    metrics = [{"MetricName": f"metric-{n}", "Value": 1.0} for n in range(900)]
    request = sent("cloudwatch", "put_metric_data", Namespace="dmd", MetricData=metrics)
    assert request.headers["content-encoding"] == "gzip"
    call = called("cloudwatch", "put_metric_data", Namespace="dmd", MetricData=metrics)
    assert call.parameters["Namespace"] == "dmd"


def test_a_cbor_request_is_recognised_and_read() -> None:
    operation = next(each for each in operations("cloudwatch") if each.name == "PutMetricData")
    made: Any = create_serializer("smithy-rpc-v2-cbor", False).serialize_to_request(
        {"Namespace": "dmd", "MetricData": [{"MetricName": "m", "Value": 2.5}]}, operation
    )
    headers = {name.lower(): value for name, value in made["headers"].items()}
    request = HttpRequest("POST", made["url_path"], headers, made["body"])
    call = recognise(request, Signature("ASIAKEY", "us-east-1", "monitoring"))
    assert (call.service, call.operation, call.protocol) == (
        "cloudwatch",
        "PutMetricData",
        Protocol.CBOR,
    )
    assert call.parameters["Namespace"] == "dmd"


@pytest.mark.parametrize(
    ("signing_name", "request_"),
    [
        ("kinesis", HttpRequest("POST", "/", {"x-amz-target": "Kinesis_20131202.Explode"})),
        ("kinesis", HttpRequest("POST", "/", {"x-amz-target": "DynamoDB_20120810.GetItem"})),
        ("kinesis", HttpRequest("POST", "/", {})),
        ("sts", HttpRequest("POST", "/", {}, b"Action=Explode")),
        ("lambda", HttpRequest("POST", "/2015-03-31/nothing", {})),
        ("nonesuch", HttpRequest("GET", "/", {})),
        ("s3", HttpRequest("POST", "/bucket", {})),
    ],
)
def test_a_request_that_is_in_no_model_is_an_error(
    signing_name: str, request_: HttpRequest
) -> None:
    with pytest.raises(UnjudgeableRequest):
        recognise(request_, Signature("ASIAKEY", "us-east-1", signing_name))


def test_a_body_of_another_protocol_is_an_error() -> None:
    request = HttpRequest("POST", "/", {"x-amz-target": "Kinesis_20131202.PutRecord"}, b"{")
    call = recognise(request, Signature("ASIAKEY", "us-east-1", "kinesis"))
    with pytest.raises(UnjudgeableRequest, match="kinesis:PutRecord"):
        _ = call.parameters


def test_a_denial_in_cbor_is_one_that_botocore_reads() -> None:
    denied = answer(ACCESS_DENIED, "User: é is not authorized", Protocol.CBOR)
    no_shape: Any = None
    parsed = RpcV2CBORParser().parse(
        {"status_code": denied.status, "headers": dict(denied.headers), "body": denied.body},
        no_shape,
    )
    assert parsed["Error"] == {
        "Code": "AccessDeniedException",
        "Message": "User: é is not authorized",
    }


def test_parameters_in_the_body_of_a_rest_request_are_read() -> None:
    target = {"Arn": "arn:aws:lambda:eu-west-1:123456789012:function:f", "RoleArn": "role"}
    call = called("scheduler", "create_schedule", GroupName="g", Name="s", Target=target)
    assert {**call.parameters} == {
        **call.parameters,
        "GroupName": "g",
        "Name": "s",
        "Target": target,
    }


def test_a_body_that_is_one_parameter_is_not_read_for_others() -> None:
    call = called("lambda", "invoke", FunctionName="f", Payload=b'{"FunctionName": "g"}')
    assert call.parameters["FunctionName"] == "f"
    # As of a payload that is no JSON.
    assert called("lambda", "invoke", FunctionName="f", Payload=b"{").parameters == call.parameters


def test_the_lists_of_a_form_are_put_together() -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    call = called("iam", "create_role", RoleName="r", AssumeRolePolicyDocument="{}", Tags=tags)
    assert call.parameters["Tags"] == tags
    assert call.parameters["RoleName"] == "r"
    call = called("iam", "untag_role", RoleName="r", TagKeys=["a", "b"])
    assert call.parameters["TagKeys"] == ["a", "b"]
