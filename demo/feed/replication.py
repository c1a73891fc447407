"""The table's DynamoDB stream into the Kinesis stream, as DynamoDB's own replication would.

The emulator has DynamoDB Streams but no Kinesis destination, so this stands in for it: the records
get the Kinesis shape (docs/aws-contracts.md#dynamodb-change-records).
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
    """Return a DynamoDB Streams record, as boto3 reads it, in the shape that Kinesis carries.

    Parameters
    ----------
    record
        One of ``GetRecords``' records.
    table_name
        The table, which a DynamoDB Streams record names only in its stream's ARN.
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
    """Reads a table's DynamoDB stream from where it is now.

    Parameters
    ----------
    dynamodb, streams
        boto3's clients of ``dynamodb`` and ``dynamodbstreams``.
    table_name
        The table; its stream has to be on, with both images.
    clock, sleep
        Seconds of any clock, and waiting for so many.
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
        """Yield the changes of the next writes to the table, in the Kinesis shape.

        A stream may give a change some time after the write.

        Parameters
        ----------
        writes
            How many changes there are to come.

        Raises
        ------
        ReplicationError
            They do not come.
        """
        number = 0
        until = self._clock() + _MOST_SECONDS
        while number < writes:
            for record in self._next():
                shaped = kinesis_shape(record, self._table_name)
                key = json.dumps(shaped["dynamodb"]["Keys"], sort_keys=True)
                data = json.dumps(shaped, ensure_ascii=False, separators=(",", ":")).encode()
                yield StreamRecord(data, key[:256], f"table change {number}")
                number += 1
            if number < writes:
                if self._clock() > until:
                    raise ReplicationError(
                        f"the DynamoDB stream of the table {self._table_name} gave {number} of "
                        f"{writes} changes in {_MOST_SECONDS:.0f} s"
                    )
                self._sleep(_PAUSE_SECONDS)

    def _next(self) -> Iterator[dict[str, Any]]:
        for index, iterator in enumerate(self._iterators):
            if iterator is not None:
                answer = self._streams.get_records(ShardIterator=iterator)
                self._iterators[index] = answer.get("NextShardIterator")
                yield from answer["Records"]
