"""Tells what a file is, from its beginning: change records, one a line, or what else people have.

Change records are fed as they are, broken ones too. What is something else as a whole would fail
line by line; it is refused, with what to do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

HEAD_BYTES = 64 * 1024
"""So many bytes of the beginning are enough."""

UTF8_MARK = b"\xef\xbb\xbf"

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_MARKERS = frozenset({"S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"})
# How a value begins that goes over several lines. A line that is cut off begins otherwise.
_PRETTY = re.compile(r'\{\s*("[^"]*"\s*:\s*[{\[]?)?\s*\n')
# The first lines show what a file is. A few broken ones among them do not.
_MOST_VALUES = 5


class Kind(Enum):
    """What the values of a file are."""

    CHANGE = "change records as DynamoDB sends them to Kinesis"
    STREAMS = "records of a DynamoDB stream"
    KINESIS = "an answer of Kinesis or an event of Lambda, with the change records in base64"
    EXPORT = "items of a DynamoDB export"
    ITEM = "items in DynamoDB JSON"
    OTHER = "JSON of an unknown kind"


@dataclass(frozen=True)
class Recognized:
    """What a file is.

    Parameters
    ----------
    kind
        What its values are; None if they are not JSON.
    form
        ``lines`` (one value a line), ``array`` or ``pretty`` (a value has several lines).
    """

    kind: Kind | None
    form: str


_REMEDIES = {
    Kind.EXPORT: "an item is not a change: give the folder of the export to `dmd backfill`",
    Kind.ITEM: "an item is not a change: export the table to S3 and give the export to "
    "`dmd backfill`, or look at `dmd sample`",
    Kind.STREAMS: "they have their times in seconds and no table name: take the records from the "
    "table's Kinesis stream, which has them in the form of `dmd sample`",
    Kind.KINESIS: "take the records out, for example with "
    "`jq -r '.Records[] | (.Data // .kinesis.data) | @base64d' FILE | dmd demo --input -`",
}
_FORMS = {
    "array": ("a JSON array of ", "`jq -c '.[]' FILE | dmd demo --input -`"),
    "pretty": ("JSON over several lines, with ", "`jq -c . FILE | dmd demo --input -`"),
}


def refusal(head: bytes) -> str | None:
    """Return why a file cannot be fed, and what to do; None if it can.

    Parameters
    ----------
    head
        The beginning of the file, unzipped.
    """
    if head.startswith(_UTF16_MARKS):
        return "it is UTF-16: convert it, for example with `iconv -f UTF-16 -t UTF-8`"
    if not head.removeprefix(UTF8_MARK).strip():
        return "it is empty: `dmd sample` prints change records to begin with"
    found = recognize(head)
    if found.kind in _REMEDIES:
        return f"it has {found.kind.value}; {_REMEDIES[found.kind]}"
    if found.kind is not None and found.form in _FORMS:
        what, remedy = _FORMS[found.form]
        return f"it is {what}{found.kind.value}: feed one on each line, for example with {remedy}"
    return None


def recognize(head: bytes) -> Recognized:
    """Return what a file is, from its beginning; a byte order mark and blank lines do not count."""
    text = head.removeprefix(UTF8_MARK).decode(errors="replace").lstrip()
    lines = [line for line in text.split("\n") if line.strip()]
    values = list(_values(lines))
    if any(map(_is_object, values)):
        kinds = [_kind(each) for each in values[:_MOST_VALUES]]
        # One change record is enough: the others may be broken ones.
        first = Kind.CHANGE if Kind.CHANGE in kinds else kinds[0]
        return Recognized(first, "lines")
    if text.startswith("["):
        return Recognized(_kind(_begun(text[1:].lstrip())), "array")
    if _PRETTY.match(text) and not values:
        return Recognized(_kind(_begun(text)), "pretty")
    return Recognized(None, "lines")


def _values(lines: list[str]) -> Iterator[Any]:
    for line in lines:
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            continue


def _begun(text: str) -> Any:
    """Return the value at the beginning of a text, or as much of an object as there is of it."""
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):
        # It is longer than what was read. The names are all that the kind depends on.
        known = ("Item", "Items", "NewImage", "Records", "dynamodb", "eventName", "tableName")
        return {name: None for name in known if f'"{name}"' in text}


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _kind(value: Any) -> Kind:
    if not isinstance(value, dict):
        return Kind.OTHER
    if "dynamodb" in value:
        body = value["dynamodb"] if isinstance(value["dynamodb"], dict) else {}
        marks = {"eventVersion", "eventSourceARN"} & value.keys()
        marks |= {"SequenceNumber", "StreamViewType"} & body.keys()
        precise = "ApproximateCreationDateTimePrecision" in body
        return Kind.STREAMS if marks and not precise else Kind.CHANGE
    if isinstance(records := value.get("Records"), list) and records:
        inner = records[0] if isinstance(records[0], dict) else {}
        if "Data" in inner or "kinesis" in inner:
            return Kind.KINESIS
        return Kind.STREAMS if "dynamodb" in inner else Kind.OTHER
    if isinstance(value.get("Item"), dict) or {"Metadata", "Keys"} <= value.keys():
        return Kind.EXPORT
    if isinstance(items := value.get("Items"), list) and items:
        return _kind(items[0])
    return Kind.ITEM if value and all(map(_is_attribute, value.values())) else Kind.OTHER


def _is_attribute(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and _MARKERS.issuperset(value)
