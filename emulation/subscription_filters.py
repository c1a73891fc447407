"""Subscription filters: CloudWatch Logs' forwarding of log events to a Kinesis stream.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
CloudWatch Logs forwards within seconds. Here the caller decides when.
"""

from __future__ import annotations

import gzip
import json
import logging
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from typing import Any

from botocore.exceptions import ClientError

from console.errors import CommandError
from emulation.endpoint import AssumeForService, Credentials, Endpoint

_LOG = logging.getLogger(__name__)
_PRINCIPAL = "logs.amazonaws.com"
# A compressed message of this size is far below Kinesis' limit of 1 MiB for a record.
_MESSAGE_BYTES = 1 << 20


class ForwardingError(CommandError):
    """A subscription filter that is not emulated."""


@dataclass(frozen=True)
class Subscription:
    """A registered subscription filter of a log group."""

    name: str
    group: str
    group_arn: str
    destination_arn: str
    role_arn: str


def subscriptions(logs: Any, part_of_name: str) -> tuple[Subscription, ...]:
    """Return the subscription filters of some log groups.

    Parameters
    ----------
    logs
        boto3's client, with the operator's permissions.
    part_of_name
        A text that the log groups' names contain.

    Raises
    ------
    ForwardingError
        A filter has a pattern, or its destination is not a Kinesis stream.
    """
    found = []
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            name = group["logGroupName"]
            if part_of_name not in name:
                continue
            filters = logs.describe_subscription_filters(logGroupName=name)
            for each in filters["subscriptionFilters"]:
                destination = each["destinationArn"]
                if each.get("filterPattern") or destination.split(":")[2] != "kinesis":
                    raise ForwardingError(
                        f"subscription filter {each['filterName']} of {name} is not emulated: "
                        "use one without a pattern and with a Kinesis stream as destination"
                    )
                found.append(
                    Subscription(
                        each["filterName"],
                        name,
                        group["arn"].removesuffix(":*"),
                        destination,
                        each["roleArn"],
                    )
                )
    return tuple(found)


class LogForwarding:
    """Forwards new events of log groups, with each filter's role.

    Parameters
    ----------
    endpoint
        The gateway, with the operator's credentials.
    assume
        Gives CloudWatch Logs the role of a filter.
    part_of_name
        A text that the log groups' names contain. An endpoint may also have other stacks.

    Attributes
    ----------
    subscriptions
        The filters that were registered when the object was made, or when `discover` was called.

    Raises
    ------
    ForwardingError
        A filter is not emulated.
    """

    def __init__(self, endpoint: Endpoint, assume: AssumeForService, part_of_name: str) -> None:
        self._since = time.time_ns() // 1_000_000
        self._endpoint = endpoint
        self._assume = assume
        self._logs: Any = endpoint.client("logs")
        self._forwarded: dict[str, set[str]] = {}
        self._part_of_name = part_of_name
        self.discover()

    def discover(self) -> None:
        """Read the registered filters again. Raises as the class."""
        self.subscriptions = subscriptions(self._logs, self._part_of_name)

    def forward(self) -> int:
        """Forward the events since the last call; return how many the destinations accepted."""
        return sum(self._forward(each) for each in self.subscriptions)

    def _forward(self, subscription: Subscription) -> int:
        done = self._forwarded.setdefault(f"{subscription.group}:{subscription.name}", set())
        logged = (
            event
            for page in self._logs.get_paginator("filter_log_events").paginate(
                logGroupName=subscription.group, startTime=self._since
            )
            for event in page["events"]
        )
        events = [event for event in with_ids(logged) if event["eventId"] not in done]
        if not events:
            return 0
        done.update(event["eventId"] for event in events)
        try:
            credentials = self._assume(
                subscription.role_arn, _PRINCIPAL, f"{subscription.group_arn}:*"
            )
            self._put(subscription, credentials, events)
        except (ClientError, CommandError) as error:
            # As on AWS, the events are lost. The gateway records the request that it denied.
            _LOG.warning("the events of %s cannot be forwarded: %s", subscription.group, error)
            return 0
        return len(events)

    def _put(
        self,
        subscription: Subscription,
        credentials: Credentials,
        events: Sequence[Mapping[str, Any]],
    ) -> None:
        kinesis = self._endpoint.with_credentials(credentials).client("kinesis")
        owner = subscription.group_arn.split(":")[4]
        for stream, of_stream in groupby(
            sorted(events, key=lambda event: str(event["logStreamName"])),
            lambda event: str(event["logStreamName"]),
        ):
            for some in _messages(of_stream):
                kinesis.put_record(
                    StreamARN=subscription.destination_arn,
                    # The distribution is "Random": any shard.
                    PartitionKey=uuid.uuid4().hex,
                    Data=data_message(subscription, owner, stream, some),
                )


def with_ids(events: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield events of a log group, each with an ``eventId`` that is the same in every reading.

    The API's model does not require an id, and some emulators leave it out. Such an event gets an
    id from its stream, time and message, and the number of earlier events with the same three.

    Parameters
    ----------
    events
        Events from FilterLogEvents. Each reading must start at the same time.
    """
    before: Counter[tuple[Any, ...]] = Counter()
    for event in events:
        if "eventId" in event:
            yield event
            continue
        what = (event["logStreamName"], event["timestamp"], event["message"])
        before[what] += 1
        digest = blake2b(repr((*what, before[what])).encode(), digest_size=16).hexdigest()
        yield {**event, "eventId": digest}


def data_message(
    subscription: Subscription, owner: str, log_stream: str, events: Sequence[Mapping[str, Any]]
) -> bytes:
    """Return events of a log stream in the form in which CloudWatch Logs forwards them.

    Parameters
    ----------
    subscription
        The filter that forwards them.
    owner
        Account of the log group.
    log_stream
        Name of the log stream.
    events
        Events from FilterLogEvents, with ids.
    """
    message = {
        "messageType": "DATA_MESSAGE",
        "owner": owner,
        "logGroup": subscription.group,
        "logStream": log_stream,
        "subscriptionFilters": [subscription.name],
        "logEvents": [
            {"id": each["eventId"], "timestamp": each["timestamp"], "message": each["message"]}
            for each in events
        ],
    }
    return gzip.compress(json.dumps(message).encode(), mtime=0)


def _messages(events: Iterator[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    some: list[Mapping[str, Any]] = []
    size = 0
    for event in events:
        size += len(event["message"].encode())
        if some and size > _MESSAGE_BYTES:
            yield some
            some, size = [], len(event["message"].encode())
        some.append(event)
    if some:
        yield some
