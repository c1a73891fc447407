"""Functions' log lines in CloudWatch Logs: within its limits, in order, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from emulation.functions import FunctionLog
from emulation.functions.log_delivery import (
    EVENT_OVERHEAD_BYTES,
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    LogDelivery,
    batches,
)


def line(message: str, *, stream: str = "s", timestamp: int = 1) -> FunctionLog:
    return FunctionLog("f", "/aws/lambda/f", stream, "r", timestamp, message)


class Logs:
    """Takes log events, or refuses."""

    def __init__(self, refusal: str | None = None) -> None:
        self.refusal = refusal
        self.calls: list[tuple[str, str, list[str]]] = []

    def create_log_stream(self, *, logGroupName: str, logStreamName: str) -> None:
        self._judge("CreateLogStream")
        self.calls.append(("create", logStreamName, []))

    def put_log_events(
        self, *, logGroupName: str, logStreamName: str, logEvents: list[dict[str, Any]]
    ) -> None:
        self._judge("PutLogEvents")
        self.calls.append(("put", logStreamName, [each["message"] for each in logEvents]))

    def _judge(self, operation: str) -> None:
        if self.refusal == operation:
            error: Any = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
            raise ClientError(error, operation)


@pytest.fixture
def delivery() -> Iterator[LogDelivery]:
    made = LogDelivery()
    yield made
    made.close()


def test_a_stream_is_made_before_its_first_event_and_only_once(delivery: LogDelivery) -> None:
    logs = Logs()
    delivery.open("/aws/lambda/f", "s", lambda: logs)
    for message in ("one", "two"):
        delivery.add(line(message))
        delivery.flush()
    assert logs.calls == [("create", "s", []), ("put", "s", ["one\n"]), ("put", "s", ["two\n"])]


def test_what_was_added_before_it_closes_is_put() -> None:
    logs, delivery = Logs(), LogDelivery()
    delivery.open("/aws/lambda/f", "s", lambda: logs)
    delivery.add(line("last"))
    delivery.close()
    assert logs.calls[-1] == ("put", "s", ["last\n"])


@pytest.mark.parametrize("operation", ["CreateLogStream", "PutLogEvents"])
def test_a_role_that_may_not_log_loses_its_lines_and_no_other_ones(
    delivery: LogDelivery, operation: str, caplog: pytest.LogCaptureFixture
) -> None:
    refusing, other = Logs(operation), Logs()
    delivery.open("/aws/lambda/f", "refused", lambda: refusing)
    delivery.open("/aws/lambda/f", "s", lambda: other)
    for _ in range(3):
        delivery.add(line("lost", stream="refused"))
        delivery.add(line("kept"))
        delivery.flush()
    assert [each for each in refusing.calls if each[0] == "put"] == []
    assert [call for call, *_ in other.calls] == ["create", "put", "put", "put"]
    assert len([each for each in caplog.messages if "the log of f cannot be written" in each]) == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, MAX_BATCH_BYTES), st.sampled_from("aé€")),
        max_size=6,
    )
)
def test_every_batch_is_within_the_limits_and_in_order(lines: list[tuple[int, int, str]]) -> None:
    given_lines = [line(letter * size, timestamp=at) for at, size, letter in lines]
    events = []
    for batch in batches(given_lines):
        counted = sum(len(each["message"].encode()) + EVENT_OVERHEAD_BYTES for each in batch)
        assert counted <= MAX_BATCH_BYTES
        events += batch
    assert [each["timestamp"] for each in events] == sorted(at for at, *_ in lines)
    assert len(events) == len(lines)


def test_a_batch_has_no_more_events_than_allowed() -> None:
    sizes = [len(batch) for batch in batches(line("") for _ in range(MAX_BATCH_EVENTS + 1))]
    assert sizes == [MAX_BATCH_EVENTS, 1]
