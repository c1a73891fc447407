"""Delivery streams come and go while a pipeline is at work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from emulation.pipeline import Pipeline, running_pipeline
from estate.provision.provision import local_settings
from estate.referenced import make_referenced
from infra.policies import Statement, allow, document, trust
from infra.settings import Settings
from tests.emulation.firehose.doubles import description


class Stack:
    """A stack's Kinesis stream and bucket, and delivery streams without a transform."""

    def __init__(self, endpoint: Endpoint, settings: Settings) -> None:
        self.endpoint, self.settings = endpoint, settings
        iam, kinesis = endpoint.client("iam"), endpoint.client("kinesis")
        self._stream_arn = kinesis.describe_stream_summary(StreamName=settings.stream_name)[
            "StreamDescriptionSummary"
        ]["StreamARN"]
        self._role_arn = iam.create_role(
            RoleName="delivery",
            AssumeRolePolicyDocument=json.dumps(trust("firehose.amazonaws.com")),
        )["Role"]["Arn"]
        bucket = f"arn:aws:s3:::{settings.bucket_name}"
        reads = ["DescribeStream", "GetShardIterator", "GetRecords", "ListShards"]
        statements: list[Statement] = [
            allow("Read", [f"kinesis:{each}" for each in reads], [self._stream_arn]),
            allow("Deliver", ["s3:PutObject"], [f"{bucket}/*"]),
        ]
        iam.put_role_policy(
            RoleName="delivery",
            PolicyName="delivery",
            PolicyDocument=json.dumps(document(statements)),
        )

    def create(self, name: str) -> None:
        """Create a delivery stream that puts each record as it came, below its own name."""
        (destination,) = description()["Destinations"]
        self.endpoint.client("firehose").create_delivery_stream(
            DeliveryStreamName=name,
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={
                "KinesisStreamARN": self._stream_arn,
                "RoleARN": self._role_arn,
            },
            ExtendedS3DestinationConfiguration={
                **destination["ExtendedS3DestinationDescription"],
                "RoleARN": self._role_arn,
                "BucketARN": f"arn:aws:s3:::{self.settings.bucket_name}",
                "Prefix": f"landing/{name}/",
                "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 900},
                "ProcessingConfiguration": {"Enabled": False},
            },
        )

    def put(self, data: bytes) -> None:
        self.endpoint.client("kinesis").put_record(
            StreamName=self.settings.stream_name, Data=data, PartitionKey="1"
        )

    def landed(self, name: str) -> bytes:
        s3, bucket = self.endpoint.client("s3"), self.settings.bucket_name
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"landing/{name}/").get("Contents", [])
        return b"".join(
            s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in listed
        )


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[tuple[Stack, Pipeline]]:
    with embedded_emulator() as endpoint:
        settings = local_settings(endpoint, "dev1", packages=tmp_path)
        make_referenced(endpoint, settings)
        made = Stack(endpoint, settings)
        for name in ("first", "second"):
            made.create(name)
        with running_pipeline(endpoint, settings, {"demand": "first"}, tmp_path) as pipeline:
            yield made, pipeline


def test_a_new_delivery_stream_begins_while_the_other_goes_on(
    stack: tuple[Stack, Pipeline],
) -> None:
    made, pipeline = stack
    pipeline.start()
    made.put(b"a")
    pipeline.follow({"all-types": "second", "demand": "first"})
    made.put(b"b")
    pipeline.drain(lambda: None)
    assert (made.landed("first"), made.landed("second")) == (b"ab", b"b")
    received = {name: each.received for name, each in pipeline.counts().items()}
    assert received == {"demand": 2, "all-types": 1}
    pipeline.resume()
    made.put(b"c")
    pipeline.drain(lambda: None)
    assert (made.landed("first"), made.landed("second")) == (b"abc", b"bc")


def test_a_deleted_delivery_stream_reads_no_more_and_begins_anew_if_it_comes_again(
    stack: tuple[Stack, Pipeline],
) -> None:
    made, pipeline = stack
    pipeline.start()
    made.put(b"a")
    pipeline.drain(lambda: None)
    pipeline.resume()
    pipeline.follow({"all-types": "second"})
    made.put(b"b")
    pipeline.follow({"all-types": "second", "demand": "first"})
    made.put(b"c")
    pipeline.drain(lambda: None)
    assert (made.landed("first"), made.landed("second")) == (b"ac", b"bc")
    assert pipeline.counts()["demand"].received == 1
