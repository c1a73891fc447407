"""What a run needs of the services that hold its data: S3, Kinesis, DynamoDB and IAM's sessions."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from emulation.needs.fact import Fact
from emulation.needs.probe import WAITING, Need, Probe, gathered, status
from emulation.needs.shared import kinesis_stream, role


def _objects(probe: Probe) -> Iterator[Fact]:
    """Ask for what the Avro writer's plans rest on: conditional requests, up-to-date listings.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
    What comes of two requests at the same moment (409) cannot be asked for.
    """
    s3, bucket = probe.client("s3"), probe.name
    s3.create_bucket(Bucket=bucket)
    probe.afterwards(s3.delete_bucket, Bucket=bucket)
    key = "area/lanes=2/one"
    for each in (key, "area/two"):
        probe.afterwards(s3.delete_object, Bucket=bucket, Key=each)
    put = partial(s3.put_object, Bucket=bucket, Key=key)
    get = partial(s3.get_object, Bucket=bucket, Key=key)
    delete = partial(s3.delete_object, Bucket=bucket, Key=key)

    def listed(**options: str) -> list[str]:
        page = s3.list_objects_v2(Bucket=bucket, Prefix="area/", **options)
        keys = [each["Key"] for each in page.get("Contents", ())]
        return keys + [each["Prefix"] for each in page.get("CommonPrefixes", ())]

    yield Fact("GetObject of a key that does not exist", 404, status(get))
    old = put(Body=b"first", IfNoneMatch="*")["ETag"]
    taken = status(lambda: put(Body=b"second", IfNoneMatch="*"))
    yield Fact("PutObject with If-None-Match of a key that exists", 412, taken)
    body = gzip.compress(b"third", mtime=0)
    new = put(Body=body, IfMatch=old, ContentEncoding="gzip")["ETag"]
    for name, call in {
        "PutObject": partial(put, Body=b"fourth"),
        "GetObject": get,
        "DeleteObject": delete,
    }.items():
        asked = f"{name} with If-Match of an earlier ETag"
        yield Fact(asked, 412, status(partial(call, IfMatch=old)))
    yield Fact("the body of a compressed object", body, get(IfMatch=new)["Body"].read())
    s3.put_object(Bucket=bucket, Key="area/two", Body=b"")
    yield Fact("ListObjectsV2 after PutObject", [key, "area/two"], listed())
    yield Fact("ListObjectsV2 with StartAfter", ["area/two"], listed(StartAfter=key))
    yield Fact("ListObjectsV2 with Delimiter", ["area/two", "area/lanes=2/"], listed(Delimiter="/"))
    delete(IfMatch=new)
    yield Fact("ListObjectsV2 after DeleteObject", ["area/two"], listed())


def _change_stream(probe: Probe) -> Iterator[Fact]:
    """Ask for what a delivery stream does: it reads a shard from a place on, in order."""
    arn = kinesis_stream(probe)
    kinesis = probe.client("kinesis")
    shard = kinesis.list_shards(StreamARN=arn)["Shards"][0]
    began = time.time() - 60
    put = partial(kinesis.put_record, StreamARN=arn, PartitionKey="key")

    def reader(**place: Any) -> Callable[[], list[Any]]:
        position = kinesis.get_shard_iterator(StreamARN=arn, ShardId=shard["ShardId"], **place)
        return _reader(partial(kinesis.get_records, StreamARN=arn), position["ShardIterator"])

    def wanted(*data: bytes) -> list[dict[str, Any]]:
        return [
            {"Data": each, "PartitionKey": "key", "ApproximateArrivalTimestamp": datetime}
            for each in data
        ]

    first = put(Data=b"first")["SequenceNumber"]
    latest = reader(ShardIteratorType="LATEST")
    put(Data=b"second")
    got = gathered(latest, 1)
    yield Fact("GetRecords from LATEST on", wanted(b"second"), got)
    before = reader(ShardIteratorType="AT_TIMESTAMP", Timestamp=began)
    both = wanted(b"first", b"second")
    yield Fact("GetRecords from a time on", both, gathered(before, len(both)))
    after = reader(ShardIteratorType="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=first)
    got = gathered(after, 1)
    yield Fact("GetRecords from a sequence number on", wanted(b"second"), got)


def _reader(get_records: Callable[..., Any], iterator: str) -> Callable[[], list[Any]]:
    """Return what reads on from where it was before."""
    place: str | None = iterator

    def read() -> list[Any]:
        nonlocal place
        if place is None:
            return []
        answer = get_records(ShardIterator=place)
        place = answer.get("NextShardIterator")
        return list(answer["Records"])

    return read


def _table_stream(probe: Probe) -> Iterator[Fact]:
    """Ask for a table's changes with both images of the item, as they are fed to Kinesis."""
    dynamodb, streams = probe.client("dynamodb"), probe.client("dynamodbstreams")
    table = {"TableName": probe.name}
    dynamodb.create_table(
        **table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    probe.afterwards(dynamodb.delete_table, **table)
    dynamodb.get_waiter("table_exists").wait(**table, WaiterConfig=WAITING)
    arn = dynamodb.describe_table(**table)["Table"]["LatestStreamArn"]
    shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    readers = [
        _reader(
            streams.get_records,
            streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
            )["ShardIterator"],
        )
        for shard in shards
    ]
    key = {"pk": {"S": "key"}}
    old, new = {**key, "n": {"N": "1"}}, {**key, "n": {"N": "2"}}
    dynamodb.put_item(**table, Item=old)
    dynamodb.update_item(
        **table,
        Key=key,
        UpdateExpression="SET n = :two",
        ExpressionAttributeValues={":two": new["n"]},
    )
    dynamodb.delete_item(**table, Key=key)
    images = (
        ("INSERT", {"NewImage": old}),
        ("MODIFY", {"OldImage": old, "NewImage": new}),
        ("REMOVE", {"OldImage": new}),
    )
    wanted = [
        {
            "eventID": str,
            "eventName": name,
            "awsRegion": str,
            "dynamodb": {"Keys": key, "SizeBytes": int, **both},
        }
        for name, both in images
    ]
    got = gathered(lambda: [record for read in readers for record in read()], len(wanted))
    yield Fact("the changes of a table with NEW_AND_OLD_IMAGES", wanted, got)


def _sessions(probe: Probe) -> Iterator[Fact]:
    """Ask for what the gateway goes by: the access key of a request tells its role."""
    sts = probe.client("sts")
    keys = []
    for arn in (role(probe), role(probe)):
        answer = sts.assume_role(RoleArn=arn, RoleSessionName="probe")
        session = arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/probe"
        wanted = {
            "Credentials": {"AccessKeyId": str, "SecretAccessKey": str, "SessionToken": str},
            "AssumedRoleUser": {"Arn": session, "AssumedRoleId": str},
        }
        yield Fact("AssumeRole", wanted, answer)
        keys.append(answer["Credentials"]["AccessKeyId"])
    yield Fact("different access keys for the sessions of two roles", 2, len(set(keys)))


STORAGE = (
    Need("S3 objects", _objects),
    Need("Kinesis records", _change_stream),
    Need("DynamoDB Streams", _table_stream),
    Need("STS sessions of roles", _sessions),
)
"""What a run does with its data."""
