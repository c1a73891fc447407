"""The usual Python: Powertools, boto3 and json in the transform, fastavro in the writer.

It keeps less than the project, because it rescues no attributes. Its decimals are exact.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
from aws_lambda_powertools.utilities.data_classes import (
    KinesisFirehoseDataTransformationResponse,
    KinesisFirehoseEvent,
)
from aws_lambda_powertools.utilities.data_classes.kinesis_firehose_event import (
    KinesisFirehoseRecord,
)
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
from boto3.dynamodb.types import TypeDeserializer

import schemas
from bench.payloads import read_payloads
from bench.peer import Part, serve, timed
from bench.store import MemoryStore
from bench.workload import Workload, landed_objects

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND = {"seconds": 1, "milliseconds": 1000, "microseconds": 1_000_000}


class _JsonDeserializer(TypeDeserializer):
    """boto3's deserializer, for the JSON of a change record.

    Binary values are base64. Numbers may be such that boto3 would raise an error, although DynamoDB
    has sent them (docs/aws-contracts.md#dynamodb-change-records).
    """

    def _deserialize_n(self, value: str) -> Decimal:
        return Decimal(value)

    def _deserialize_b(self, value: str) -> Any:
        return super()._deserialize_b(base64.b64decode(value))  # type: ignore[misc]


_deserialize = _JsonDeserializer().deserialize
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def transform(record_type: str) -> Handler:
    """Return the handler of a type's transform function."""
    folder = Path(schemas.__file__).parent
    fields = json.loads((folder / f"{record_type}.json").read_bytes())["fields"]

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        response = KinesisFirehoseDataTransformationResponse()
        for record in KinesisFirehoseEvent(event).records:
            change = record.data_as_json
            removed = change["eventName"] == "REMOVE"
            image = change["dynamodb"]["OldImage" if removed else "NewImage"]
            if image.get("type", {}).get("S") != record_type:
                response.add_record(record.build_data_transformation_response(result="Dropped"))
                continue
            line = json.dumps(_row(record, change, image, fields), default=_as_json) + "\n"
            response.add_record(
                record.build_data_transformation_response(
                    result="Ok", data=base64.b64encode(line.encode()).decode()
                )
            )
        return response.asdict()

    return handler


def _row(
    record: KinesisFirehoseRecord,
    change: dict[str, Any],
    image: dict[str, Any],
    fields: list[dict[str, Any]],
) -> dict[str, Any]:
    body = change["dynamodb"]
    created = body["ApproximateCreationDateTime"]
    micros = body.get("ApproximateCreationDateTimePrecision") == "MICROSECOND"
    item = {name: _deserialize(value) for name, value in image.items()}
    keys = {name: _deserialize(value) for name, value in sorted(body["Keys"].items())}
    metadata = record.metadata
    row = {
        "change_id": change["eventID"],
        "change_type": change["eventName"],
        "changed_at": created // 1000 if micros else created,
        "changed_at_micros": created if micros else created * 1000,
        "is_deleted": change["eventName"] == "REMOVE",
        "is_expired": (change.get("userIdentity") or {}).get("type") == "Service",
        "record_key": json.dumps(keys, separators=(",", ":"), ensure_ascii=False, default=str),
        "table_name": change["tableName"],
        "sequence_number": metadata.sequence_number if metadata else None,
        "rescued_attributes": None,
        "revision": 0,
    }
    for field in fields:
        value = item.get(field.get("attribute", field["name"]), field.get("default"))
        row[field["name"]] = _landed(field["type"], value, field.get("epoch"))
    return row


def _landed(kind: Any, value: Any, epoch: str | None) -> Any:
    """Return an item's value as JSON holds it."""
    if isinstance(kind, list):
        return None if value is None else _landed(kind[1], value, epoch)
    if isinstance(kind, str):
        return int(value) if kind in ("int", "long") else value
    logical = kind.get("logicalType")
    if logical == "timestamp-millis":
        if epoch:
            return int(value) * 1000 // _PER_SECOND[epoch]
        return int(datetime.fromisoformat(value).timestamp() * 1000)
    if logical in ("decimal", "date"):
        return str(value)
    if kind["type"] == "array":
        members = sorted(value) if isinstance(value, set) else value
        return [_landed(kind["items"], each, epoch) for each in members]
    if kind["type"] == "map":
        return {name: _landed(kind["values"], each, epoch) for name, each in value.items()}
    if kind["type"] == "record":
        record = {}
        for field in kind["fields"]:
            inner = value.get(field.get("attribute", field["name"]), field.get("default"))
            record[field["name"]] = _landed(field["type"], inner, field.get("epoch"))
        return record
    return value


def _as_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return base64.b64encode(value.value).decode()


def write(store: MemoryStore, record_type: str) -> int:
    """Write a store's rows of a type as one Avro object for each date; return their number."""
    schema = fastavro.parse_schema(schemas.avro_schema(record_type))
    fields = schemas.avro_schema(record_type)["fields"]
    days: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for _, body in list(store.items(f"data-pipeline/landing/{record_type}/")):
        for line in gzip.decompress(body).splitlines():
            row = json.loads(line)
            for field in fields:
                row[field["name"]] = _avro(field["type"], row[field["name"]])
            days[f"{row['changed_at']:%Y-%m-%d}"].append(row)
    for day, rows in days.items():
        out = io.BytesIO()
        fastavro.writer(out, schema, rows, codec="deflate")
        store.create(
            f"data-pipeline/avro/{record_type}/partition_date={day}/1.avro", out.getvalue()
        )
    return sum(map(len, days.values()))


def _avro(kind: Any, value: Any) -> Any:
    """Return a landed value as fastavro takes it."""
    if isinstance(kind, list):
        return None if value is None else _avro(kind[1], value)
    if isinstance(kind, str):
        return base64.b64decode(value) if kind == "bytes" else value
    match kind.get("logicalType"):
        case "timestamp-millis":
            return _EPOCH + timedelta(milliseconds=value)
        case "date":
            return date.fromisoformat(value)
        case "decimal":
            return Decimal(value)
    if kind["type"] == "array":
        return [_avro(kind["items"], each) for each in value]
    if kind["type"] == "map":
        return {name: _avro(kind["values"], each) for name, each in value.items()}
    if kind["type"] == "record":
        return {
            field["name"]: _avro(field["type"], value[field["name"]]) for field in kind["fields"]
        }
    return value


class Usual:
    """The four transforms and the writer."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        marshaller = LambdaMarshaller()

        def invoked(handler: Handler) -> Callable[[bytes], bytes]:
            def invoke(payload: bytes) -> bytes:
                answer, _ = marshaller.marshal_response(
                    handler(marshaller.unmarshal_request(payload), None)
                )
                encoded: bytes = answer.encode()
                return encoded

            return invoke

        self._invoke = {each: invoked(transform(each)) for each in schemas.RECORD_TYPES}
        self._landed = {
            each: landed_objects(self._lines(each), each) for each in schemas.RECORD_TYPES
        }

    def _lines(self, record_type: str) -> Iterator[bytes]:
        for payload in read_payloads(self._workload.path(f"own-{record_type}")):
            for record in json.loads(self._invoke[record_type](payload))["records"]:
                yield base64.b64decode(record["data"])

    def round(self, keep: Path | None) -> dict[str, Part]:
        """Do every part once."""
        workload = self._workload
        everything, own, writer = Part(), Part(), Part()
        for record_type, invoke in self._invoke.items():
            everything.add(timed(read_payloads(workload.path("firehose")), invoke, 0))
            payloads = read_payloads(workload.path(f"own-{record_type}"))
            own.add(timed(payloads, invoke, workload.own(record_type)))
            store = MemoryStore(self._landed[record_type])
            with writer.clock():
                writer.records += write(store, record_type)
            for number, (_, body) in enumerate(store.items("data-pipeline/avro/")):
                writer.bytes_out += len(body)
                if keep:
                    (keep / f"{record_type}-{number}.avro").write_bytes(body)
        everything.records = workload.count
        return {"transform": everything, "own": own, "writer": writer}


if __name__ == "__main__":
    folder, seed, count = sys.argv[1:]
    serve(lambda: Usual(Workload(Path(folder), int(seed), int(count))))
