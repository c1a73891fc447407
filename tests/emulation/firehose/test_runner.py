"""A delivery stream from end to end, case by case.

See docs/aws-contracts.md#firehose-transformation and
docs/aws-contracts.md#firehose-objects-in-s3.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from typing import Any

import pytest

from emulation.firehose import DeliveryStalled, DeliveryStreamRunner
from tests.emulation.firehose.doubles import (
    FUNCTION_ARN,
    START,
    Clock,
    FakeKinesis,
    FakeLambda,
    FakeS3,
    Handler,
    Machine,
    answer,
    client_error,
    data_of,
    delivery_stream,
    sources,
    upper,
)


def by_data(results: dict[bytes, dict[str, Any]]) -> Handler:
    """A transform that answers with the keys listed for a record's data, else in upper case."""

    def handler(event: dict[str, Any]) -> dict[str, Any]:
        records: list[dict[str, Any]] = []
        for record, ok in zip(event["records"], upper(event)["records"], strict=True):
            special = results.get(data_of(record))
            records.append(ok if special is None else {"recordId": record["recordId"], **special})
        return {"records": records}

    return handler


def test_records_are_transformed_in_order_and_land_as_one_object() -> None:
    machine = Machine()
    machine.put(b"a", b"b", b"c")
    counts = machine.runner.drain()
    assert machine.s3.bodies("landing/demand/2026/10/05/13/") == [b"A\nB\nC\n"]
    assert (counts.received, counts.delivered, counts.objects, counts.batches) == (3, 3, 1, 1)
    assert (counts.received_bytes, counts.delivered_bytes, counts.stored_bytes) == (3, 6, 6)
    assert counts.reconciled and counts.in_flight == 0


def test_only_what_arrives_after_the_start_is_delivered() -> None:
    clock = Clock()
    kinesis, s3 = FakeKinesis(clock), FakeS3()
    kinesis.put(b"before")
    runner = DeliveryStreamRunner(
        delivery_stream(),
        kinesis=kinesis,
        lambda_client=FakeLambda(upper),
        s3=s3,
        clock=clock,
        pause=clock.pause,
    )
    runner.start()
    kinesis.put(b"after")
    assert runner.drain().received == 1
    assert s3.bodies("landing/") == [b"AFTER\n"]


def test_firehose_adds_no_newline() -> None:
    machine = Machine(by_data({b"a": {"result": "Ok", "data": "YQ=="}}))
    machine.put(b"a", b"a")
    machine.runner.drain()
    assert machine.s3.bodies("landing/") == [b"aa"]


def test_dropped_leaves_no_trace() -> None:
    machine = Machine(by_data({b"a": {"result": "Dropped"}}))
    machine.put(b"a", b"a")
    counts = machine.runner.drain()
    assert machine.s3.objects == {}
    assert (counts.received, counts.dropped, counts.objects) == (2, 2, 0)
    assert counts.reconciled


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"result": "ProcessingFailed"}, "Lambda.ProcessingFailedStatus"),
        ({"result": "ProcessingFailed", "data": "YQ=="}, "Lambda.ProcessingFailedStatus"),
        ({"result": "Ok"}, "Lambda.InvalidReturnFormat"),
        ({"result": "Ok", "data": "not base64"}, "Lambda.FunctionError"),
        ({"result": "Maybe", "data": "YQ=="}, "Lambda.FunctionError"),
        ({"recordId": "0", "result": "Ok", "data": "YQ=="}, "Lambda.MissingRecordId"),
    ],
)
def test_a_record_that_fails_becomes_one_error_line_and_the_rest_is_delivered(
    entry: dict[str, Any], code: str
) -> None:
    machine = Machine(by_data({b"bad": entry}))
    machine.put(b"a", b"bad", b"c")
    counts = machine.runner.drain()
    assert machine.s3.bodies("landing/") == [b"A\nC\n"]
    (line,) = machine.s3.error_lines()
    assert (line["errorCode"], sources([line])) == (code, [b"bad"])
    assert (counts.delivered, counts.failed, counts.error_objects) == (2, 1, 1)
    assert counts.failed_by_code == {code: 1}
    assert counts.reconciled


def test_a_record_id_returned_twice_becomes_one_error_line_and_the_rest_is_delivered() -> None:
    def doubled(event: dict[str, Any]) -> dict[str, Any]:
        records = upper(event)["records"]
        return {"records": [*records, records[1]]}

    machine = Machine(doubled)
    machine.put(b"a", b"b", b"c")
    machine.runner.drain()
    assert machine.s3.bodies("landing/") == [b"A\nC\n"]
    (line,) = machine.s3.error_lines()
    assert (line["errorCode"], sources([line])) == ("Lambda.DuplicatedRecordId", [b"b"])


def test_a_record_id_that_is_not_in_the_batch_is_ignored_and_counted() -> None:
    machine = Machine(lambda event: {"records": [*upper(event)["records"], answer("9", "Ok", b"")]})
    machine.put(b"a")
    counts = machine.runner.drain()
    assert (counts.delivered, counts.failed, counts.unknown_ids) == (1, 0, 1)


def test_an_error_line_has_the_keys_that_aws_writes() -> None:
    machine = Machine(by_data({b"\xff\x00": {"result": "ProcessingFailed"}}))
    machine.put(b"\xff\x00")
    machine.clock.pause(2)
    machine.runner.drain()
    (body,) = machine.s3.bodies("errors/demand/processing-failed/")
    assert body.endswith(b"}\n")
    assert json.loads(body) == {
        "attemptsMade": 1,
        "arrivalTimestamp": int(START * 1000),
        "errorCode": "Lambda.ProcessingFailedStatus",
        "errorMessage": "ProcessingFailed status set for record",
        "attemptEndingTimestamp": int(START * 1000) + 2200,
        "rawData": "/wA=",
        "lambdaARN": FUNCTION_ARN,
    }


@pytest.mark.parametrize(
    ("parameters", "attempts"), [({}, 4), ({"NumberOfRetries": "0"}, 1)], ids=["default", "none"]
)
def test_a_function_that_fails_every_attempt_fails_its_whole_batch(
    parameters: dict[str, str], attempts: int
) -> None:
    machine = Machine(parameters=parameters)
    machine.function.outcomes = ["FunctionError"] * attempts
    machine.put(b"a", b"b")
    counts = machine.runner.drain()
    lines = machine.s3.error_lines()
    assert sources(lines) == [b"a", b"b"]
    assert {line["errorCode"] for line in lines} == {"Lambda.FunctionError"}
    assert {line["attemptsMade"] for line in lines} == {attempts}
    assert len(machine.function.payloads) == attempts
    assert (counts.failed, counts.retries, counts.batches) == (2, attempts - 1, 1)


def test_a_failed_invocation_is_repeated_with_the_same_records_and_another_id() -> None:
    machine = Machine()
    machine.function.outcomes = [
        client_error("Invoke", "TooManyRequestsException"),
        "FunctionError",
    ]
    machine.put(b"a")
    counts = machine.runner.drain()
    events = machine.function.events
    assert len({event["invocationId"] for event in events}) == 3
    assert events[0]["records"] == events[1]["records"] == events[2]["records"]
    assert (counts.delivered, counts.retries) == (1, 2)


@pytest.mark.parametrize("payload", [b"no json", b"null", b"{}", b'{"records":"none"}', b"[]"])
def test_a_malformed_answer_is_final_and_fails_the_whole_batch(payload: bytes) -> None:
    machine = Machine()
    machine.function.outcomes = [payload]
    machine.put(b"a", b"b")
    counts = machine.runner.drain()
    lines = machine.s3.error_lines()
    assert sources(lines) == [b"a", b"b"]
    assert {line["attemptsMade"] for line in lines} == {1}
    assert (len(machine.function.payloads), counts.retries, counts.failed) == (1, 0, 2)


def test_a_record_too_large_for_an_event_fails_alone_with_its_source() -> None:
    machine = Machine()
    large = b"x" * 5_000_000
    machine.put(b"a", large, b"b")
    counts = machine.runner.drain()
    assert machine.s3.bodies("landing/") == [b"A\nB\n"]
    (line,) = machine.s3.error_lines()
    assert line["errorCode"] == "Lambda.RequestTooLargeException"
    assert sources([line]) == [large]
    assert (counts.delivered, counts.failed, counts.batches) == (2, 1, 1)


def test_aggregated_records_are_taken_apart_before_the_function_sees_them() -> None:
    machine = Machine()
    # AggregatedRecord {partition_key_table: "k"; records {0, "a"}; records {0, "b"}}
    message = b"\x0a\x01k" + b"\x1a\x05\x08\x00\x1a\x01a" + b"\x1a\x05\x08\x00\x1a\x01b"
    aggregate = b"\xf3\x89\x9a\xc2" + message + hashlib.md5(message).digest()
    machine.put(aggregate, b"plain")
    assert machine.runner.drain().received == 3
    (event,) = machine.function.events
    numbers = [record["kinesisRecordMetadata"]["sequenceNumber"] for record in event["records"]]
    places = [record["kinesisRecordMetadata"]["subsequenceNumber"] for record in event["records"]]
    keys = [record["kinesisRecordMetadata"]["partitionKey"] for record in event["records"]]
    assert [data_of(record) for record in event["records"]] == [b"a", b"b", b"plain"]
    assert (numbers[0] == numbers[1] != numbers[2], places) == (True, [0, 1, 0])
    assert keys == ["k", "k", "key"]
    assert len({record["recordId"] for record in event["records"]}) == 3


def test_the_function_is_called_when_the_lambda_buffer_interval_is_over() -> None:
    machine = Machine()
    machine.put(b"a")
    machine.poll_for(60)
    assert machine.function.payloads == []
    machine.poll_for(1)
    assert len(machine.function.payloads) == 1


def test_the_function_is_called_when_the_lambda_buffer_is_full() -> None:
    machine = Machine(parameters={"BufferSizeInMBs": "0.2"})
    machine.put(*[b"x" * 60_000] * 7)
    machine.runner.poll()
    assert [len(event["records"]) for event in machine.function.events] == [3, 3]
    assert machine.runner.counts.in_flight == 7


def test_an_object_lands_when_the_interval_of_the_destination_is_over() -> None:
    machine = Machine(parameters={"BufferIntervalInSeconds": "0"})
    machine.put(b"a")
    machine.poll_for(300)
    assert machine.s3.objects == {}
    assert machine.runner.counts.in_flight == 1
    machine.poll_for(1)
    assert machine.s3.bodies("landing/") == [b"A\n"]


def test_an_object_lands_when_it_has_the_size_of_the_destination() -> None:
    machine = Machine(
        parameters={"BufferIntervalInSeconds": "0"},
        BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900},
    )
    machine.put(*[b"x" * 300_000] * 5)
    machine.runner.poll()
    (body,) = machine.s3.bodies("landing/")
    assert len(body) == 4 * 300_001
    assert (machine.runner.counts.delivered, machine.runner.counts.in_flight) == (4, 1)


def test_delivered_and_failed_records_have_buffers_of_their_own() -> None:
    machine = Machine(
        by_data({b"x" * 500_000: {"result": "ProcessingFailed"}}),
        parameters={"BufferIntervalInSeconds": "0"},
        BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900},
    )
    machine.put(b"a", b"x" * 500_000, b"x" * 500_000)
    machine.runner.poll()
    # Two lines of base64 are more than 1 MB; what is delivered still waits.
    assert [key.split("/")[0] for key in machine.s3.objects] == ["errors"]
    assert (machine.runner.counts.failed, machine.runner.counts.in_flight) == (2, 1)
    assert machine.runner.counts.reconciled


def test_objects_are_dated_by_the_arrival_of_their_oldest_record() -> None:
    machine = Machine()
    machine.put(b"a")
    machine.clock.pause(3600)
    machine.put(b"b")
    machine.runner.drain()
    (key,) = machine.s3.objects
    assert key.startswith("landing/demand/2026/10/05/13/demand-1-2026-10-05-13-07-09-")


def test_both_outputs_are_compressed_as_the_destination_says() -> None:
    machine = Machine(by_data({b"b": {"result": "ProcessingFailed"}}), CompressionFormat="GZIP")
    machine.put(b"a", b"b")
    machine.runner.drain()
    assert all(key.endswith(".gz") for key in machine.s3.objects)
    assert gzip.decompress(machine.s3.bodies("landing/")[0]) == b"A\n"
    assert b"ProcessingFailedStatus" in gzip.decompress(machine.s3.bodies("errors/")[0])


def test_the_same_records_give_the_same_objects() -> None:
    objects = []
    for _ in range(2):
        machine = Machine(by_data({b"b": {"result": "ProcessingFailed"}}), CompressionFormat="GZIP")
        machine.put(b"a", b"b")
        machine.runner.drain()
        objects.append(machine.s3.objects)
    assert objects[0] == objects[1]


def test_without_a_transform_records_are_delivered_as_they_came() -> None:
    machine = Machine(ProcessingConfiguration={"Enabled": False})
    machine.put(b"a", b"b")
    counts = machine.runner.drain()
    assert machine.s3.bodies("landing/") == [b"ab"]
    assert (counts.delivered, counts.batches) == (2, 0)


def test_an_object_that_s3_refuses_is_kept_and_put_again() -> None:
    machine = Machine()
    machine.s3.errors = [(False, client_error("PutObject", "SlowDown"))] * 3
    machine.put(b"a")
    counts = machine.runner.drain()
    assert machine.s3.bodies("landing/") == [b"A\n"]
    assert (counts.delivered, counts.objects, counts.put_retries) == (1, 1, 3)


def test_while_s3_refuses_an_object_nothing_more_is_read() -> None:
    machine = Machine(parameters={"BufferIntervalInSeconds": "0"}, **ALWAYS_DUE)
    machine.s3.errors = [(False, client_error("PutObject", "SlowDown"))] * 3
    machine.put(b"a")
    machine.runner.poll()
    reads = len(machine.kinesis.reads)
    machine.put(b"b")
    machine.clock.pause(0.25)
    assert machine.runner.poll() == 0
    assert len(machine.kinesis.reads) == reads
    assert (machine.runner.counts.received, machine.runner.counts.in_flight) == (1, 1)
    machine.poll_for(10)
    assert machine.s3.bodies("landing/") == [b"A\n", b"B\n"]


ALWAYS_DUE: dict[str, Any] = {"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0}}


@pytest.mark.parametrize("service", ["s3", "kinesis"])
def test_a_drain_that_cannot_end_says_why_and_loses_nothing(service: str) -> None:
    machine = Machine()
    machine.put(b"a")
    if service == "s3":
        machine.s3.errors = [(False, client_error("PutObject", "AccessDenied"))] * 99
    else:
        machine.kinesis.errors = [client_error("GetRecords", "AccessDeniedException")] * 999
    with pytest.raises(DeliveryStalled, match=r"demand has made no progress .*AccessDenied"):
        machine.runner.drain()
    machine.s3.errors, machine.kinesis.errors = [], []
    assert machine.runner.drain().delivered == 1
    assert machine.s3.bodies("landing/") == [b"A\n"]


def test_a_slow_function_is_no_stall() -> None:
    machine = Machine()

    def slow(event: dict[str, Any]) -> dict[str, Any]:
        machine.clock.pause(250)
        return upper(event)

    machine.function.handler = slow
    machine.s3.errors = [(False, client_error("PutObject", "SlowDown"))]
    machine.put(b"a")
    assert machine.runner.drain().delivered == 1


def test_a_drain_reads_what_came_before_it_from_every_shard_and_new_shards() -> None:
    machine = Machine(shards=3)
    for shard_id in list(machine.kinesis.shards):
        machine.kinesis.put(b"old", shard_id)
        machine.kinesis.put(b"new", machine.kinesis.add_shard(shard_id))
    assert machine.runner.drain().delivered == 6


def test_draining_twice_and_draining_nothing_is_harmless() -> None:
    machine = Machine()
    assert machine.runner.drain().received == 0
    machine.put(b"a")
    assert machine.runner.drain() == machine.runner.drain()
    machine.put(b"b")
    assert machine.runner.drain().delivered == 2
    assert machine.s3.bodies("landing/") == [b"A\n", b"B\n"]


def test_a_thread_runs_until_it_is_told_to_stop() -> None:
    stop = threading.Event()

    def stopping(event: dict[str, Any]) -> dict[str, Any]:
        stop.set()
        return upper(event)

    machine = Machine(stopping, parameters={"BufferIntervalInSeconds": "0"})
    machine.put(b"a")
    machine.runner.run(stop)
    assert (machine.runner.counts.received, machine.runner.counts.in_flight) == (1, 1)


def test_no_log_line_holds_anything_of_a_record(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    machine = Machine(by_data({b"secret": {"result": "ProcessingFailed"}}))
    machine.function.outcomes = ["FunctionError"] * 4
    machine.put(b"secret")
    machine.runner.drain()
    machine.put(b"secret")
    machine.runner.drain()
    assert "1 records failed with Lambda.ProcessingFailedStatus" in caplog.text
    assert "4 attempts" in caplog.text
    assert "secret" not in caplog.text
    assert "c2VjcmV0" not in caplog.text
    assert "boom" not in caplog.text
