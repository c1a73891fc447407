"""The reference implementation of the transform: plain, slow, made from the design and schemas.

It shares no code with the product. Numbers are `decimal`, times are `datetime`, and a row has the
values that fastavro must read at the end of the pipeline.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, localcontext
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).parents[1] / "schemas"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS = {"seconds": 10**6, "milliseconds": 10**3, "microseconds": 1}
PRECISIONS = {None: 1000, "MILLISECOND": 1000, "MICROSECOND": 1}
DYNAMODB_BEGAN = datetime(2012, 1, 1, tzinfo=UTC)
UNDER: dict[str, Any] = {
    **dict.fromkeys(("S", "N", "B"), str),
    "BOOL": bool,
    "M": dict,
    **dict.fromkeys(("L", "SS", "NS", "BS"), list),
}
DROPPED, FAILED = "dropped", "failed"
UNFIT = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError)


class Unfit(ValueError):
    """A value that its column cannot hold."""


def outcome(data: bytes, record_type: str) -> dict[str, Any] | str:
    """Return the row that a change record becomes, or `DROPPED` or `FAILED`."""
    try:
        change = json.loads(data)
        event = change["eventName"]
        image = change["dynamodb"]["OldImage" if event == "REMOVE" else "NewImage"]
        named = image.get("type")
        item_type = None if named is None else named.get("S")
        if event not in ("INSERT", "MODIFY", "REMOVE") or not isinstance(item_type, str | None):
            return FAILED
        if item_type != record_type:
            return DROPPED
        return _row(change, image, record_type)
    except UNFIT:
        return FAILED


def _row(change: dict[str, Any], image: dict[str, Any], record_type: str) -> dict[str, Any]:
    fields = json.loads((SCHEMAS / f"{record_type}.json").read_bytes())["fields"]
    body = change["dynamodb"]
    removed = change["eventName"] == "REMOVE"
    micros = _micros(change, body)
    key = {name: _plain(value) for name, value in sorted(body["Keys"].items())}
    row: dict[str, Any] = {
        "change_id": change["eventID"],
        "change_type": change["eventName"],
        "changed_at": EPOCH + timedelta(milliseconds=micros // 1000),
        "changed_at_micros": micros,
        "is_deleted": removed,
        "is_expired": removed and _is_ttl(change.get("userIdentity")),
        "record_key": json.dumps(key, separators=(",", ":"), ensure_ascii=False),
        "table_name": change["tableName"],
    }
    known = {field.get("attribute", field["name"]) for field in fields}
    shown = [*body["Keys"].items(), ("type", {"S": record_type})]
    rescued = {n: v for n, v in image.items() if n not in known and (n, v) not in shown}
    for field in fields:
        name, attribute = field["name"], field.get("attribute", field["name"])
        if attribute not in image:
            if "default" not in field:
                raise Unfit(name)
            row[name] = field["default"]
            continue
        lossy: list[str] = []
        try:
            row[name] = _value(field["type"], image[attribute], field.get("epoch"), lossy)
        except UNFIT:
            if not isinstance(field["type"], list):
                raise Unfit(name) from None
            row[name] = None
            lossy.append(name)
        if lossy:
            rescued[attribute] = image[attribute]
    row["rescued_attributes"] = rescued or None
    row["revision"] = 0
    return row


def _micros(change: dict[str, Any], body: dict[str, Any]) -> int:
    number, precision = (
        body.get(f"ApproximateCreationDateTime{which}") for which in ("", "Precision")
    )
    of_streams = {"SequenceNumber", "StreamViewType"} & {*body} or (
        {"eventSourceARN", "eventVersion"} & {*change}
    )
    if type(number) is not int or (precision is None and of_streams):
        raise Unfit("ApproximateCreationDateTime")
    micros = number * PRECISIONS[precision]
    if precision is None and EPOCH + timedelta(microseconds=micros) < DYNAMODB_BEGAN:
        raise Unfit("ApproximateCreationDateTime")
    return micros


def _is_ttl(identity: Any) -> bool:
    if not isinstance(identity, dict):
        return False
    kind = [identity.get(name) for name in ("type", "Type")]
    principal = [identity.get(name) for name in ("principalId", "PrincipalId")]
    return kind.count("Service") > 0 and principal.count("dynamodb.amazonaws.com") > 0


def _plain(value: dict[str, str]) -> Any:
    ((marker, text),) = value.items()
    return int(text) if marker == "N" else text


def _names(kind: Any) -> tuple[str | None, str]:
    """Return a type's logical name, if it has one, and its plain name."""
    return (kind.get("logicalType"), kind["type"]) if isinstance(kind, dict) else (None, kind)


def _marker(kind: Any, epoch: str | None) -> str:
    """Return the marker of an attribute value that a column of this type holds."""
    if isinstance(kind, list):
        return _marker(kind[1], epoch)
    logical, base = _names(kind)
    if logical == "decimal":
        return "N"
    if logical == "date" or (logical == "timestamp-millis" and epoch is None):
        return "S"
    return {
        "string": "S", "enum": "S", "boolean": "BOOL", "int": "N", "long": "N", "double": "N",
        "bytes": "B", "array": "L", "map": "M", "record": "M",
    }[base]  # fmt: skip


def _value(kind: Any, value: dict[str, Any], epoch: str | None, lossy: list[str]) -> Any:
    if isinstance(kind, list):
        return None if value == {"NULL": True} else _value(kind[1], value, epoch, lossy)
    ((marker, inner),) = value.items()
    if type(inner) is not UNDER[marker]:
        raise Unfit(marker)
    logical, base = _names(kind)
    if base == "array" and marker == f"{_marker(kind['items'], epoch)}S":
        marker, inner = "L", [{marker[0]: each} for each in inner]
    if marker != _marker(kind, epoch):
        raise Unfit(marker)
    if logical == "decimal":
        return _decimal(kind, Decimal(inner))
    if logical == "date":
        return date.fromisoformat(inner)
    if logical == "timestamp-millis":
        return _time(inner, epoch, lossy)
    if base in ("int", "long"):
        number = Decimal(inner)
        if number != int(number) or not -(2**63) <= number < 2**63:
            raise Unfit(inner)
        return int(number)
    if base == "double":
        if Decimal(repr(float(inner))) != Decimal(inner):
            lossy.append("digits")
        return float(inner)
    if base == "enum" and inner not in kind["symbols"]:
        raise Unfit(inner)
    if base == "bytes":
        return base64.b64decode(inner, validate=True)
    if base == "array":
        return [_value(kind["items"], each, epoch, lossy) for each in inner]
    if base == "map":
        return {name: _value(kind["values"], each, epoch, lossy) for name, each in inner.items()}
    if base == "record":
        return _record(kind, inner, lossy)
    return inner


def _record(kind: dict[str, Any], inner: dict[str, Any], lossy: list[str]) -> dict[str, Any]:
    record = {}
    for field in kind["fields"]:
        attribute = field.get("attribute", field["name"])
        if attribute not in inner:
            record[field["name"]] = field["default"]
            continue
        try:
            record[field["name"]] = _value(
                field["type"], inner[attribute], field.get("epoch"), lossy
            )
        except UNFIT:
            if not isinstance(field["type"], list):
                raise
            record[field["name"]] = None
            lossy.append(attribute)
    if len(inner) > sum(f.get("attribute", f["name"]) in inner for f in kind["fields"]):
        lossy.append("field")
    return record


def _decimal(kind: dict[str, Any], number: Decimal) -> Decimal:
    with localcontext(Context(prec=200)):
        scaled = number.scaleb(kind["scale"])
        if scaled != scaled.to_integral_value() or abs(scaled) >= 10 ** kind["precision"]:
            raise Unfit(str(number))
        return number.quantize(Decimal(1).scaleb(-kind["scale"]))


def _time(inner: str, epoch: str | None, lossy: list[str]) -> datetime:
    if epoch is None:
        when = datetime.fromisoformat(inner.replace("Z", "+00:00"))
        micros = (when - EPOCH) // timedelta(microseconds=1)
    else:
        micros = int(Decimal(inner) * UNITS[epoch])
    if micros % 1000:
        lossy.append("micros")
    return EPOCH + timedelta(milliseconds=micros // 1000)
