"""Delivery streams are refused as AWS refuses them, although the endpoint would take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pulumi.runtime.mocks import MockResourceArgs

from emulation.endpoint import Endpoint
from emulation.firehose import DeliveryStream
from estate.provision import ProvisionError
from estate.provision.monitor import ResourceMaker
from estate.provision.resource import Clients
from tests.infra.recorded import shared

TOKEN = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
PREFIX = "landing/!{partitionKeyFromLambda:record_type}/!{timestamp:yyyy/MM/dd/HH}/"
PARTITIONED = {
    "prefix": PREFIX,
    "bufferingSize": 64,
    "bufferingInterval": 60,
    "dynamicPartitioningConfiguration": {"enabled": True, "retryDuration": 600},
}

Provision = Callable[..., DeliveryStream]


@pytest.fixture
def provisioned(endpoint: Endpoint, packages: Any) -> Provision:
    """Provision the program's delivery stream of sales with changes, and describe it."""
    (registered,) = (
        each for each in shared("dev1", packages).owned if (each.type, each.name) == (TOKEN, "sale")
    )

    def run(name: str, **changes: Any) -> DeliveryStream:
        configuration = {**registered.inputs["extendedS3Configuration"], **changes}
        own = {"name": name, "tags": {"Environment": "dev1"}}
        inputs = {**registered.inputs, **own, "extendedS3Configuration": configuration}
        ResourceMaker(Clients(endpoint)).new_resource(
            MockResourceArgs(TOKEN, name, inputs, custom=True)
        )
        return DeliveryStream.describe(endpoint.client("firehose"), name)

    return run


def test_a_stream_with_partitions_is_made_and_updated_in_place(
    provisioned: Provision, endpoint: Endpoint
) -> None:
    first = provisioned("partitioned", **PARTITIONED)
    assert first.destination.prefix.partition_keys == ("record_type",)
    described = endpoint.client("firehose").describe_delivery_stream(
        DeliveryStreamName="partitioned"
    )["DeliveryStreamDescription"]["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert described["DynamicPartitioningConfiguration"] == {
        "Enabled": True,
        "RetryOptions": {"DurationInSeconds": 600},
    }
    second = provisioned("partitioned", **{**PARTITIONED, "bufferingInterval": 120})
    assert second.destination.buffering.interval_seconds == 120
    assert (first.version, second.version) == ("1", "2")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bufferingSize": 63}, "SizeInMBs must be at least 64"),
        ({"bufferingInterval": 59}, "IntervalInSeconds must be at least 60 seconds"),
        ({"prefix": "landing/!{timestamp:yyyy}/"}, "S3 Prefix should contain"),
        ({"dynamicPartitioningConfiguration": {"enabled": False}}, "Dynamic Partitioning Names"),
        ({"processingConfiguration": {"enabled": False}}, "Processing Configuration is not"),
        ({"errorOutputPrefix": f"errors/{PREFIX}"}, "error prefix"),
    ],
)
def test_what_aws_refuses_is_not_made(
    provisioned: Provision, endpoint: Endpoint, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ProvisionError, match=rf"InvalidArgumentException.*CreateD.*{message}"):
        provisioned("refused", **{**PARTITIONED, **changes})
    listed = endpoint.client("firehose").list_delivery_streams(Limit=1000)
    assert "refused" not in listed["DeliveryStreamNames"]


def test_a_stream_that_exists_is_not_switched(provisioned: Provision) -> None:
    before = provisioned("switched")
    with pytest.raises(ProvisionError, match=r"UpdateDestination.*make a new delivery stream"):
        provisioned("switched", **PARTITIONED)
    assert provisioned("switched").destination == before.destination
