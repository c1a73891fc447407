"""Change records for tests, and Firehose records that carry them."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parents[1] / "events"

DEMAND = {
    "pk": {"S": "DEMAND#1"},
    "sk": {"N": "7"},
    "type": {"S": "demand"},
    "demandId": {"S": "d-1"},
    "customerId": {"S": "u-1"},
    "eventId": {"S": "e-1"},
    "channel": {"S": "WEB"},
    "status": {"S": "ACTIVE"},
    "requestedSeats": {"N": "2"},
    "requestedAt": {"S": "2026-11-22T10:00:00.250Z"},
}


def event_file(name: str) -> dict[str, Any]:
    """A captured change record of ``tests/events``."""
    record: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_bytes())
    return record


def change(
    item: dict[str, Any] | None = None, *, event: str = "INSERT", **envelope: Any
) -> dict[str, Any]:
    """A change record of a demand item, with changes to the item and to the envelope."""
    image = {**copy.deepcopy(DEMAND), **(item or {})}
    image = {name: value for name, value in image.items() if value is not None}
    body = {
        "ApproximateCreationDateTime": 1720740233012995,
        "ApproximateCreationDateTimePrecision": "MICROSECOND",
        "Keys": {name: image[name] for name in ("pk", "sk") if name in image},
        "SizeBytes": 99,
        **{
            "INSERT": {"NewImage": image},
            "MODIFY": {"NewImage": image, "OldImage": {**image, "status": {"S": "OFFERED"}}},
            "REMOVE": {"OldImage": image},
        }[event],
    }
    return {
        "awsRegion": "us-east-1",
        "eventID": "b015b5f0-0001",
        "eventName": event,
        "userIdentity": None,
        "recordFormat": "application/json",
        "tableName": "prd3292-dev1-us-east-1-demand-table",
        "dynamodb": body,
        "eventSource": "aws:dynamodb",
        **envelope,
    }


def firehose_record(data: Any, record_id: str = "1") -> dict[str, Any]:
    """A record as Firehose passes it to the transform. Bytes stay unchanged."""
    raw = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()
    return {
        "recordId": record_id,
        "approximateArrivalTimestamp": 1720740233100,
        "data": base64.b64encode(raw).decode(),
        "kinesisRecordMetadata": {
            "sequenceNumber": f"4957{record_id}",
            "subsequenceNumber": 0,
            "partitionKey": "p",
            "shardId": "shardId-000000000000",
            "approximateArrivalTimestamp": 1720740233100,
        },
    }


def line_of(answer: dict[str, Any]) -> dict[str, Any]:
    """The row in an ``Ok`` answer."""
    assert answer["result"] == "Ok", answer
    data = base64.b64decode(answer["data"], validate=True)
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1, "one row is one line"
    row: dict[str, Any] = json.loads(data)
    return row
