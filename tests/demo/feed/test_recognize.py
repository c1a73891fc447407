"""A file that is not change records, one a line, is refused with what to do."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from demo.feed.lines import InputError, check_input, read_lines
from demo.feed.recognize import HEAD_BYTES, refusal
from tests.support.changes import DEMAND, change, event_file
from tests.support.exports import full_line, incremental_line

KEYS = {name: DEMAND[name] for name in ("pk", "sk")}
STREAMS: dict[str, Any] = {
    "eventID": "1",
    "eventName": "INSERT",
    "eventVersion": "1.1",
    "eventSource": "aws:dynamodb",
    "awsRegion": "us-east-1",
    "dynamodb": {
        "ApproximateCreationDateTime": 1795377695.0,
        "Keys": KEYS,
        "NewImage": DEMAND,
        "SequenceNumber": "111",
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    },
}


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in values)


GOOD = lines(change(), change())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty: `dmd sample`"),
        (b"\n \n\r\n", "empty: `dmd sample`"),
        (b"\xef\xbb\xbf\n", "empty: `dmd sample`"),
        (json.dumps(change()).encode("utf-16"), "UTF-16"),
        (full_line(DEMAND) + b"\n", "items of a DynamoDB export; .*`dmd backfill`"),
        (b"\xef\xbb\xbf\n\n" + full_line(DEMAND), "items of a DynamoDB export"),
        (incremental_line(KEYS, 5, DEMAND), "items of a DynamoDB export"),
        (lines(DEMAND, DEMAND), "items in DynamoDB JSON; .*`dmd backfill`"),
        (json.dumps({"Items": [DEMAND], "Count": 1}, indent=4).encode(), "items in DynamoDB JSON"),
        (json.dumps({"Item": DEMAND}, indent=1).encode(), "items of a DynamoDB export"),
        (lines(STREAMS), "records of a DynamoDB stream; .*`dmd sample`"),
        (lines({"Records": [STREAMS]}), "records of a DynamoDB stream"),
        (json.dumps({"Records": [{"Data": "e30="}]}, indent=4).encode(), "base64; .*`jq -r"),
        (lines({"Records": [{"kinesis": {"data": "e30="}}]}), "base64"),
        (lines([change(), change()]), r"a JSON array of change records .*`jq -c '\.\[\]' FILE"),
        (json.dumps([change()], indent=2).encode(), "a JSON array of change records"),
        (lines([STREAMS]), "records of a DynamoDB stream"),
        (
            json.dumps(change(), indent=2).encode(),
            r"JSON over several lines, with change records .*`jq -c \. FILE",
        ),
        (b"[" + json.dumps(change({"x": {"S": "y" * HEAD_BYTES}})).encode() + b"]", "a JSON array"),
        (
            json.dumps(change({"x": {"L": [{"S": "y" * 99}] * 999}}), indent=4).encode(),
            "JSON over several lines",
        ),
    ],
)
def test_what_is_something_else_is_refused(content: bytes, says: str, tmp_path: Path) -> None:
    plain, zipped = tmp_path / "in.json", tmp_path / "in.json.gz"
    plain.write_bytes(content)
    zipped.write_bytes(gzip.compress(content))
    for path in (plain, zipped):
        for use in (check_input, lambda source: list(read_lines(source))):
            with pytest.raises(InputError) as caught:
                use(str(path))
            assert re.search(says, str(caught.value))
            assert "\n" not in str(caught.value)
            assert "DEMAND#1" not in str(caught.value), "no record is shown"


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GOOD[:-1],
        b"\n\n" + GOOD,
        b"not json\n{}\n[1, 2]\n\xff\n" + GOOD,
        full_line(DEMAND) + b"\n" + GOOD,
        GOOD[: len(GOOD) // 2 - 5] + b"\n" + GOOD,
        lines(event_file("kinesis_change_without_precision")),
        lines(change({"x": {"S": "y" * (2 * HEAD_BYTES)}})),
        b"nothing that anybody knows\n",
        lines({"id": 5}, {"id": 6}),
    ],
)
def test_change_records_are_fed_as_they_are_with_broken_ones_among_them(
    content: bytes, tmp_path: Path
) -> None:
    assert refusal(content[:HEAD_BYTES]) is None
    path = tmp_path / "in.jsonl"
    path.write_bytes(content)
    check_input(str(path))
    fed = [each.data for each in read_lines(str(path))]
    assert b"\n".join(fed) == content.removesuffix(b"\n")


def test_a_byte_order_mark_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD)
    check_input(str(path))
    assert [each.data for each in read_lines(str(path))] == GOOD.splitlines()
