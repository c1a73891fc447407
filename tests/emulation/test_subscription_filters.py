"""Subscription filters: each event goes on once, in the form that AWS forwards it in."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from emulation.emulator import embedded_emulator
from emulation.endpoint import OPERATOR, Credentials, Endpoint
from emulation.subscription_filters import ForwardingError, LogForwarding
from tests.support.other_endpoint import changed_answer, of, other_endpoint

ROLE = "arn:aws:iam::123456789012:role/log-producer"
STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/central"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with embedded_emulator() as there:
        there.client("kinesis").create_stream(StreamName="central", ShardCount=1)
        yield there


def log_group(endpoint: Endpoint, name: str, **filters: str) -> None:
    logs = endpoint.client("logs")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="one")
    subscription = {"filterName": "all", "filterPattern": "", "destinationArn": STREAM}
    logs.put_subscription_filter(logGroupName=name, roleArn=ROLE, **{**subscription, **filters})


def log(endpoint: Endpoint, group: str, *messages: str, ago: int = 0) -> None:
    now = int(time.time() * 1000) - ago
    events = [{"timestamp": now, "message": each} for each in messages]
    endpoint.client("logs").put_log_events(
        logGroupName=group, logStreamName="one", logEvents=events
    )


def arrived(endpoint: Endpoint) -> list[dict[str, Any]]:
    kinesis = endpoint.client("kinesis")
    iterator = kinesis.get_shard_iterator(
        StreamName="central", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = kinesis.get_records(ShardIterator=iterator)["Records"]
    return [json.loads(gzip.decompress(each["Data"])) for each in records]


def test_each_event_is_forwarded_once_with_the_role_of_the_filter(endpoint: Endpoint) -> None:
    assumed: list[tuple[str, str, str]] = []

    def assume(*who: str) -> Credentials:
        assumed.append((who[0], who[1], who[2]))
        return OPERATOR

    log_group(endpoint, "group")
    log_group(endpoint, "of-others", filterPattern="ERROR")
    log(endpoint, "group", "before", ago=60_000)
    forwarding = LogForwarding(endpoint, assume, "group")
    log(endpoint, "group", "first", "é" * 600_000, "é" * 600_000)
    assert forwarding.forward() == 3
    assert forwarding.forward() == 0
    log(endpoint, "group", "later")
    assert forwarding.forward() == 1
    source = "arn:aws:logs:us-east-1:123456789012:log-group:group:*"
    assert assumed == [(ROLE, "logs.amazonaws.com", source)] * 2
    messages = arrived(endpoint)
    events = [event for message in messages for event in message.pop("logEvents")]
    assert [event["message"][:6] for event in events] == ["first", "é" * 6, "é" * 6, "later"]
    assert len({event["id"] for event in events}) == 4
    assert len(messages) > 2, "a message holds no more than Kinesis takes"
    assert messages[0] == {
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "group",
        "logStream": "one",
        "subscriptionFilters": ["all"],
    }
    endpoint.client("logs").delete_log_group(logGroupName="group")


def test_events_without_an_id_are_forwarded_once_each(endpoint: Endpoint) -> None:
    def without_ids(answer: Any) -> None:
        for event in answer["events"]:
            del event["eventId"]

    log_group(endpoint, "nameless")
    difference = changed_answer(of("FilterLogEvents"), without_ids)
    with other_endpoint(endpoint, difference) as other:
        forwarding = LogForwarding(other, lambda *_: OPERATOR, "nameless")
        log(endpoint, "nameless", "same", "same", "other")
        assert forwarding.forward() == 3
        assert forwarding.forward() == 0
        log(endpoint, "nameless", "same")
        assert forwarding.forward() == 1
    events = [
        event
        for message in arrived(endpoint)
        if message["logGroup"] == "nameless"
        for event in message["logEvents"]
    ]
    assert [event["message"] for event in events] == ["same", "same", "other", "same"]
    assert len({event["id"] for event in events}) == 4
    endpoint.client("logs").delete_log_group(logGroupName="nameless")


def test_a_filter_with_a_pattern_is_refused(endpoint: Endpoint) -> None:
    log_group(endpoint, "patterned", filterPattern="ERROR")
    with pytest.raises(ForwardingError, match="patterned"):
        LogForwarding(endpoint, lambda *_: OPERATOR, "patterned")
    endpoint.client("logs").delete_log_group(logGroupName="patterned")
