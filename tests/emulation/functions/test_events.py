"""Asynchronous invocations that fail: run again, and then told to the function's destination."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from emulation.endpoint import Endpoint
from emulation.functions import FunctionHost, FunctionHostError, InvokeRequest
from tests.emulation.functions.conftest import Deploy, credentials

_SOURCE = """
def handler(event, context):
    print("attempt", context.aws_request_id)
    if event["fails"]:
        raise ValueError("broken")
    return "done"
"""


@pytest.fixture(scope="module")
def queue(endpoint: Endpoint) -> str:
    return str(endpoint.client("sqs").create_queue(QueueName="failed-events")["QueueUrl"])


@pytest.fixture(scope="module")
def arn(endpoint: Endpoint, deploy: Deploy, queue: str) -> str:
    made = deploy("asynchronous", _SOURCE)
    account = made.split(":")[4]
    endpoint.client("lambda").put_function_event_invoke_config(
        FunctionName="asynchronous",
        MaximumRetryAttempts=1,
        DestinationConfig={
            "OnFailure": {"Destination": f"arn:aws:sqs:us-east-1:{account}:failed-events"}
        },
    )
    return made


@pytest.fixture
def host(endpoint: Endpoint, packages: Any) -> Iterator[FunctionHost]:
    with FunctionHost(endpoint, packages, credentials) as made:
        yield made


def run(host: FunctionHost, event: dict[str, Any], function: str = "asynchronous") -> Any:
    accepted = host.invoke(
        InvokeRequest(function, json.dumps(event).encode(), invocation_type="Event")
    )
    assert (accepted.status, accepted.payload) == (202, b"")
    return accepted.request_id, host.outcome(accepted.request_id)


def attempts(host: FunctionHost, request_id: str) -> int:
    return host.logs("asynchronous").count(f"attempt {request_id}")


def messages(endpoint: Endpoint, queue: str) -> list[dict[str, Any]]:
    received = endpoint.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    return [json.loads(each["Body"]) for each in received.get("Messages", ())]


def test_an_event_that_goes_well_is_run_once_and_told_to_nobody(
    host: FunctionHost,
    endpoint: Endpoint,
    queue: str,
    arn: str,
) -> None:
    request_id, outcome = run(host, {"fails": False})
    assert outcome.payload == b'"done"'
    assert attempts(host, request_id) == 1
    assert messages(endpoint, queue) == []


def test_an_event_that_fails_is_run_again_and_then_recorded(
    host: FunctionHost,
    endpoint: Endpoint,
    queue: str,
    arn: str,
) -> None:
    request_id, outcome = run(host, {"fails": True})
    assert outcome.function_error == "Unhandled"
    assert attempts(host, request_id) == 2, "all attempts have the same request id"
    (record,) = messages(endpoint, queue)
    assert record.pop("timestamp").endswith("Z")
    assert record.pop("responsePayload")["errorMessage"] == "broken"
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"{arn}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 2,
        },
        "requestPayload": {"fails": True},
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
    }


def test_without_a_configuration_there_are_two_retries(
    host: FunctionHost,
    deploy: Deploy,
) -> None:
    deploy("unconfigured", _SOURCE)
    request_id, outcome = run(host, {"fails": True}, "unconfigured")
    assert outcome.function_error == "Unhandled"
    assert host.logs("unconfigured").count(f"attempt {request_id}") == 3


def test_an_outcome_is_told_once(host: FunctionHost, arn: str) -> None:
    request_id, _ = run(host, {"fails": False})
    with pytest.raises(FunctionHostError, match="no outcome"):
        host.outcome(request_id)
