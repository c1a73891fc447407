"""Reading what the pipeline keeps of records that did not become rows."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from ops.failed.records import Area, FailedRecord, UnreadableObject, failed_places
from tests.support.memory_store import MemoryStore, etag_of
from tests.support.replaying import PREFIX, changed, error_lines, put_errors, put_quarantine
from tests.support.writer import gz_lines

LANDED = f"{PREFIX}/landing/demand/lanes=1/2026/11/21/10/a.gz"


def read(store: MemoryStore, area: Area) -> list[FailedRecord]:
    return [
        record
        for place in failed_places(store, PREFIX, "demand", area)
        for found in place.objects()
        for record in found.read()
    ]


def entry(**values: Any) -> dict[str, Any]:
    return {"kind": "line", "key": LANDED, "etag": '"1"', "reason": "bad", **values}


@pytest.mark.parametrize("spelling", ["lambdaArn", "lambdaARN"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_both_spellings_of_an_error_line_are_read_zipped_or_not(spelling: str, pack: Any) -> None:
    store = MemoryStore()
    body = error_lines(changed(1), b"\xff not json").replace(b"lambdaArn", spelling.encode())
    put_errors(store, "a", pack(body))
    first, second = read(store, "errors")
    assert (first.data, first.landed, first.reason) == (
        changed(1), False, "Lambda.ProcessingFailedStatus",
    )  # fmt: skip
    assert (first.day, second.data) == ("2026-11-22", b"\xff not json")


def test_a_batch_that_a_broken_function_left_is_read() -> None:
    store = MemoryStore()
    batch = [changed(number) for number in range(700)]
    put_errors(store, "a", error_lines(*batch, code="Lambda.FunctionError"))
    found = read(store, "errors")
    assert [each.data for each in found] == batch
    assert {each.reason for each in found} == {"Lambda.FunctionError"}
    assert len({each.mark for each in found}) == 700


def test_an_entry_that_two_attempts_have_put_is_one_record() -> None:
    store = MemoryStore()
    same = entry(line=3, data=base64.b64encode(b"{}").decode())
    put_quarantine(store, "p", [same])
    twice = gzip.compress(json.dumps(same).encode() + b"\n")
    store.put(f"{PREFIX}/quarantine/demand/p/entries-1.jsonl.gz", twice)
    (found,) = read(store, "quarantine")
    assert (found.data, found.landed, found.reason, found.day) == (b"{}", True, "bad", "2026-11-21")


def test_lines_that_are_only_in_a_copy_are_found_there() -> None:
    store = MemoryStore()
    copy = f"{PREFIX}/quarantine/demand/p/objects/1-a.gz"
    store.put(copy, gz_lines(b"one", b"two", b"three", b"four", b"five"))
    put_quarantine(
        store,
        "p",
        [
            entry(line=2, copy=copy),
            entry(kind="lines", line=4, lines=2, copy=copy, reason="not looked at"),
        ],
    )
    assert [(each.data, each.reason) for each in read(store, "quarantine")] == [
        (b"two", "bad"),
        (b"four", "not looked at"),
        (b"five", "not looked at"),
    ]


def test_a_whole_object_is_all_its_lines() -> None:
    store = MemoryStore()
    copy = f"{PREFIX}/quarantine/demand/p/objects/1-a.gz"
    store.put(copy, gz_lines(b"one", b"two"))
    put_quarantine(store, "p", [entry(kind="object", copy=copy, reason="no time")])
    assert [each.data for each in read(store, "quarantine")] == [b"one", b"two"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"no json\n", "a line is not one of Firehose"),
        (b"{}\n", "a line is not one of Firehose"),
        (b'{"rawData": "?"}\n', "a line is not one of Firehose"),
        (gzip.compress(error_lines(b"x"))[:-4], "not a whole gzip file"),
    ],
)
def test_an_object_that_is_no_error_output_is_named(body: bytes, problem: str) -> None:
    store = MemoryStore()
    key = put_errors(store, "a", body)
    with pytest.raises(UnreadableObject, match=f"{key}: {problem}"):
        read(store, "errors")


def test_a_copy_that_is_gone_is_named() -> None:
    store = MemoryStore()
    copy = f"{PREFIX}/quarantine/demand/p/objects/1-a.gz"
    put_quarantine(store, "p", [entry(kind="object", copy=copy)])
    with pytest.raises(UnreadableObject, match=f"{copy}: .*it is not there"):
        read(store, "quarantine")


def test_an_object_that_is_here_because_it_is_corrupt_counts_as_one_record() -> None:
    store = MemoryStore()
    copy = f"{PREFIX}/quarantine/demand/p/objects/1-a.gz"
    store.put(copy, b"no gzip")
    put_quarantine(store, "p", [entry(kind="object", copy=copy, reason="not a whole gzip file")])
    assert [each.reason for each in read(store, "quarantine")] == ["not a whole gzip file"]
    put_quarantine(store, "p", [entry(line=1, copy=copy)])
    with pytest.raises(UnreadableObject, match="not a whole gzip file"):
        read(store, "quarantine")


def test_a_mark_is_a_function_of_the_data_alone() -> None:
    one = FailedRecord(b"x", False, "a", "2026-11-22")
    other = FailedRecord(b"x", True, "b", "")
    assert one.mark == other.mark != FailedRecord(b"y", False, "a", "2026-11-22").mark
    assert etag_of(b"x") != one.mark


@pytest.mark.parametrize("folder", ["2026/11/22", "2026/11/22/12"], ids=["date", "date and hour"])
def test_a_line_without_a_time_is_of_the_day_in_its_key(folder: str) -> None:
    """Firehose's prefix of the error output has no hour (`infra.bucket`)."""
    store = MemoryStore()
    line = json.dumps({"rawData": base64.b64encode(b"x").decode()}).encode()
    store.put(f"{PREFIX}/errors/demand/processing-failed/{folder}/a", line)
    (found,) = read(store, "errors")
    assert found.day == "2026-11-22"


def test_a_line_that_is_too_long_keeps_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avro_writer.landed.MOST_LINE_BYTES", 600)
    monkeypatch.setattr("avro_writer.landed._BATCH_BYTES", 1)
    store = MemoryStore()
    copy = f"{PREFIX}/quarantine/demand/p/objects/1-a.gz"
    store.put(copy, gz_lines(b"good", b"x" * 900, b"written", b"bad"))
    put_quarantine(store, "p", [entry(line=2, copy=copy), entry(line=4, copy=copy)])
    found = [each.data for each in read(store, "quarantine")]
    assert found == [b"x" * 600, b"bad"], "and not the line after it, which is in a file"
