"""The settings of a registered delivery stream, read from the endpoint's description of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from emulation.firehose.clients import FirehoseClient
from emulation.firehose.errors import InvalidSetting, NotEmulated
from emulation.firehose.partitioning import check_partitioning, check_partitioning_kept
from emulation.firehose.prefix import Prefix, parse_prefixes

_MIB = 1024 * 1024
_DEFAULT_RETRIES = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class BufferingHints:
    """How much data is collected, or for how long, before it is passed on."""

    size_bytes: int
    interval_seconds: int


@dataclass(frozen=True)
class Transform:
    """The Lambda processor: the function, the role that invokes it, its retries and its buffer."""

    function_arn: str
    role_arn: str
    retries: int
    buffering: BufferingHints


@dataclass(frozen=True)
class LogStream:
    """A log stream of CloudWatch Logs, and the group that it is in."""

    group: str
    name: str


@dataclass(frozen=True)
class Destination:
    """The S3 destination.

    ``compression`` is ``UNCOMPRESSED`` or ``GZIP``. ``extension`` is the end of each key.
    ``kms_key_arn`` is the key that objects are encrypted with, or None for the bucket's
    default. ``error_log`` is where errors are logged, or None if they are not.
    """

    bucket: str
    role_arn: str
    prefix: Prefix
    error_prefix: Prefix
    buffering: BufferingHints
    compression: str
    extension: str
    time_zone: tzinfo
    kms_key_arn: str | None
    error_log: LogStream | None

    def local_time(self, millis: int) -> datetime:
        """Return a time, in milliseconds since the epoch, in the destination's time zone."""
        return (_EPOCH + timedelta(milliseconds=millis)).astimezone(self.time_zone)


@dataclass(frozen=True)
class DeliveryStream:
    """A delivery stream from a Kinesis stream to S3, as registered.

    Source: docs.aws.amazon.com/firehose/latest/APIReference/API_DeliveryStreamDescription.html
    and the pages of the structures within it, whose defaults apply to what is absent.
    """

    name: str
    arn: str
    region: str
    version: str
    source_stream_arn: str
    source_role_arn: str
    destination: Destination
    transform: Transform | None

    @classmethod
    def describe(cls, firehose: FirehoseClient, name: str) -> DeliveryStream:
        """Return the delivery stream ``name`` as ``firehose`` describes it.

        Raises
        ------
        InvalidSetting
            A setting is missing or out of AWS's range.
        NotEmulated
            The delivery stream uses a feature that is not emulated.
        """
        answer = firehose.describe_delivery_stream(DeliveryStreamName=name)
        return cls.parse(answer["DeliveryStreamDescription"])

    @classmethod
    def parse(cls, description: Mapping[str, Any]) -> DeliveryStream:
        """Return the delivery stream of a ``DeliveryStreamDescription``; raises as `describe`."""
        name = description["DeliveryStreamName"]
        try:
            return _parse(description)
        except InvalidSetting as error:
            raise InvalidSetting(f"delivery stream {name}: {error}") from error
        except NotEmulated as error:
            raise NotEmulated(f"delivery stream {name}: {error}") from error


def _parse(description: Mapping[str, Any]) -> DeliveryStream:
    status = description.get("DeliveryStreamStatus")
    if status != "ACTIVE":
        raise InvalidSetting(f"its status is {status}; wait until it is ACTIVE")
    source = description.get("Source", {}).get("KinesisStreamSourceDescription")
    if not source:
        raise NotEmulated("its source is not emulated; use a Kinesis stream")
    destinations = description.get("Destinations") or [{}]
    settings = destinations[0].get("ExtendedS3DestinationDescription")
    if not settings:
        raise NotEmulated("its destination is not emulated; use an extended S3 destination")
    arn = description["DeliveryStreamARN"]
    destination, transform = _destination(settings)
    return DeliveryStream(
        name=description["DeliveryStreamName"],
        arn=arn,
        region=arn.split(":")[3],
        version=description["VersionId"],
        source_stream_arn=source["KinesisStreamARN"],
        source_role_arn=source["RoleARN"],
        destination=destination,
        transform=transform,
    )


def check_destination(settings: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> None:
    """Refuse an extended S3 destination as AWS's API does, as far as its rules are known.

    Parameters
    ----------
    settings
        The ``ExtendedS3DestinationConfiguration`` of a new delivery stream, or the
        ``ExtendedS3DestinationUpdate`` of one that exists.
    before
        The destination of the one that exists, as described. What an update leaves out stays as it
        is: docs.aws.amazon.com/firehose/latest/APIReference/API_UpdateDestination.html

    Raises
    ------
    InvalidSetting
        AWS would refuse it.
    NotEmulated
        It uses a feature that is not emulated.
    """
    after = {**(before or {}), **settings}
    if before is not None:
        check_partitioning_kept(before, after)
    _destination(after)


def _destination(settings: Mapping[str, Any]) -> tuple[Destination, Transform | None]:
    configuration = settings.get("DataFormatConversionConfiguration")
    if configuration and configuration.get("Enabled", True):
        raise NotEmulated("DataFormatConversionConfiguration is not emulated")
    if settings.get("S3BackupMode", "Disabled") != "Disabled":
        raise NotEmulated("S3BackupMode is not emulated")
    compression = settings.get("CompressionFormat") or "UNCOMPRESSED"
    if compression not in ("UNCOMPRESSED", "GZIP"):
        raise NotEmulated(
            f"CompressionFormat {compression} is not emulated; use GZIP or UNCOMPRESSED"
        )
    prefix, error_prefix = parse_prefixes(
        settings.get("Prefix") or "", settings.get("ErrorOutputPrefix") or ""
    )
    buffering = _buffering_hints(settings.get("BufferingHints") or {})
    transform = _transform(settings.get("ProcessingConfiguration") or {}, settings["RoleARN"])
    check_partitioning(
        settings,
        prefix,
        transformed=transform is not None,
        size_mb=buffering.size_bytes / _MIB,
        interval_seconds=buffering.interval_seconds,
    )
    encryption = (settings.get("EncryptionConfiguration") or {}).get("KMSEncryptionConfig") or {}
    destination = Destination(
        bucket=settings["BucketARN"].rpartition(":")[2],
        role_arn=settings["RoleARN"],
        prefix=prefix,
        error_prefix=error_prefix,
        buffering=buffering,
        compression=compression,
        extension=settings.get("FileExtension") or (".gz" if compression == "GZIP" else ""),
        time_zone=_time_zone(settings.get("CustomTimeZone") or ""),
        kms_key_arn=encryption.get("AWSKMSKeyARN"),
        error_log=_error_log(settings.get("CloudWatchLoggingOptions") or {}),
    )
    return destination, transform


def _error_log(options: Mapping[str, Any]) -> LogStream | None:
    if not options.get("Enabled"):
        return None
    group, name = options.get("LogGroupName"), options.get("LogStreamName")
    if not group or not name:
        raise InvalidSetting("CloudWatchLoggingOptions needs LogGroupName and LogStreamName")
    return LogStream(group, name)


def _time_zone(name: str) -> tzinfo:
    # UTC must work without a time zone database on this machine.
    if name in ("", "UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError) as error:
        raise InvalidSetting(
            f"CustomTimeZone {name!r} is not a time zone; use a name such as 'Asia/Tokyo'"
        ) from error


def _buffering_hints(hints: Mapping[str, Any]) -> BufferingHints:
    if len({"SizeInMBs", "IntervalInSeconds"} & hints.keys()) == 1:
        raise InvalidSetting(
            "BufferingHints has only one of SizeInMBs and IntervalInSeconds; set both or neither"
        )
    return BufferingHints(
        size_bytes=_MIB * int(_within("SizeInMBs", hints.get("SizeInMBs", 5), 1, 128)),
        interval_seconds=int(
            _within("IntervalInSeconds", hints.get("IntervalInSeconds", 300), 0, 900)
        ),
    )


def _transform(processing: Mapping[str, Any], role_arn: str) -> Transform | None:
    if not processing.get("Enabled"):
        return None
    processors = processing.get("Processors") or []
    for processor in processors:
        if processor["Type"] != "Lambda":
            raise NotEmulated(f"processor {processor['Type']} is not emulated; only Lambda is")
    if len(processors) > 1:
        raise InvalidSetting("it has more than one Lambda processor; AWS allows one")
    if not processors:
        return None
    parameters = {
        parameter["ParameterName"]: parameter["ParameterValue"]
        for parameter in processors[0].get("Parameters") or ()
    }
    if "LambdaArn" not in parameters:
        raise InvalidSetting("its Lambda processor has no parameter LambdaArn; set it")
    size = _within("BufferSizeInMBs", parameters.get("BufferSizeInMBs", "1"), 0.2, 3)
    interval = _within(
        "BufferIntervalInSeconds", parameters.get("BufferIntervalInSeconds", "60"), 0, 900
    )
    retries = _within(
        "NumberOfRetries", parameters.get("NumberOfRetries", str(_DEFAULT_RETRIES)), 0, 300
    )
    return Transform(
        function_arn=parameters["LambdaArn"],
        role_arn=parameters.get("RoleArn", role_arn),
        retries=int(retries),
        buffering=BufferingHints(int(size * _MIB), int(interval)),
    )


def _within(setting: str, value: str | float, least: float, most: float) -> float:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise InvalidSetting(f"{setting} is {value}; it must be from {least} to {most}")
    return number
