"""Creates delivery streams; an existing one gets the new destination and keeps its source."""

from __future__ import annotations

from typing import Any

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

    def describe() -> Any:
        answer = firehose.describe_delivery_stream(DeliveryStreamName=name)
        return answer["DeliveryStreamDescription"]

    def existing() -> None:
        found = describe()
        firehose.update_destination(
            DeliveryStreamName=name,
            CurrentDeliveryStreamVersionId=found["VersionId"],
            DestinationId=found["Destinations"][0]["DestinationId"],
            ExtendedS3DestinationUpdate=destination,
        )
        firehose.tag_delivery_stream(DeliveryStreamName=name, Tags=stream.tag_list())

    create_unless(
        _TAKEN,
        lambda: firehose.create_delivery_stream(
            **parameters,
            DeliveryStreamType="KinesisStreamAsSource",
            ExtendedS3DestinationConfiguration=destination,
            Tags=stream.tag_list(),
        ),
        existing,
    )
    found = describe()
    arn = found["DeliveryStreamARN"]
    return Created(arn, {"arn": arn, "versionId": found["VersionId"]})


KINDS: dict[str, Kind] = {
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream": Kind(
        _delivery_stream, ("name",), _TAKEN
    ),
}
