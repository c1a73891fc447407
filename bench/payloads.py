"""Invocation payloads as bytes, as Lambda passes them to a function, and files of payloads."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

ARRIVED = 1_795_377_700_000
_ACCOUNT = "123456789012"
_STREAM = f"arn:aws:kinesis:us-east-1:{_ACCOUNT}:stream/prd3292-dev1-dmnd-table-stream"
_SHARD = "shardId-000000000003"
_LENGTH = struct.Struct("<Q")


def firehose_payloads(records: Iterable[tuple[int, bytes]], buffer_bytes: int) -> Iterator[bytes]:
    """Yield Firehose's transformation events with all records.

    Parameters
    ----------
    records
        Change records with their numbers in the stream.
    buffer_bytes
        How many bytes of records Firehose collects for one event.
    """
    for number, batch in enumerate(_batches(records, buffer_bytes)):
        event = {
            "invocationId": f"0e1c2d3b-0000-4000-8000-{number:012d}",
            "sourceKinesisStreamArn": _STREAM,
            "deliveryStreamArn": f"arn:aws:firehose:us-east-1:{_ACCOUNT}:deliverystream/demand",
            "region": "us-east-1",
            "records": [
                {
                    "recordId": f"{sequence_number(each)}000000",
                    "approximateArrivalTimestamp": ARRIVED + each,
                    "data": base64.b64encode(data).decode(),
                    "kinesisRecordMetadata": {
                        "sequenceNumber": sequence_number(each),
                        "subsequenceNumber": 0,
                        "partitionKey": _partition_key(each),
                        "shardId": _SHARD,
                        "approximateArrivalTimestamp": ARRIVED + each,
                    },
                }
                for each, data in batch
            ],
        }
        yield json.dumps(event, separators=(",", ":")).encode()


def kinesis_payloads(records: Iterable[bytes], batch_size: int) -> Iterator[bytes]:
    """Yield the events of a Kinesis event source with all records, ``batch_size`` in each."""
    batch: list[dict[str, object]] = []
    for each, data in enumerate(records):
        batch.append(
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": _partition_key(each),
                    "sequenceNumber": sequence_number(each),
                    "data": base64.b64encode(data).decode(),
                    "approximateArrivalTimestamp": (ARRIVED + each) / 1000,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"{_SHARD}:{sequence_number(each)}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": f"arn:aws:iam::{_ACCOUNT}:role/deliveryWorker",
                "awsRegion": "us-east-1",
                "eventSourceARN": _STREAM,
            }
        )
        if len(batch) == batch_size:
            yield json.dumps({"Records": batch}, separators=(",", ":")).encode()
            batch = []
    if batch:
        yield json.dumps({"Records": batch}, separators=(",", ":")).encode()


def sequence_number(number: int) -> str:
    """Return the sequence number of the record with this number, 56 digits as Kinesis has them."""
    return f"49590338271490256608559692538361571095921575989136{number:06d}"


def write_payloads(path: Path, payloads: Iterable[bytes]) -> None:
    """Write payloads to a file, each after its length."""
    with path.open("wb") as file:
        for payload in payloads:
            file.write(_LENGTH.pack(len(payload)) + payload)


def read_payloads(path: Path) -> Iterator[bytes]:
    """Yield the payloads of a file, holding one at a time."""
    with path.open("rb") as file:
        while prefix := file.read(_LENGTH.size):
            yield file.read(_LENGTH.unpack(prefix)[0])


def _partition_key(number: int) -> str:
    return f"{number * 2_654_435_761 % 2**32:08X}{number:024X}"


def _batches(records: Iterable[tuple[int, bytes]], most: int) -> Iterator[list[tuple[int, bytes]]]:
    batch: list[tuple[int, bytes]] = []
    size = 0
    for numbered in records:
        if batch and size + len(numbered[1]) > most:
            yield batch
            batch, size = [], 0
        batch.append(numbered)
        size += len(numbered[1])
    if batch:
        yield batch
