"""A delivery stream on moto: its settings, its Kinesis stream and its bucket."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from emulation.firehose import DeliveryStream, DeliveryStreamRunner
from tests.emulation.firehose.doubles import (
    FUNCTION_ARN,
    ROLE_ARN,
    FakeLambda,
    answer,
    data_of,
    description,
    sources,
)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with embedded_emulator() as endpoint:
        yield endpoint


@dataclass(frozen=True)
class Registered:
    """A delivery stream on the endpoint, with names of its own."""

    stream: DeliveryStream
    source: str
    bucket: str


def registered(endpoint: Endpoint, name: str, shards: int) -> Registered:
    """Create the stream, the bucket and the delivery stream, and describe the last."""
    kinesis, firehose = endpoint.client("kinesis"), endpoint.client("firehose")
    source, bucket = f"changes-of-{name}", f"bucket-of-{name}"
    kinesis.create_stream(StreamName=source, ShardCount=shards)
    endpoint.client("s3").create_bucket(Bucket=bucket)
    settings = description(CompressionFormat="GZIP")["Destinations"][0]
    firehose.create_delivery_stream(
        DeliveryStreamName=name,
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={
            "KinesisStreamARN": kinesis.describe_stream_summary(StreamName=source)[
                "StreamDescriptionSummary"
            ]["StreamARN"],
            "RoleARN": ROLE_ARN,
        },
        ExtendedS3DestinationConfiguration={
            **settings["ExtendedS3DestinationDescription"],
            "BucketARN": f"arn:aws:s3:::{bucket}",
        },
    )
    return Registered(DeliveryStream.describe(firehose, name), source, bucket)


def by_number(event: dict[str, Any]) -> dict[str, Any]:
    """Deliver the even numbers, drop those with remainder 1 by 4, fail the others."""
    results = {0: "Ok", 1: "Dropped", 2: "Ok", 3: "ProcessingFailed"}
    return {
        "records": [
            answer(record["recordId"], results[int(data_of(record)) % 4], data_of(record) + b"\n")
            for record in event["records"]
        ]
    }


def test_the_settings_are_read_from_the_endpoint(endpoint: Endpoint) -> None:
    demand = registered(endpoint, "described", shards=1)
    stream = demand.stream
    assert (stream.name, stream.version, stream.region) == ("described", "1", "us-east-1")
    assert stream.source_stream_arn.endswith(f":stream/{demand.source}")
    assert (stream.destination.bucket, stream.destination.compression) == (demand.bucket, "GZIP")
    assert stream.transform is not None
    assert (stream.transform.function_arn, stream.transform.retries) == (FUNCTION_ARN, 3)


def test_records_flow_from_every_shard_into_the_bucket(endpoint: Endpoint) -> None:
    demand = registered(endpoint, "flowing", shards=3)
    kinesis, s3 = endpoint.client("kinesis"), endpoint.client("s3")

    def put(numbers: range) -> None:
        kinesis.put_records(
            StreamName=demand.source,
            Records=[{"Data": b"%d" % n, "PartitionKey": f"key-{n}"} for n in numbers],
        )

    put(range(1000, 1040))
    function = FakeLambda(by_number)
    runner = DeliveryStreamRunner(
        demand.stream, kinesis=kinesis, lambda_client=function, s3=s3, read_interval=0.01
    )
    runner.start()
    put(range(200))
    runner.poll()
    put(range(200, 400))
    counts = runner.drain()

    assert (counts.received, counts.delivered, counts.dropped, counts.failed) == (
        400,
        200,
        100,
        100,
    )
    assert counts.reconciled
    (event,) = function.events
    assert len({record["recordId"] for record in event["records"]}) == 400
    assert {record["kinesisRecordMetadata"]["shardId"] for record in event["records"]} == {
        f"shardId-{shard:012d}" for shard in range(3)
    }

    objects = {
        item["Key"]: gzip.decompress(
            s3.get_object(Bucket=demand.bucket, Key=item["Key"])["Body"].read()
        )
        for item in s3.list_objects_v2(Bucket=demand.bucket)["Contents"]
    }
    landed, errors = sorted(objects, key=lambda key: key.startswith("errors/"))
    assert landed.startswith("landing/demand/20") and landed.endswith(".gz")
    assert sorted(map(int, objects[landed].split())) == list(range(0, 400, 2))
    lines = [json.loads(line) for line in objects[errors].splitlines()]
    assert sorted(map(int, sources(lines))) == list(range(3, 400, 4))


def test_no_record_is_lost_when_the_emulators_stream_is_split(endpoint: Endpoint) -> None:
    demand = registered(endpoint, "splitting", shards=1)
    kinesis, s3 = endpoint.client("kinesis"), endpoint.client("s3")
    runner = DeliveryStreamRunner(
        demand.stream,
        kinesis=kinesis,
        lambda_client=FakeLambda(
            lambda event: {"records": [answer(r["recordId"], "Dropped") for r in event["records"]]}
        ),
        s3=s3,
        read_interval=0.01,
    )
    runner.start()
    kinesis.put_record(StreamName=demand.source, Data=b"before", PartitionKey="1")
    kinesis.update_shard_count(
        StreamName=demand.source, TargetShardCount=2, ScalingType="UNIFORM_SCALING"
    )
    kinesis.put_record(StreamName=demand.source, Data=b"after", PartitionKey="1")
    assert runner.drain().dropped == 2
