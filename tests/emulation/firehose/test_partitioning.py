"""Dynamic partitioning: what AWS's API refuses, and where each record goes.

See docs/aws-contracts.md#dynamic-partitioning.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulation.firehose import DeliveryStreamRunner
from emulation.firehose.description import check_destination
from emulation.firehose.errors import InvalidSetting
from tests.emulation.firehose.doubles import (
    START,
    Clock,
    FakeKinesis,
    FakeLambda,
    FakeS3,
    Machine,
    answer,
    client_error,
    data_of,
    delivery_stream,
    description,
    partitioned,
    sources,
)

HOUR = "2026/10/05/13"
ENABLED = "when Dynamic Partitioning is enabled"


def destination(**changes: Any) -> dict[str, Any]:
    """Return the described destination of a delivery stream with partitions."""
    (found,) = description(**partitioned(**changes))["Destinations"]
    wanted: dict[str, Any] = found["ExtendedS3DestinationDescription"]
    return wanted


def refused(changes: dict[str, Any], before: dict[str, Any] | None = None) -> str:
    with pytest.raises(InvalidSetting) as error:
        check_destination(destination(**changes), before)
    return str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"BufferingHints": {"SizeInMBs": 63, "IntervalInSeconds": 60}},
            f"BufferingHints.SizeInMBs must be at least 64 {ENABLED}.",
        ),
        (
            {"BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 59}},
            f"BufferingHints.IntervalInSeconds must be at least 60 seconds {ENABLED}.",
        ),
        (
            {"Prefix": "landing/!{timestamp:yyyy}/"},
            f"S3 Prefix should contain Dynamic Partitioning namespaces {ENABLED}",
        ),
        (
            {"DynamicPartitioningConfiguration": {"Enabled": False}},
            f"Dynamic Partitioning Namespaces can only be part of a prefix expression {ENABLED}.",
        ),
        (
            {"ProcessingConfiguration": {"Enabled": False}},
            "Processing Configuration is not enabled when DataPartitioning is enabled",
        ),
        (
            {
                "ErrorOutputPrefix": "errors/!{partitionKeyFromLambda:type}/"
                "!{firehose:error-output-type}/"
            },
            "Dynamic Partitioning Namespaces can't be part of an error prefix expression",
        ),
    ],
)
def test_the_api_refuses_with_the_messages_that_were_seen_on_aws(
    changes: dict[str, Any], message: str
) -> None:
    assert refused(changes) == message


@pytest.mark.parametrize("seconds", [-1, 7201])
def test_the_time_of_retries_is_limited(seconds: int) -> None:
    retries = {"Enabled": True, "RetryOptions": {"DurationInSeconds": seconds}}
    assert "from 0 to 7200" in refused({"DynamicPartitioningConfiguration": retries})


@pytest.mark.parametrize("seconds", [0, 7200])
def test_what_aws_takes_is_taken(seconds: int) -> None:
    retries = {"Enabled": True, "RetryOptions": {"DurationInSeconds": seconds}}
    check_destination(destination(DynamicPartitioningConfiguration=retries))
    check_destination(destination(), before=destination())


def test_dynamic_partitioning_is_neither_switched_on_nor_off_for_a_stream_that_exists() -> None:
    (plain,) = description()["Destinations"]
    without = plain["ExtendedS3DestinationDescription"]
    assert "make a new delivery stream" in refused({}, before=without)
    with pytest.raises(InvalidSetting, match="make a new delivery stream"):
        check_destination(
            {**without, "DynamicPartitioningConfiguration": {"Enabled": False}},
            before=destination(),
        )


def test_an_update_that_leaves_dynamic_partitioning_out_keeps_it() -> None:
    check_destination({"CompressionFormat": "GZIP"}, before=destination())
    with pytest.raises(InvalidSetting, match="at least 64"):
        check_destination(
            {"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60}}, before=destination()
        )


def of_type(event: dict[str, Any]) -> dict[str, Any]:
    """A transform of records such as ``sale:1``, which answers what is before the colon."""
    return {
        "records": [
            answer(
                record["recordId"],
                "Ok",
                data_of(record) + b"\n",
                type=data_of(record).partition(b":")[0].decode(),
            )
            for record in event["records"]
        ]
    }


def machine_of(handler: Any = of_type, *, limit: int = 500, **changes: Any) -> Machine:
    """Return a delivery stream with partitions, and everything around it, started."""
    return Machine(
        handler,
        limit=limit,
        name="all",
        parameters={"BufferIntervalInSeconds": "0"},
        **partitioned(**changes),
    )


def test_each_partition_has_an_object_below_its_own_prefix() -> None:
    machine = machine_of()
    machine.put(b"sale:1", b"demand:1", b"sale:2")
    counts = machine.runner.drain()
    assert machine.s3.bodies(f"landing/sale/{HOUR}/all-1-") == [b"sale:1\nsale:2\n"]
    assert machine.s3.bodies(f"landing/demand/{HOUR}/all-1-") == [b"demand:1\n"]
    assert (counts.delivered, counts.failed, counts.objects) == (3, 0, 2)
    assert counts.reconciled and counts.in_flight == 0


def test_each_partition_is_delivered_when_its_own_buffer_is_due_or_full() -> None:
    machine = machine_of()
    machine.put(b"sale:1")
    machine.poll_for(30)
    machine.put(b"demand:1")
    machine.poll_for(31)
    assert [key.split("/")[1] for key in machine.s3.objects] == ["sale"]
    machine.put(*[b"event:" + b"x" * 2_900_000] * 24)
    machine.runner.poll()
    assert Counter(key.split("/")[1] for key in machine.s3.objects) == {"sale": 1, "event": 1}
    machine.poll_for(31)
    assert Counter(key.split("/")[1] for key in machine.s3.objects) == {
        "sale": 1,
        "event": 1,
        "demand": 1,
    }


def test_records_of_two_hours_are_in_two_objects_whose_dates_are_their_own() -> None:
    machine = machine_of(BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 900})
    machine.put(b"sale:1")
    machine.clock.pause(3600)
    machine.put(b"sale:2")
    machine.runner.drain()
    assert machine.s3.bodies("landing/sale/2026/10/05/13/") == [b"sale:1\n"]
    assert machine.s3.bodies("landing/sale/2026/10/05/14/") == [b"sale:2\n"]


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        ["sale"],
        {},
        {"partitionKeys": None},
        {"partitionKeys": ["sale"]},
        {"partitionKeys": {}},
        {"partitionKeys": {"kind": "sale"}},
        {"partitionKeys": {"type": None}},
        {"partitionKeys": {"type": ""}},
        {"partitionKeys": {"type": 7}},
        {"partitionKeys": {"type": "s" * 600}},
    ],
)
def test_a_record_without_its_keys_goes_to_the_error_output_and_the_rest_is_delivered(
    metadata: Any,
) -> None:
    def forgetting(event: dict[str, Any]) -> dict[str, Any]:
        records = of_type(event)["records"]
        records[1]["metadata"] = metadata
        return {"records": records}

    machine = machine_of(forgetting)
    machine.put(b"sale:1", b"sale:2", b"sale:3")
    counts = machine.runner.drain()
    assert machine.s3.bodies("landing/") == [b"sale:1\nsale:3\n"]
    assert len(machine.s3.bodies("errors/all/metadata-extraction-failed/all-1-")) == 1
    (line,) = machine.s3.error_lines()
    assert line["errorCode"] == "DynamicPartitioning.MetadataExtractionFailed"
    assert line["errorMessage"] == "partitionKeys values must not be null or empty"
    assert sources([line]) == [b"sale:2"]
    assert (counts.delivered, counts.failed) == (2, 1)
    assert counts.reconciled
    assert machine.runner.metrics()["PartitionCountExceeded"] == 0


def test_keys_that_the_prefix_does_not_have_change_nothing() -> None:
    def talking(event: dict[str, Any]) -> dict[str, Any]:
        return {
            "records": [
                answer(record["recordId"], "Ok", b"x", type="sale", number=str(place))
                for place, record in enumerate(event["records"])
            ]
        }

    machine = machine_of(talking)
    machine.put(b"1", b"2")
    machine.runner.drain()
    assert machine.s3.bodies("landing/sale/") == [b"xx"]


def test_failures_of_each_kind_have_objects_of_their_own() -> None:
    def failing(event: dict[str, Any]) -> dict[str, Any]:
        first, second, *rest = of_type(event)["records"]
        del first["metadata"]
        return {"records": [first, {**second, "result": "ProcessingFailed"}, *rest]}

    machine = machine_of(failing)
    machine.put(b"sale:1", b"sale:2", b"sale:3")
    machine.runner.drain()
    kinds = sorted(key.split("/")[2] for key in machine.s3.objects if key.startswith("errors/"))
    assert kinds == ["metadata-extraction-failed", "processing-failed"]


def test_above_the_limit_only_records_of_new_partitions_fail() -> None:
    machine = machine_of(limit=2)
    machine.put(b"a:1", b"b:1", b"c:1", b"a:2")
    machine.runner.poll()
    published = machine.runner.metrics()
    assert (published["ActivePartitionsLimit"], published["PartitionCount"]) == (2, 2)
    assert published["PartitionCountExceeded"] == 1
    assert machine.runner.metrics()["PartitionCountExceeded"] == 0
    counts = machine.runner.drain()
    assert machine.s3.bodies("landing/") == [b"a:1\na:2\n", b"b:1\n"]
    assert len(machine.s3.bodies("errors/all/activePartitionExceeded/")) == 1
    (line,) = machine.s3.error_lines()
    assert line["errorCode"] == "DynamicPartitioning.ActivePartitionsLimitExceeded"
    assert sources([line]) == [b"c:1"]
    assert counts.failed_by_code == {"DynamicPartitioning.ActivePartitionsLimitExceeded": 1}


def test_a_partition_is_free_again_when_its_object_is_in_the_bucket_and_not_before() -> None:
    machine = machine_of(limit=1)
    machine.put(b"a:1")
    machine.s3.errors = [(False, client_error("PutObject", "SlowDown"))] * 6
    machine.poll_for(62)
    assert machine.s3.objects == {}
    assert machine.runner.metrics()["PartitionCount"] == 1
    machine.poll_for(20)
    assert machine.runner.metrics()["PartitionCount"] == 0
    machine.put(b"b:1")
    assert machine.runner.drain().delivered == 2


def test_only_a_stream_with_partitions_publishes_metrics_of_them() -> None:
    plain = DeliveryStreamRunner(
        delivery_stream(),
        kinesis=FakeKinesis(Clock()),
        lambda_client=FakeLambda(of_type),
        s3=FakeS3(),
    )
    more = {"ActivePartitionsLimit", "PartitionCount", "PartitionCountExceeded"}
    assert machine_of().runner.metrics().keys() == plain.metrics().keys() | more


KEYS = st.sampled_from(["a", "b", "c", "d/e", "é", "", None])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(KEYS, st.integers(0, 1800)), max_size=30),
    st.integers(1, 4),
    st.lists(st.booleans(), max_size=4),
)
def test_every_record_is_in_one_object_of_its_own_partition_or_in_the_error_output(
    records: list[tuple[str | None, int]], limit: int, puts_that_fail: list[bool]
) -> None:
    given_keys = [key for key, _ in records]

    def said(event: dict[str, Any]) -> dict[str, Any]:
        answers = []
        for record in event["records"]:
            key = given_keys[int(data_of(record))]
            entry = answer(record["recordId"], "Ok", data_of(record) + b"\n")
            answers.append({**entry, "metadata": {"partitionKeys": {"type": key}}})
        return {"records": answers}

    machine = machine_of(said, limit=limit)
    machine.s3.errors = [(stored, client_error("PutObject", "Slow")) for stored in puts_that_fail]
    arrived: dict[int, float] = {}
    for number, (_, pause) in enumerate(records):
        arrived[number] = machine.clock() - START
        machine.put(b"%d" % number)
        machine.runner.poll()
        assert machine.runner.metrics()["PartitionCount"] <= limit
        assert machine.runner.counts.reconciled
        machine.clock.pause(pause)
    counts = machine.runner.drain()

    landed: dict[str, list[int]] = defaultdict(list)
    for key, entry in machine.s3.objects.items():
        if key.startswith("landing/"):
            landed[key].extend(map(int, entry["Body"].split()))
    failed = [int(source) for source in sources(machine.s3.error_lines())]
    assert sorted([*failed, *(n for numbers in landed.values() for n in numbers)]) == list(
        range(len(records))
    )
    for key, numbers in landed.items():
        assert numbers == sorted(numbers)
        for number in numbers:
            hour = 13 + int(7 * 60 + 9 + arrived[number]) // 3600
            day, hour = 5 + hour // 24, hour % 24
            prefix = f"landing/{given_keys[number]}/2026/10/{day:02d}/{hour:02d}/"
            assert key.startswith(f"{prefix}all-1-")
    assert {n for n, key in enumerate(given_keys) if not key} <= set(failed)
    assert (counts.failed, counts.in_flight, counts.reconciled) == (len(failed), 0, True)
