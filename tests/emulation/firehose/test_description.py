"""Settings come from the endpoint's description of the delivery stream, with AWS's defaults."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from emulation.firehose.description import BufferingHints, DeliveryStream
from emulation.firehose.errors import FirehoseError, InvalidSetting, NotEmulated
from tests.emulation.firehose.doubles import (
    BUCKET,
    FUNCTION_ARN,
    ROLE_ARN,
    STREAM_ARN,
    delivery_stream,
    description,
)

MIB = 1024 * 1024


def test_the_settings_of_a_delivery_stream_are_read() -> None:
    stream = delivery_stream(
        parameters={
            "NumberOfRetries": "1",
            "BufferSizeInMBs": "0.5",
            "BufferIntervalInSeconds": "30",
            "RoleArn": f"{ROLE_ARN}-invoke",
        },
        BufferingHints={"SizeInMBs": 64, "IntervalInSeconds": 120},
        CompressionFormat="GZIP",
    )
    assert stream.name == "demand"
    assert stream.arn.endswith(":deliverystream/demand")
    assert (stream.region, stream.version) == ("us-east-1", "1")
    assert (stream.source_stream_arn, stream.source_role_arn) == (STREAM_ARN, ROLE_ARN)
    assert (stream.destination.bucket, stream.destination.role_arn) == (BUCKET, ROLE_ARN)
    assert stream.destination.buffering == BufferingHints(64 * MIB, 120)
    assert (stream.destination.compression, stream.destination.extension) == ("GZIP", ".gz")
    assert stream.transform is not None
    assert stream.transform.function_arn == FUNCTION_ARN
    assert stream.transform.role_arn == f"{ROLE_ARN}-invoke"
    assert stream.transform.retries == 1
    assert stream.transform.buffering == BufferingHints(MIB // 2, 30)


def test_what_is_absent_has_the_defaults_that_aws_documents() -> None:
    stream = delivery_stream()
    assert stream.destination.buffering == BufferingHints(5 * MIB, 300)
    assert (stream.destination.compression, stream.destination.extension) == ("UNCOMPRESSED", "")
    assert stream.destination.time_zone is UTC
    assert stream.destination.kms_key_arn is None
    assert stream.transform is not None
    assert stream.transform.retries == 3
    assert stream.transform.role_arn == ROLE_ARN
    assert stream.transform.buffering == BufferingHints(1 * MIB, 60)


def test_a_file_extension_replaces_that_of_the_compression() -> None:
    stream = delivery_stream(CompressionFormat="GZIP", FileExtension=".json.gz")
    assert stream.destination.extension == ".json.gz"


def test_a_time_zone_and_a_key_are_read() -> None:
    stream = delivery_stream(
        CustomTimeZone="Asia/Tokyo",
        EncryptionConfiguration={"KMSEncryptionConfig": {"AWSKMSKeyARN": "arn:aws:kms:key"}},
    )
    at = datetime(2026, 10, 5, 20, tzinfo=UTC).astimezone(stream.destination.time_zone)
    assert at.day == 6
    assert stream.destination.kms_key_arn == "arn:aws:kms:key"


@pytest.mark.parametrize(
    "processing",
    [{}, {"Enabled": False, "Processors": [{"Type": "Lambda"}]}, {"Enabled": True}],
    ids=["absent", "disabled", "no processor"],
)
def test_without_an_enabled_lambda_processor_nothing_is_transformed(
    processing: dict[str, Any],
) -> None:
    assert delivery_stream(ProcessingConfiguration=processing).transform is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"BufferingHints": {"SizeInMBs": 0, "IntervalInSeconds": 1}}, "from 1 to 128"),
        ({"BufferingHints": {"SizeInMBs": 129, "IntervalInSeconds": 1}}, "from 1 to 128"),
        ({"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 901}}, "from 0 to 900"),
        ({"BufferingHints": {"SizeInMBs": 1}}, "set both or neither"),
        ({"parameters": {"BufferSizeInMBs": "0.1"}}, "from 0.2 to 3"),
        ({"parameters": {"BufferIntervalInSeconds": "901"}}, "from 0 to 900"),
        ({"parameters": {"NumberOfRetries": "many"}}, "NumberOfRetries is many"),
        ({"ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "Lambda"}]}}, "Arn"),
        (
            {"ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "Lambda"}] * 2}},
            "more than one Lambda",
        ),
        ({"CustomTimeZone": "Mars/Olympus"}, "'Mars/Olympus' is not a time zone"),
        ({"Prefix": "!{timestamp:yyyy}", "ErrorOutputPrefix": ""}, "ErrorOutputPrefix is required"),
    ],
)
def test_what_aws_would_refuse_is_refused_with_the_streams_name(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidSetting, match=f"delivery stream demand: .*{message}"):
        delivery_stream(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"CompressionFormat": "ZIP"}, "CompressionFormat ZIP is not emulated"),
        ({"CompressionFormat": "Snappy"}, "CompressionFormat Snappy is not emulated"),
        ({"CompressionFormat": "HADOOP_SNAPPY"}, "not emulated"),
        ({"DataFormatConversionConfiguration": {"InputFormatConfiguration": {}}}, "DataFormat"),
        ({"S3BackupMode": "Enabled"}, "S3BackupMode"),
        (
            {
                "ProcessingConfiguration": {
                    "Enabled": True,
                    "Processors": [{"Type": "AppendDelimiterToRecord"}],
                }
            },
            "AppendDelimiterToRecord is not emulated",
        ),
        ({"Prefix": "!{partitionKeyFromQuery:id}/"}, "keys from a query are not emulated"),
    ],
)
def test_what_is_not_emulated_is_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(NotEmulated, match=f"delivery stream demand: .*{message}"):
        delivery_stream(**settings)


@pytest.mark.parametrize("feature", ["DynamicPartitioning", "DataFormatConversion"])
def test_a_feature_that_is_switched_off_does_not_matter(feature: str) -> None:
    settings: dict[str, Any] = {f"{feature}Configuration": {"Enabled": False}}
    assert delivery_stream(**settings) == delivery_stream()


def _direct_put(settings: dict[str, Any]) -> None:
    del settings["Source"]


def _other_destination(settings: dict[str, Any]) -> None:
    settings["Destinations"] = [{"HttpEndpointDestinationDescription": {}}]


def _still_creating(settings: dict[str, Any]) -> None:
    settings["DeliveryStreamStatus"] = "CREATING"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_direct_put, "its source is not emulated; use a Kinesis stream"),
        (_other_destination, "its destination is not emulated; use an extended S3 destination"),
        (_still_creating, "status is CREATING"),
    ],
)
def test_another_kind_of_delivery_stream_is_refused(
    change: Callable[[dict[str, Any]], None], message: str
) -> None:
    settings = copy.deepcopy(description())
    change(settings)
    with pytest.raises(FirehoseError, match=message):
        DeliveryStream.parse(settings)
