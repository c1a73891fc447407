"""Delivery streams come and go while a pipeline is at work."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
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

_PATIENCE_SECONDS = 30.0


class Stack:
    """A stack's Kinesis streams and bucket, with delivery streams that transform nothing."""

    def __init__(self, endpoint: Endpoint, settings: Settings) -> None:
        self.endpoint, self.settings = endpoint, settings
        reads = ["DescribeStream", "GetShardIterator", "GetRecords", "ListShards"]
        bucket = f"arn:aws:s3:::{settings.bucket_name}"
        self._stream_arn = self._arn_of(settings.stream_name)
        self._log_stream_arn = self._arn_of(settings.log_stream_name)
        self._delivery_role = self._role(
            "firehose.amazonaws.com",
            allow("Read", [f"kinesis:{each}" for each in reads], [self._stream_arn]),
            allow("Deliver", ["s3:PutObject"], [f"{bucket}/*"]),
        )
        self._log_role = self._role(
            "logs.amazonaws.com", allow("Forward", ["kinesis:PutRecord"], [self._log_stream_arn])
        )
        endpoint.client("sqs").create_queue(QueueName=settings.naming.dead_letter_queue)

    def _arn_of(self, stream: str) -> str:
        found = self.endpoint.client("kinesis").describe_stream_summary(StreamName=stream)
        return str(found["StreamDescriptionSummary"]["StreamARN"])

    def _role(self, service: str, *statements: Statement) -> str:
        iam, name = self.endpoint.client("iam"), service.partition(".")[0]
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust(service)))
        policy = json.dumps(document(statements))
        iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=policy)
        return str(made["Role"]["Arn"])

    def create(self, name: str) -> None:
        """Create a delivery stream that puts each record at once, below its own name."""
        (destination,) = description()["Destinations"]
        self.endpoint.client("firehose").create_delivery_stream(
            DeliveryStreamName=name,
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={
                "KinesisStreamARN": self._stream_arn,
                "RoleARN": self._delivery_role,
            },
            ExtendedS3DestinationConfiguration={
                **destination["ExtendedS3DestinationDescription"],
                "RoleARN": self._delivery_role,
                "BucketARN": f"arn:aws:s3:::{self.settings.bucket_name}",
                "Prefix": f"landing/{name}/",
                "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
                "ProcessingConfiguration": {"Enabled": False},
            },
        )

    def log(self, name: str) -> None:
        """Create a log group whose events are forwarded, with one event."""
        logs, group = self.endpoint.client("logs"), f"/{self.settings.naming.prefix}-{name}"
        logs.create_log_group(logGroupName=group)
        logs.put_subscription_filter(
            logGroupName=group,
            filterName="forward",
            filterPattern="",
            destinationArn=self._log_stream_arn,
            roleArn=self._log_role,
        )
        logs.create_log_stream(logGroupName=group, logStreamName="errors")
        event = {"timestamp": int(time.time() * 1000), "message": "an event"}
        logs.put_log_events(logGroupName=group, logStreamName="errors", logEvents=[event])

    def put(self, data: bytes) -> None:
        self.endpoint.client("kinesis").put_record(
            StreamName=self.settings.stream_name, Data=data, PartitionKey="1"
        )

    def landed(self, name: str) -> bytes:
        """Return what a delivery stream has put, in alphabetical order."""
        s3, bucket = self.endpoint.client("s3"), self.settings.bucket_name
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"landing/{name}/").get("Contents", [])
        bodies = [s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in listed]
        return bytes(sorted(b"".join(bodies)))

    def wait_for(self, name: str, data: bytes) -> None:
        """Wait until a delivery stream has put these records, and no others."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while self.landed(name) != data and time.monotonic() < end:
            time.sleep(0.05)
        assert self.landed(name) == data


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with embedded_emulator() as endpoint:
        no_functions = tmp_path_factory.mktemp("packages")
        settings = local_settings(endpoint, "dev1", packages=no_functions)
        make_referenced(endpoint, settings)
        yield Stack(endpoint, settings)


@contextmanager
def started(stack: Stack, packages: Path, **delivery_streams: str) -> Iterator[Pipeline]:
    with running_pipeline(stack.endpoint, stack.settings, delivery_streams, packages) as pipeline:
        pipeline.start()
        yield pipeline


def test_a_new_delivery_stream_begins_while_the_other_goes_on(stack: Stack, tmp_path: Path) -> None:
    stack.create("kept")
    stack.create("new")
    with started(stack, tmp_path, demand="kept") as pipeline:
        stack.put(b"a")
        stack.wait_for("kept", b"a")
        pipeline.follow({"all-types": "new", "demand": "kept"})
        stack.put(b"b")
        stack.wait_for("kept", b"ab")
        stack.wait_for("new", b"b")
        pipeline.drain(lambda: None)
        received = {name: each.received for name, each in pipeline.counts().items()}
    assert received == {"demand": 2, "all-types": 1}


def test_a_deleted_delivery_stream_reads_no_more_and_begins_anew_if_it_comes_again(
    stack: Stack, tmp_path: Path
) -> None:
    stack.create("former")
    stack.create("staying")
    with started(stack, tmp_path, demand="former", sale="staying") as pipeline:
        stack.put(b"a")
        stack.wait_for("former", b"a")
        pipeline.follow({"sale": "staying"})
        stack.put(b"b")
        stack.wait_for("staying", b"ab")
        pipeline.follow({"sale": "staying", "demand": "former"})
        stack.put(b"c")
        stack.wait_for("staying", b"abc")
        pipeline.drain(lambda: None)
        assert pipeline.counts()["demand"].received == 1
    assert stack.landed("former") == b"ac"


def test_the_log_groups_of_a_new_delivery_stream_are_forwarded(
    stack: Stack, tmp_path: Path
) -> None:
    stack.create("logging")
    with started(stack, tmp_path) as pipeline:
        stack.log("logging")
        assert pipeline.forward_logs() == 0
        pipeline.follow({"all-types": "logging"})
        assert pipeline.forward_logs() == 1
        assert pipeline.gate.denials() == ()
