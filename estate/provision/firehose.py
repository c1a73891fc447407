"""Creates delivery streams; an existing one gets the new destination and keeps its source.

Emulators take destinations that AWS refuses, so this module refuses them, with AWS's error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from emulation.firehose import InvalidSetting, NotEmulated, check_destination
from estate.errors import UnsupportedResourceError
from estate.provision.resource import (
    Clients,
    Created,
    Kind,
    Registration,
    Shape,
    create_unless,
)

_TAKEN = ("ResourceInUseException",)
_STREAM: Shape = {
    "name": "DeliveryStreamName",
    "destination": "destination",
    "kinesisSourceConfiguration": (
        "KinesisStreamSourceConfiguration",
        {"kinesisStreamArn": "KinesisStreamARN", "roleArn": "RoleARN"},
    ),
    "extendedS3Configuration": (
        "ExtendedS3DestinationConfiguration",
        {
            "bucketArn": "BucketARN",
            "roleArn": "RoleARN",
            "prefix": "Prefix",
            "errorOutputPrefix": "ErrorOutputPrefix",
            "bufferingSize": "SizeInMBs",
            "bufferingInterval": "IntervalInSeconds",
            "compressionFormat": "CompressionFormat",
            "dynamicPartitioningConfiguration": (
                "DynamicPartitioningConfiguration",
                {"enabled": "Enabled", "retryDuration": "DurationInSeconds"},
            ),
            "cloudwatchLoggingOptions": (
                "CloudWatchLoggingOptions",
                {
                    "enabled": "Enabled",
                    "logGroupName": "LogGroupName",
                    "logStreamName": "LogStreamName",
                },
            ),
            "processingConfiguration": (
                "ProcessingConfiguration",
                {
                    "enabled": "Enabled",
                    "processors": (
                        "Processors",
                        {
                            "type": "Type",
                            "parameters": (
                                "Parameters",
                                {
                                    "parameterName": "ParameterName",
                                    "parameterValue": "ParameterValue",
                                },
                            ),
                        },
                    ),
                },
            ),
        },
    ),
}


def _delivery_stream(clients: Clients, stream: Registration) -> Created:
    firehose = clients("firehose")
    parameters = stream.parameters(_STREAM)
    if (kind := parameters.pop("destination")) != "extended_s3":
        raise UnsupportedResourceError(
            f"{stream.described} has the destination {kind!r}: only extended_s3 is supported here"
        )
    name = parameters["DeliveryStreamName"]
    destination = parameters.pop("ExtendedS3DestinationConfiguration")
    destination["BufferingHints"] = {
        hint: destination.pop(hint) for hint in ("SizeInMBs", "IntervalInSeconds")
    }
    partitioning = destination.get("DynamicPartitioningConfiguration", {})
    if "DurationInSeconds" in partitioning:
        seconds = partitioning.pop("DurationInSeconds")
        partitioning["RetryOptions"] = {"DurationInSeconds": seconds}

    def describe() -> Any:
        answer = firehose.describe_delivery_stream(DeliveryStreamName=name)
        return answer["DeliveryStreamDescription"]

    def create() -> None:
        _refuse(destination, "CreateDeliveryStream")
        firehose.create_delivery_stream(
            **parameters,
            DeliveryStreamType="KinesisStreamAsSource",
            ExtendedS3DestinationConfiguration=destination,
            Tags=stream.tag_list(),
        )

    def existing() -> None:
        found = describe()
        before = found["Destinations"][0]["ExtendedS3DestinationDescription"]
        _refuse(destination, "UpdateDestination", before)
        firehose.update_destination(
            DeliveryStreamName=name,
            CurrentDeliveryStreamVersionId=found["VersionId"],
            DestinationId=found["Destinations"][0]["DestinationId"],
            ExtendedS3DestinationUpdate=destination,
        )
        firehose.tag_delivery_stream(DeliveryStreamName=name, Tags=stream.tag_list())

    create_unless(_TAKEN, create, existing)
    found = describe()
    arn = found["DeliveryStreamARN"]
    return Created(arn, {"arn": arn, "versionId": found["VersionId"]})


def _refuse(
    destination: Mapping[str, Any], operation: str, before: Mapping[str, Any] | None = None
) -> None:
    try:
        check_destination(destination, before)
    except NotEmulated:
        # The endpoint itself may know it.
        return
    except InvalidSetting as error:
        code = "InvalidArgumentException"
        raise ClientError({"Error": {"Code": code, "Message": str(error)}}, operation) from error


KINDS: dict[str, Kind] = {
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": Kind(
        _delivery_stream, ("name",), _TAKEN
    ),
}
