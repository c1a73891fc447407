"""Reads the table's DynamoDB stream as change records for the Kinesis stream.

The emulator has DynamoDB Streams but no Kinesis destination. This module replaces it and gives the
records their form in Kinesis (docs/aws-contracts.md#dynamodb-change-records).
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from console.errors import CommandError
from demo.feed.stream import StreamRecord

_MOST_SECONDS, _PAUSE_SECONDS = 30.0, 0.2


class ReplicationError(CommandError):
    """The table's stream does not give the changes of the table."""


def kinesis_shape(record: dict[str, Any], table_name: str) -> dict[str, Any]:
    """Return a DynamoDB Streams record, as boto3 reads it, in its form in Kinesis.

    Parameters
    ----------
    record
        A record from ``GetRecords``.
    table_name
        The table's name. A DynamoDB Streams record does not have it.
    """
    body = record["dynamodb"]
    changed = body["ApproximateCreationDateTime"]
    return {
        "awsRegion": record["awsRegion"],
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "userIdentity": record.get("userIdentity"),
        "recordFormat": "application/json",
        "tableName": table_name,
        "dynamodb": {
            "ApproximateCreationDateTime": round(changed.timestamp() * 1_000_000),
            **{
                name: json_attribute({"M": body[name]})["M"]
                for name in ("Keys", "NewImage", "OldImage")
                if name in body
            },
            "SizeBytes": body["SizeBytes"],
            "ApproximateCreationDateTimePrecision": "MICROSECOND",
        },
        "eventSource": "aws:dynamodb",
    }


def json_attribute(value: dict[str, Any]) -> dict[str, Any]:
    """Return an attribute value with its binaries as base64, at any depth."""
    ((marker, inner),) = value.items()
    match marker:
        case "B":
            return {marker: base64.b64encode(inner).decode()}
        case "BS":
            return {marker: [base64.b64encode(each).decode() for each in inner]}
        case "L":
            return {marker: [json_attribute(each) for each in inner]}
        case "M":
            return {marker: {name: json_attribute(each) for name, each in inner.items()}}
        case _:
            return {marker: inner}


class TableStream:
    """Reads a table's DynamoDB stream, from its current end.

    Parameters
    ----------
    dynamodb, streams
        boto3's clients of ``dynamodb`` and ``dynamodbstreams``.
    table_name
        The table. Its stream must be enabled, with both images.
    clock, sleep
        Functions that return a time in seconds, and wait for some seconds.
    """

    def __init__(
        self,
        dynamodb: Any,
        streams: Any,
        table_name: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._streams = streams
        self._clock = clock
        self._sleep = sleep
        self._table_name = table_name
        arn = dynamodb.describe_table(TableName=table_name)["Table"]["LatestStreamArn"]
        shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        self._iterators: list[str | None] = [
            streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
            )["ShardIterator"]
            for shard in shards
        ]

    def read(self, writes: int) -> Iterator[StreamRecord]:
        """Yield the changes of the next writes to the table, in their form in Kinesis.

        A stream may give a change some time after the write.

        Parameters
        ----------
        writes
            Number of changes to wait for.

        Raises
        ------
        ReplicationError
            The changes do not arrive in time.
        """
        number = 0
        until = self._clock() + _MOST_SECONDS
        while number < writes:
            for record in self._next():
                yield self._record(record, f"table change {number}")
                number += 1
            if number < writes:
                if self._clock() > until:
                    raise ReplicationError(
                        f"the DynamoDB stream of the table {self._table_name} gave {number} of "
                        f"{writes} changes in {_MOST_SECONDS:.0f} s"
                    )
                self._sleep(_PAUSE_SECONDS)

    def poll(self) -> list[StreamRecord]:
        """Return the changes that have come since the last time, in their form in Kinesis."""
        return [self._record(each, "table change") for each in self._next()]

    def _record(self, change: dict[str, Any], origin: str) -> StreamRecord:
        shaped = kinesis_shape(change, self._table_name)
        key = json.dumps(shaped["dynamodb"]["Keys"], sort_keys=True)
        data = json.dumps(shaped, ensure_ascii=False, separators=(",", ":")).encode()
        return StreamRecord(data, key[:256], origin)

    def _next(self) -> Iterator[dict[str, Any]]:
        for index, iterator in enumerate(self._iterators):
            if iterator is not None:
                answer = self._streams.get_records(ShardIterator=iterator)
                self._iterators[index] = answer.get("NextShardIterator")
                yield from answer["Records"]
