"""KPL de-aggregation, against messages written by Google's protobuf library."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)
from hypothesis import given
from hypothesis import strategies as st

from emulation.firehose.aggregation import UserRecord, deaggregate

MAGIC = b"\xf3\x89\x9a\xc2"


def _message_class() -> Any:
    """The AggregatedRecord of aggregation-format.md."""
    field = descriptor_pb2.FieldDescriptorProto
    kinds = {"string": field.TYPE_STRING, "uint64": field.TYPE_UINT64, "bytes": field.TYPE_BYTES}
    labels = {
        "repeated": field.LABEL_REPEATED,
        "required": field.LABEL_REQUIRED,
        "optional": field.LABEL_OPTIONAL,
    }
    messages = {
        "Tag": ["required string key 1", "optional string value 2"],
        "Record": [
            "required uint64 partition_key_index 1",
            "optional uint64 explicit_hash_key_index 2",
            "required bytes data 3",
            "repeated Tag tags 4",
        ],
        "AggregatedRecord": [
            "repeated string partition_key_table 1",
            "repeated string explicit_hash_key_table 2",
            "repeated Record records 3",
        ],
    }
    file = descriptor_pb2.FileDescriptorProto(name="kpl.proto", package="kpl", syntax="proto2")
    for name, lines in messages.items():
        message = file.message_type.add(name=name)
        for line in lines:
            label, kind, field_name, number = line.split()
            added = message.field.add(name=field_name, number=int(number), label=labels[label])
            added.type = kinds.get(kind, field.TYPE_MESSAGE)
            if kind not in kinds:
                added.type_name = f".kpl.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("kpl.AggregatedRecord"))


AggregatedRecord = _message_class()


def aggregated(message: Any) -> bytes:
    body: bytes = message.SerializeToString()
    return MAGIC + body + hashlib.md5(body).digest()


user_records = st.lists(
    st.tuples(st.text(min_size=1, max_size=8), st.binary(max_size=300)), min_size=1, max_size=20
)


@given(user_records, st.booleans())
def test_an_aggregate_gives_its_records_in_order_with_their_keys(
    records: list[tuple[str, bytes]], with_hash_keys: bool
) -> None:
    keys = sorted({key for key, _ in records})
    message = AggregatedRecord(partition_key_table=keys)
    if with_hash_keys:
        message.explicit_hash_key_table.append("340282366920938463463374607431768211455")
    for key, data in records:
        record = message.records.add(partition_key_index=keys.index(key), data=data)
        if with_hash_keys:
            record.explicit_hash_key_index = 0
            record.tags.add(key="tag", value="value")
    assert deaggregate(aggregated(message), "outer") == tuple(
        UserRecord(key, data, place) for place, (key, data) in enumerate(records)
    )


@given(st.binary(max_size=100))
def test_any_other_record_is_its_own_only_user_record(data: bytes) -> None:
    assert deaggregate(data, "key") == (UserRecord("key", data, 0),)


@given(st.binary(max_size=60))
def test_no_bytes_that_begin_like_an_aggregate_are_lost_or_break_the_reader(tail: bytes) -> None:
    whole = MAGIC + tail + hashlib.md5(tail).digest()
    records = deaggregate(whole, "key")
    parsed = _parsed(tail)
    if parsed is None or not parsed.records:
        assert records == (UserRecord("key", whole, 0),)


def _parsed(body: bytes) -> Any | None:
    message = AggregatedRecord()
    try:
        message.ParseFromString(body)
    except Exception:
        return None
    return message


def one_record() -> Any:
    message = AggregatedRecord(partition_key_table=["a"])
    message.records.add(partition_key_index=0, data=b"data")
    return message


def test_a_wrong_checksum_makes_it_a_plain_record() -> None:
    data = aggregated(one_record())
    broken = data[:-1] + bytes([data[-1] ^ 1])
    assert deaggregate(data, "key") == (UserRecord("a", b"data", 0),)
    assert deaggregate(broken, "key") == (UserRecord("key", broken, 0),)


def test_an_index_without_a_key_makes_it_a_plain_record() -> None:
    message = one_record()
    message.records[0].partition_key_index = 7
    data = aggregated(message)
    assert deaggregate(data, "key") == (UserRecord("key", data, 0),)


@pytest.mark.parametrize("length", [4, 10, 19])
def test_a_record_too_short_for_a_checksum_is_a_plain_record(length: int) -> None:
    data = (MAGIC + b"\0" * 20)[:length]
    assert deaggregate(data, "key") == (UserRecord("key", data, 0),)
