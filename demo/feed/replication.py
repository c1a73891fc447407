"""The table's DynamoDB stream into the Kinesis stream, as DynamoDB's own replication would.

The emulator has DynamoDB Streams but no Kinesis destination, so this stands in for it: the records
get the Kinesis shape (docs/aws-contracts.md#dynamodb-change-records).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

from demo.feed.stream import StreamRecord


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
    """

    def __init__(self, dynamodb: Any, streams: Any, table_name: str) -> None:
        self._streams = streams
        self._table_name = table_name
        arn = dynamodb.describe_table(TableName=table_name)["Table"]["LatestStreamArn"]
        shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        self._iterators = [
            streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
            )["ShardIterator"]
            for shard in shards
        ]

    def read(self, progress: Callable[[int], None] | None = None) -> Iterator[StreamRecord]:
        """Yield what has changed since the last call, in the Kinesis shape."""
        for index, iterator in enumerate(self._iterators):
            while iterator:
                answer = self._streams.get_records(ShardIterator=iterator)
                iterator = answer.get("NextShardIterator")
                for number, record in enumerate(answer["Records"]):
                    shaped = kinesis_shape(record, self._table_name)
                    key = json.dumps(shaped["dynamodb"]["Keys"], sort_keys=True)
                    data = json.dumps(shaped, ensure_ascii=False, separators=(",", ":")).encode()
                    yield StreamRecord(data, key[:256], f"table change {number}")
                if progress:
                    progress(len(answer["Records"]))
                if not answer["Records"]:
                    break
            self._iterators[index] = iterator
