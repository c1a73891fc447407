"""A delivery stream's error log has the events that AWS logs, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulation.firehose import DeliveryStreamRunner, InvalidSetting
from tests.emulation.firehose.doubles import (
    BUCKET,
    FUNCTION_ARN,
    START,
    Clock,
    FakeKinesis,
    FakeLambda,
    FakeS3,
    Handler,
    Uuids,
    client_error,
    delivery_stream,
    upper,
)

LOGGED = {"Enabled": True, "LogGroupName": "/aws/kinesisfirehose/demand", "LogStreamName": "errors"}


class FakeLogs:
    """Keeps what is logged, or refuses it."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.calls: list[dict[str, Any]] = []

    def put_log_events(self, **call: Any) -> dict[str, Any]:
        self.calls.append(call)
        if self.refusal:
            raise self.refusal
        return {}

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(event["message"]) for call in self.calls for event in call["logEvents"]]


def drained(handler: Handler, logs: FakeLogs, options: Any = LOGGED, s3: Any = None) -> FakeLambda:
    """Run one record through a delivery stream."""
    clock = Clock()
    kinesis, function = FakeKinesis(clock, 1), FakeLambda(handler)
    runner = DeliveryStreamRunner(
        delivery_stream(CloudWatchLoggingOptions=options),
        kinesis=kinesis,
        lambda_client=function,
        s3=s3 or FakeS3(),
        logs=logs,
        clock=clock,
        pause=clock.pause,
        new_uuid=Uuids(),
    )
    runner.start()
    kinesis.put(b"record")
    runner.drain()
    return function


def refuse(*_: Any) -> Any:
    raise client_error("Invoke", "AccessDeniedException")


def fail_the_record(event: Any) -> Any:
    records = [
        {"recordId": each["recordId"], "result": "ProcessingFailed"} for each in event["records"]
    ]
    return {"records": records}


def test_a_batch_that_cannot_be_transformed_is_logged_once_with_code_and_function() -> None:
    logs = FakeLogs()
    drained(refuse, logs)
    (call,) = logs.calls
    assert (call["logGroupName"], call["logStreamName"]) == (
        "/aws/kinesisfirehose/demand",
        "errors",
    )
    assert call["logEvents"][0]["timestamp"] >= int(START * 1000)
    (event,) = logs.events
    assert event["errorCode"] == "Lambda.InvokeAccessDenied"
    assert event["processor"] == FUNCTION_ARN
    assert event["destination"] == f"arn:aws:s3:::{BUCKET}"


def test_a_record_that_the_function_marks_as_failed_is_not_logged() -> None:
    logs = FakeLogs()
    drained(fail_the_record, logs)
    assert logs.calls == []


def test_an_object_that_cannot_be_put_is_logged_with_s3s_code() -> None:
    class Refusing(FakeS3):
        refusals = 1

        def put_object(self, **kwargs: Any) -> Any:
            if self.refusals:
                self.refusals -= 1
                raise client_error("PutObject", "AccessDenied")
            return super().put_object(**kwargs)

    logs = FakeLogs()
    drained(upper, logs, s3=Refusing())
    (event,) = logs.events
    assert event["errorCode"] == "S3.AccessDenied"
    assert "processor" not in event


def test_a_log_that_cannot_be_written_holds_up_nothing() -> None:
    logs = FakeLogs(client_error("PutLogEvents", "AccessDeniedException"))
    drained(refuse, logs)
    assert len(logs.calls) == 1


@pytest.mark.parametrize("options", [None, {"Enabled": False}])
def test_nothing_is_logged_where_logging_is_off(options: Any) -> None:
    logs = FakeLogs()
    drained(refuse, logs, options)
    assert logs.calls == []


def test_logging_without_a_log_stream_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="LogGroupName and LogStreamName"):
        delivery_stream(CloudWatchLoggingOptions={"Enabled": True, "LogGroupName": "g"})
