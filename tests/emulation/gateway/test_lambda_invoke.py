from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from emulation.endpoint import Credentials, Endpoint
from emulation.functions import InvokeRequest, InvokeResponse
from emulation.functions.invocation import not_found
from emulation.gateway import Gateway
from tests.emulation.gateway.conftest import LAMBDA_TRUST, allow, put_policy

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:transform"


class Host:
    """A function host with a fixed answer."""

    def __init__(self) -> None:
        self.asked: list[InvokeRequest] = []
        self.answer = InvokeResponse(200, b'{"ok":true}')

    def __call__(self, request: InvokeRequest) -> InvokeResponse:
        self.asked.append(request)
        return self.answer


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def front(upstream: Endpoint, host: Host) -> Iterator[Gateway]:
    with Gateway(upstream, host) as gateway:
        yield gateway


@pytest.fixture
def caller(front: Gateway, unique: str) -> Endpoint:
    """A role that may invoke the function's latest version, and no other."""
    arn = front.endpoint.client("iam").create_role(
        RoleName=unique, AssumeRolePolicyDocument=json.dumps(LAMBDA_TRUST)
    )["Role"]["Arn"]
    put_policy(front, unique, allow("lambda:InvokeFunction", f"{FUNCTION}:$LATEST"))
    credentials: Credentials = front.assume_for_service(arn, "lambda.amazonaws.com")
    return front.endpoint.with_credentials(credentials)


def test_the_host_answers_an_allowed_invocation(caller: Endpoint, host: Host) -> None:
    host.answer = InvokeResponse(200, b'{"n":1}', executed_version="7", log_tail=b"x" * 5000)
    answer = caller.client("lambda").invoke(
        FunctionName=f"{FUNCTION}:$LATEST", Payload=b'{"a":1}', LogType="Tail"
    )
    assert host.asked == [InvokeRequest("transform", b'{"a":1}', "$LATEST", "RequestResponse")]
    assert answer["Payload"].read() == b'{"n":1}'
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "7")
    assert "FunctionError" not in answer
    assert base64.b64decode(answer["LogResult"]) == b"x" * 4096


def test_an_invocation_that_is_not_granted_never_reaches_the_host(
    caller: Endpoint, host: Host
) -> None:
    for more in ({}, {"Qualifier": "3"}):
        with pytest.raises(ClientError) as refused:
            caller.client("lambda").invoke(FunctionName="transform", Payload=b"{}", **more)
        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert host.asked == []


def test_a_function_that_fails_is_an_answer_with_its_error(front: Gateway, host: Host) -> None:
    host.answer = InvokeResponse(200, b'{"errorMessage":"no"}', function_error="Unhandled")
    answer = front.endpoint.client("lambda").invoke(FunctionName="transform", Payload=b"{}")
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"].read() == b'{"errorMessage":"no"}'
    assert "LogResult" not in answer


def test_an_event_is_accepted_without_an_answer(front: Gateway, host: Host) -> None:
    host.answer = InvokeResponse(202, b"", request_id="of-the-event")
    answer = front.endpoint.client("lambda").invoke(
        FunctionName="transform", InvocationType="Event", Payload=b"{}"
    )
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    assert answer["ResponseMetadata"]["RequestId"] == "of-the-event"
    assert host.asked[0].invocation_type == "Event"


def test_a_refusal_has_the_form_of_lambdas(front: Gateway, host: Host) -> None:
    host.answer = not_found(FUNCTION)
    client = front.endpoint.client("lambda")
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="Function not found"):
        client.invoke(FunctionName="transform", Payload=b"{}")


def test_a_large_payload_is_passed_on_whole(front: Gateway, host: Host) -> None:
    payload = b'"' + b"x" * 6_000_000 + b'"'
    host.answer = InvokeResponse(200, payload)
    answer = front.endpoint.client("lambda").invoke(FunctionName="transform", Payload=payload)
    assert answer["Payload"].read() == payload
    assert host.asked[0].payload == payload


def test_a_slow_function_does_not_block_other_requests(upstream: Endpoint) -> None:
    started, release = threading.Event(), threading.Event()

    def slow(request: InvokeRequest) -> InvokeResponse:
        started.set()
        release.wait(20)
        return InvokeResponse(200, b"{}")

    with Gateway(upstream, slow) as gateway:
        client = gateway.endpoint.client("lambda")
        waiting = threading.Thread(
            target=client.invoke, kwargs={"FunctionName": "transform", "Payload": b"{}"}
        )
        waiting.start()
        assert started.wait(10)
        gateway.endpoint.client("s3").list_buckets()
        assert waiting.is_alive()
        release.set()
        waiting.join(10)
        assert not waiting.is_alive()


def test_other_calls_of_lambda_go_to_the_endpoint(front: Gateway, host: Host) -> None:
    assert front.endpoint.client("lambda").list_functions()["Functions"] == []
    assert host.asked == []
