"""Whatever the function answers, every record ends in exactly one place, and none is lost."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from emulation.firehose import DeliveryStreamRunner
from tests.emulation.firehose.doubles import (
    Clock,
    FakeKinesis,
    FakeLambda,
    FakeS3,
    Uuids,
    client_error,
    data_of,
    delivery_stream,
    sources,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["Ok", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)

# What is done to one entry of an honest answer.
entry_changes = st.one_of(
    st.just(("keep",)),
    st.just(("omit",)),
    st.tuples(st.just("repeat"), st.integers(2, 3)),
    st.tuples(
        st.just("set"),
        st.sampled_from(["recordId", "result", "data"]),
        json_values | st.sampled_from(["Dropped", "ProcessingFailed", "YQ==", "YQ=", "neighbour"]),
    ),
    st.tuples(st.just("unset"), st.sampled_from(["recordId", "result", "data"])),
    st.tuples(st.just("replace"), json_values),
)

# What is done to a whole invocation: nothing, an error, or any payload at all.
outcomes = st.one_of(
    st.none(),
    st.just("FunctionError"),
    st.sampled_from(["TooManyRequestsException", "AccessDeniedException"]).map(
        lambda code: client_error("Invoke", code)
    ),
    st.binary(max_size=20),
    json_values.map(lambda value: json.dumps({"records": value}).encode()),
)


def changed(entries: list[dict[str, Any]], changes: list[tuple[Any, ...]]) -> list[Any]:
    """Return the entries with one change each; the changes are used in turn."""
    result: list[Any] = []
    for place, entry in enumerate(entries):
        change = changes[place % len(changes)] if changes else ("keep",)
        entry = copy.deepcopy(entry)
        match change:
            case ("keep",):
                result.append(entry)
            case ("omit",):
                pass
            case ("repeat", times):
                result.extend([entry] * times)
            case ("set", "recordId", "neighbour"):
                result.append({**entry, "recordId": entries[place - 1]["recordId"]})
            case ("set", name, value):
                result.append({**entry, name: value})
            case ("unset", name):
                result.append({key: value for key, value in entry.items() if key != name})
            case ("replace", value):
                result.append(value)
    return result


class Function(FakeLambda):
    """A function with correct answers, which are then changed and remembered."""

    def __init__(self, changes: list[tuple[Any, ...]], scripted: list[Any]) -> None:
        super().__init__(self.transform)
        self.changes = changes
        self.outcomes = scripted
        # For each batch, by its ids: its records' data, and the last answer if there was one.
        self.said: dict[tuple[str, ...], tuple[list[bytes], bytes | None]] = {}

    def transform(self, event: dict[str, Any]) -> dict[str, Any]:
        honest = [
            {"recordId": record["recordId"], "result": "Ok", "data": record["data"]}
            for record in event["records"]
        ]
        return {"records": changed(honest, self.changes)}

    def invoke(self, **kwargs: Any) -> Mapping[str, Any]:
        records = json.loads(kwargs["Payload"])["records"]
        batch = tuple(record["recordId"] for record in records)
        self.said[batch] = ([data_of(record) for record in records], None)
        answer = super().invoke(**kwargs)
        if "FunctionError" not in answer:
            payload = answer["Payload"].getvalue()
            self.said[batch] = (self.said[batch][0], payload)
        return answer


@dataclass
class Places:
    """Where the records should be, by AWS's rules and what the function said.

    See docs/aws-contracts.md#firehose-transformation.
    """

    delivered: list[bytes] = field(default_factory=list)
    dropped: int = 0
    failed: list[bytes] = field(default_factory=list)

    def add(self, record_id: str, source: bytes, payload: bytes | None) -> None:
        """Put one record where it belongs."""
        try:
            said = json.loads(payload or b"")["records"]
            (entry,) = [
                entry
                for entry in said
                if isinstance(entry, dict) and entry.get("recordId") == record_id
            ]
            if entry["result"] == "Dropped":
                self.dropped += 1
            elif entry["result"] == "Ok":
                self.delivered.append(base64.b64decode(entry["data"].encode(), validate=True))
            else:
                self.failed.append(source)
        except (ValueError, KeyError, TypeError, AttributeError):
            self.failed.append(source)


@settings(max_examples=150)
@given(
    st.lists(st.integers(0, 3000), max_size=25),
    st.lists(entry_changes, max_size=6),
    st.lists(outcomes, max_size=6),
    st.lists(st.booleans(), max_size=4),
    st.sampled_from([{}, {"NumberOfRetries": "0"}, {"BufferIntervalInSeconds": "0"}]),
    st.integers(1, 3),
)
def test_every_record_is_delivered_dropped_or_failed_once_and_a_failed_one_keeps_its_source(
    lengths: list[int],
    changes: list[tuple[Any, ...]],
    scripted: list[Any],
    puts_that_fail: list[bool],
    parameters: dict[str, str],
    shards: int,
) -> None:
    clock = Clock()
    kinesis, s3 = FakeKinesis(clock, shards), FakeS3()
    s3.errors = [(stored, client_error("PutObject", "SlowDown")) for stored in puts_that_fail]
    function = Function(changes, scripted)
    runner = DeliveryStreamRunner(
        delivery_stream(parameters=parameters),
        kinesis=kinesis,
        lambda_client=function,
        s3=s3,
        clock=clock,
        pause=clock.pause,
        new_uuid=Uuids(),
    )
    runner.start()
    for place, length in enumerate(lengths):
        kinesis.put(b"<%d:%s>" % (place, b"x" * length), f"shardId-{place % shards:012d}")
        if length % 2:
            runner.poll()
            clock.pause(1)
            assert runner.counts.reconciled
    counts = runner.drain()

    expected = Places()
    for batch, (batch_sources, payload) in function.said.items():
        for record_id, source in zip(batch, batch_sources, strict=True):
            expected.add(record_id, source, payload)

    assert counts.reconciled
    assert (counts.received, counts.in_flight) == (len(lengths), 0)
    assert (counts.delivered, counts.dropped, counts.failed) == (
        len(expected.delivered),
        expected.dropped,
        len(expected.failed),
    )
    # Keys end with a uuid that counts: their order is that of the objects.
    landed = sorted(
        (key for key in s3.objects if key.startswith("landing/")), key=lambda k: k[-12:]
    )
    assert b"".join(s3.objects[key]["Body"] for key in landed) == b"".join(expected.delivered)
    assert sorted(sources(s3.error_lines())) == sorted(expected.failed)
