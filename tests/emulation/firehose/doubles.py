"""Test doubles of the services around a delivery stream. They behave like AWS, without delay."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from emulation.firehose import DeliveryStreamRunner
from emulation.firehose.description import DeliveryStream

ACCOUNT = "123456789012"
STREAM_ARN = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/changes"
FUNCTION_ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:transform-demand:$LATEST"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/firehose"
BUCKET = "demand-capture"
START = datetime(2026, 10, 5, 13, 7, 9, tzinfo=UTC).timestamp()


def client_error(operation: str, code: str) -> ClientError:
    """Return the exception that boto3 raises for an error code of AWS."""
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


def description(
    *, name: str = "demand", parameters: Mapping[str, str] | None = None, **settings: Any
) -> dict[str, Any]:
    """Return a DeliveryStreamDescription; ``settings`` are those of the S3 destination."""
    lambda_parameters = {"LambdaArn": FUNCTION_ARN, **(parameters or {})}
    return {
        "DeliveryStreamName": name,
        "DeliveryStreamARN": f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/{name}",
        "DeliveryStreamStatus": "ACTIVE",
        "DeliveryStreamType": "KinesisStreamAsSource",
        "VersionId": "1",
        "Source": {
            "KinesisStreamSourceDescription": {
                "KinesisStreamARN": STREAM_ARN,
                "RoleARN": ROLE_ARN,
            }
        },
        "Destinations": [
            {
                "DestinationId": "destinationId-000000000001",
                "ExtendedS3DestinationDescription": {
                    "RoleARN": ROLE_ARN,
                    "BucketARN": f"arn:aws:s3:::{BUCKET}",
                    "Prefix": "landing/demand/!{timestamp:yyyy/MM/dd/HH}/",
                    "ErrorOutputPrefix": "errors/demand/!{firehose:error-output-type}/",
                    "ProcessingConfiguration": {
                        "Enabled": True,
                        "Processors": [
                            {
                                "Type": "Lambda",
                                "Parameters": [
                                    {"ParameterName": key, "ParameterValue": value}
                                    for key, value in lambda_parameters.items()
                                ],
                            }
                        ],
                    },
                    **settings,
                },
            }
        ],
        "HasMoreDestinations": False,
    }


def delivery_stream(**settings: Any) -> DeliveryStream:
    """Return the delivery stream of `description`."""
    return DeliveryStream.parse(description(**settings))


class Clock:
    """A clock that only moves when somebody waits."""

    def __init__(self) -> None:
        self.seconds = START
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds


class Uuids:
    """Predictable UUIDs."""

    def __init__(self) -> None:
        self.given = 0

    def __call__(self) -> str:
        self.given += 1
        return f"00000000-0000-4000-8000-{self.given:012d}"


@dataclass
class FakeShard:
    """A shard of `FakeKinesis`: its records and its parents."""

    shard_id: str
    parents: tuple[str, ...] = ()
    records: list[dict[str, Any]] = field(default_factory=list)
    closed: bool = False


class FakeKinesis:
    """One stream with Kinesis's rules for iterators, closed shards and pages of shards."""

    def __init__(self, clock: Clock, shards: int = 1) -> None:
        self._clock = clock
        self.shards: dict[str, FakeShard] = {}
        self.page = 100
        self.status = "ACTIVE"
        self.errors: list[Exception] = []
        self.throttled: set[str] = set()
        self.reads: list[tuple[float, str]] = []
        self._sequence = 0
        for _ in range(shards):
            self.add_shard()

    def add_shard(self, *parents: str) -> str:
        """Open a shard, and close its parents."""
        shard_id = f"shardId-{len(self.shards):012d}"
        for parent in parents:
            self.shards[parent].closed = True
        self.shards[shard_id] = FakeShard(shard_id, parents)
        return shard_id

    def put(
        self, data: bytes, shard_id: str = "shardId-000000000000", partition_key: str = "key"
    ) -> None:
        """Put a record that arrives now."""
        assert not self.shards[shard_id].closed
        self._sequence += 1
        self.shards[shard_id].records.append(
            {
                "SequenceNumber": f"49{self._sequence:054d}",
                "ApproximateArrivalTimestamp": datetime.fromtimestamp(self._clock(), UTC),
                "Data": data,
                "PartitionKey": partition_key,
            }
        )

    def describe_stream(self, **kwargs: Any) -> Mapping[str, Any]:
        assert kwargs["StreamARN"] == STREAM_ARN
        return {"StreamDescription": {"StreamStatus": self.status}}

    def list_shards(self, **kwargs: Any) -> Mapping[str, Any]:
        if "NextToken" in kwargs and len(kwargs) > 1:
            raise client_error("ListShards", "InvalidArgumentException")
        begin = int(kwargs.get("NextToken", 0))
        listed = [self._listed(shard) for shard in self.shards.values()]
        answer: dict[str, Any] = {"Shards": listed[begin : begin + self.page]}
        if begin + self.page < len(listed):
            answer["NextToken"] = str(begin + self.page)
        return answer

    @staticmethod
    def _listed(shard: FakeShard) -> dict[str, Any]:
        numbers = {"StartingSequenceNumber": "0"}
        if shard.closed:
            numbers["EndingSequenceNumber"] = "9" * 56
        names = ("ParentShardId", "AdjacentParentShardId")
        return {
            "ShardId": shard.shard_id,
            "SequenceNumberRange": numbers,
            **dict(zip(names, shard.parents, strict=False)),
        }

    def get_shard_iterator(self, **kwargs: Any) -> Mapping[str, Any]:
        records = self.shards[kwargs["ShardId"]].records
        kind = kwargs["ShardIteratorType"]
        if kind == "LATEST":
            place = len(records)
        elif kind == "TRIM_HORIZON":
            place = 0
        elif kind == "AFTER_SEQUENCE_NUMBER":
            numbers = [record["SequenceNumber"] for record in records]
            place = numbers.index(kwargs["StartingSequenceNumber"]) + 1
        else:
            assert kind == "AT_TIMESTAMP"
            since = kwargs["Timestamp"]
            place = sum(record["ApproximateArrivalTimestamp"] < since for record in records)
        return {"ShardIterator": f"{kwargs['ShardId']}:{place}:{self._clock()}"}

    def get_records(self, **kwargs: Any) -> Mapping[str, Any]:
        iterator = kwargs["ShardIterator"]
        shard_id, place, _ = iterator.split(":")
        self.reads.append((self._clock(), shard_id))
        if self.errors:
            raise self.errors.pop(0)
        if shard_id in self.throttled:
            raise client_error("GetRecords", "ProvisionedThroughputExceededException")
        shard = self.shards[shard_id]
        end = min(int(place) + kwargs["Limit"], len(shard.records))
        answer: dict[str, Any] = {
            "Records": shard.records[int(place) : end],
            "MillisBehindLatest": 0 if end == len(shard.records) else 1000,
        }
        if not (shard.closed and end == len(shard.records)):
            answer["NextShardIterator"] = f"{shard_id}:{end}:{self._clock()}"
        return answer


Handler = Callable[[dict[str, Any]], Any]


class FakeLambda:
    """Runs ``handler`` as the transform; first raises or returns what ``outcomes`` holds."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.outcomes: list[Exception | bytes | str] = []
        self.payloads: list[bytes] = []

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in self.payloads]

    def invoke(self, **kwargs: Any) -> Mapping[str, Any]:
        assert kwargs["FunctionName"] == FUNCTION_ARN
        assert kwargs["InvocationType"] == "RequestResponse"
        self.payloads.append(kwargs["Payload"])
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        if outcome == "FunctionError":
            body = b'{"errorMessage":"boom","errorType":"ValueError"}'
            return {"Payload": io.BytesIO(body), "FunctionError": "Unhandled"}
        if isinstance(outcome, bytes):
            return {"Payload": io.BytesIO(outcome)}
        answer = self.handler(json.loads(kwargs["Payload"]))
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


class FakeS3:
    """A bucket that can fail, before or after it has stored the object."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.puts: list[dict[str, Any]] = []
        self.errors: list[tuple[bool, Exception]] = []

    def put_object(self, **kwargs: Any) -> Mapping[str, Any]:
        assert kwargs["Bucket"] == BUCKET
        self.puts.append(kwargs)
        stored, error = self.errors.pop(0) if self.errors else (True, None)
        if stored:
            self.objects[kwargs["Key"]] = kwargs
        if error:
            raise error
        return {}

    def bodies(self, prefix: str) -> list[bytes]:
        """Return the bodies of the objects below ``prefix``, in the order of their puts."""
        return [entry["Body"] for key, entry in self.objects.items() if key.startswith(prefix)]

    def error_lines(self) -> list[dict[str, Any]]:
        """Return the lines of all error objects."""
        return [json.loads(line) for body in self.bodies("errors/") for line in body.splitlines()]


def partitioned(**settings: Any) -> dict[str, Any]:
    """Return settings of an S3 destination with a partition for each type, for `description`."""
    return {
        "Prefix": "landing/!{partitionKeyFromLambda:type}/!{timestamp:yyyy/MM/dd/HH}/",
        "ErrorOutputPrefix": "errors/all/!{firehose:error-output-type}/",
        "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 60},
        "DynamicPartitioningConfiguration": {"Enabled": True},
        **settings,
    }


def answer(
    record_id: str, result: str = "Ok", data: bytes | None = None, **partition_keys: str
) -> dict[str, Any]:
    """Return one record of a function's answer."""
    entry: dict[str, Any] = {"recordId": record_id, "result": result}
    if data is not None:
        entry["data"] = base64.b64encode(data).decode()
    if partition_keys:
        entry["metadata"] = {"partitionKeys": partition_keys}
    return entry


def upper(event: dict[str, Any]) -> dict[str, Any]:
    """A transform that delivers every record in capitals, on a line of its own."""
    return {
        "records": [
            answer(record["recordId"], "Ok", data_of(record).upper() + b"\n")
            for record in event["records"]
        ]
    }


def data_of(record: Mapping[str, Any]) -> bytes:
    """Return the data of one record of an event."""
    return base64.b64decode(record["data"])


def sources(lines: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """Return the raw sources that error lines hold."""
    return [base64.b64decode(line["rawData"]) for line in lines]


class Machine:
    """A delivery stream with everything around it, started; ``limit`` is of active partitions."""

    def __init__(
        self, handler: Handler = upper, *, shards: int = 1, limit: int = 500, **settings: Any
    ) -> None:
        self.clock = Clock()
        self.kinesis = FakeKinesis(self.clock, shards)
        self.function = FakeLambda(handler)
        self.s3 = FakeS3()
        self.runner = DeliveryStreamRunner(
            delivery_stream(**settings),
            kinesis=self.kinesis,
            lambda_client=self.function,
            s3=self.s3,
            clock=self.clock,
            pause=self.clock.pause,
            new_uuid=Uuids(),
            active_partitions_limit=limit,
        )
        self.runner.start()

    def put(self, *data: bytes) -> None:
        for one in data:
            self.kinesis.put(one)

    def poll_for(self, seconds: float) -> None:
        end = self.clock() + seconds
        while self.clock() < end:
            self.runner.poll()
            self.clock.pause(1.0)
