"""A delivery stream with its transform, from the Kinesis stream to landed objects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from decimal import Decimal

import pulumi
import pulumi_aws as aws
from pulumi_aws.kinesis import (
    FirehoseDeliveryStreamExtendedS3ConfigurationArgsDict as _Destination,
)
from pulumi_aws.kinesis import (
    FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationProcessorArgsDict as _Processor,  # noqa: E501
)

from environment import moment_text
from infra.deliveries import Delivery
from infra.functions import Function
from infra.logs import ForwardedLogGroup, LogForwarding
from infra.lookups import Referenced
from infra.naming import delivery_log_group
from infra.packages import Package
from infra.policies import allow, only_for, trust
from infra.roles import ManagedPolicy, Role
from infra.settings import Settings
from infra.writer import AvroWriter

# The variables with which a transform learns the limits of the arrival of its records.
ARRIVED_SINCE, ARRIVED_BEFORE = "ARRIVED_SINCE", "ARRIVED_BEFORE"

_LOG_STREAM = "DestinationDelivery"
_DEFAULT_TRANSFORM_BUFFER_MB = Decimal(1)
_DEFAULT_TRANSFORM_BUFFER_SECONDS = 60

# The partition key with which a shared transform tells Firehose the record type of a row.
# https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-s3bucketprefix.html
_PARTITION_KEY = "record_type"
_FROM_TRANSFORM = f"!{{partitionKeyFromLambda:{_PARTITION_KEY}}}"


class DeliveryStream(pulumi.ComponentResource):
    """A delivery stream of one or of all record types, with its transform.

    A new delivery stream reads from LATEST, so it never reads the changes that happen during a
    replacement (docs/aws-contracts.md#firehose-reading-kinesis). Only its name and Kinesis source
    cause a replacement, and no ordinary deployment changes them. Buffering, prefix and transform
    are updated in place, and the function keeps its ARN when its code changes.

    Parameters
    ----------
    delivery
        What it is to land. Its name is also the logical name.
    settings
        The stack's settings.
    referenced
        The Kinesis stream that it reads and the bucket that it writes.
    package
        The transform's code.
    read_changes
        The policy with which all delivery streams' roles read the stream.
    logs
        Forwards the logs of the function and of the delivery stream.
    writer
        The function that reads the landed objects. It is deployed first: an older writer would
        put rows of a newer schema into quarantine, but a newer writer reads older rows.
    after
        The delivery streams that take over from this one, if there are any. They are deployed
        first: until they read, this one has to answer for every change.
    """

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    transform: Function

    def __init__(
        self,
        delivery: Delivery,
        settings: Settings,
        referenced: Referenced,
        package: Package,
        read_changes: ManagedPolicy,
        logs: LogForwarding,
        writer: AvroWriter,
        *,
        after: Sequence[DeliveryStream] = (),
        opts: pulumi.ResourceOptions,
    ) -> None:
        name = delivery.name
        super().__init__("dmd:delivery:DeliveryStream", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        naming, bucket = settings.naming, referenced.bucket
        stream_name = naming.delivery_stream(name)

        transform = Function(
            f"transform-{name}",
            settings=settings,
            function_name=naming.transform_function(name),
            description=_description(delivery),
            package=package,
            logs=logs,
            handler="transform.handler.handler",
            memory_mb=settings.transform_memory_mb,
            timeout_seconds=settings.transform_timeout_seconds,
            environment={
                **_types(delivery, settings),
                "TYPE_ATTRIBUTE": settings.type_attribute,
                **_limits(delivery),
            },
            after=[writer, *after],
            opts=child,
        )
        log_group = ForwardedLogGroup(
            f"delivery-{name}",
            group_name=delivery_log_group(stream_name),
            settings=settings,
            forwarding=logs,
            opts=child,
        )
        log_stream = aws.cloudwatch.LogStream(
            f"delivery-{name}",
            name=_LOG_STREAM,
            log_group_name=log_group.name,
            opts=child,
        )
        role = Role(
            f"delivery-{name}",
            settings=settings,
            role_name=naming.delivery_role(name),
            description=f"Role of the delivery stream {stream_name}",
            trusts=trust(
                "firehose.amazonaws.com",
                only_for(
                    settings.account_id,
                    settings.delivery_stream_arn(name),
                ),
            ),
            statements=[
                *bucket.delivery_statements(delivery),
                *transform.transform_statements(),
                allow("LogErrors", ["logs:PutLogEvents"], [log_stream.arn]),
            ],
            managed=[read_changes],
            opts=child,
        )
        destination: _Destination = {
            "bucket_arn": bucket.arn,
            "role_arn": role.arn,
            "prefix": bucket.landing_prefix(
                _FROM_TRANSFORM if delivery.shared else name,
                settings.delivery_parallelization_factor,
            ),
            "error_output_prefix": bucket.error_prefix(name),
            "buffering_size": settings.delivery_buffer_size_mb,
            "buffering_interval": settings.delivery_buffer_interval_seconds,
            "compression_format": "GZIP",
            "cloudwatch_logging_options": {
                "enabled": True,
                "log_group_name": log_group.name,
                "log_stream_name": log_stream.name,
            },
            "processing_configuration": {
                "enabled": True,
                "processors": [_transform_with(transform, settings)],
            },
        }
        if delivery.shared:
            destination["dynamic_partitioning_configuration"] = {"enabled": True}
        stream = aws.kinesis.FirehoseDeliveryStream(
            name,
            name=stream_name,
            destination="extended_s3",
            kinesis_source_configuration={
                "kinesis_stream_arn": referenced.stream.arn,
                "role_arn": role.arn,
            },
            extended_s3_configuration=destination,
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=role.grants, protect=settings.protected
            ),
        )
        self.name = stream.name
        self.arn = stream.arn
        self.transform = transform
        self.register_outputs({"name": stream.name})


def _transform_with(transform: Function, settings: Settings) -> _Processor:
    """Return the processor without parameters that have Firehose's defaults.

    The provider leaves defaults out when it reads the stream. If the program passed one, every
    preview would show a difference (see the provider's documentation of ``parameter_name``).
    """
    size, seconds = settings.transform_buffer_size_mb, settings.transform_buffer_interval_seconds
    parameters: dict[str, pulumi.Input[str]] = {"LambdaArn": transform.arn}
    if size != _DEFAULT_TRANSFORM_BUFFER_MB:
        parameters["BufferSizeInMBs"] = f"{size.normalize():f}"
    if seconds != _DEFAULT_TRANSFORM_BUFFER_SECONDS:
        parameters["BufferIntervalInSeconds"] = str(seconds)
    return {
        "type": "Lambda",
        "parameters": [
            {"parameter_name": name, "parameter_value": value} for name, value in parameters.items()
        ],
    }


def _description(delivery: Delivery) -> str:
    if delivery.shared:
        return "Turns change records of all types into rows, for Firehose"
    return f"Turns change records of type {delivery.name} into rows, for Firehose"


def _types(delivery: Delivery, settings: Settings) -> dict[str, str]:
    """Return the part of a transform's environment that says which records it takes."""
    if delivery.shared:
        return {
            "RECORD_TYPES": ",".join(delivery.record_types),
            "DELIVERY": delivery.name,
            "PARTITION_KEY": _PARTITION_KEY,
        }
    types = settings.demand_data_types
    # The first of the types counts the records that no transform takes.
    claimed = {"CLAIMED_TYPES": ",".join(types)} if delivery.name == types[0] else {}
    return {"RECORD_TYPE": delivery.name, **claimed}


def _limits(delivery: Delivery) -> dict[str, str]:
    """Return the part of a transform's environment that limits the records by their arrival."""
    limits = {ARRIVED_SINCE: delivery.since, ARRIVED_BEFORE: delivery.before}
    return {
        key: moment_text(limit.astimezone(UTC))
        for key, limit in limits.items()
        if limit is not None
    }
