"""The delivery streams: one for each record type, from the Kinesis stream to landed objects."""

from __future__ import annotations

from decimal import Decimal

import pulumi
import pulumi_aws as aws
from pulumi_aws.kinesis import (
    FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationProcessorArgsDict as _Processor,  # noqa: E501
)

from infra.functions import Function
from infra.logs import ForwardedLogGroup, LogForwarding
from infra.lookups import Referenced
from infra.naming import REGION, delivery_log_group
from infra.packages import Package
from infra.policies import allow, only_for, trust
from infra.roles import ManagedPolicy, Role
from infra.settings import Settings
from infra.writer import AvroWriter

_LOG_STREAM = "DestinationDelivery"
_DEFAULT_TRANSFORM_BUFFER_MB = Decimal(1)
_DEFAULT_TRANSFORM_BUFFER_SECONDS = 60


class DeliveryStream(pulumi.ComponentResource):
    """The delivery stream of one record type, with its transform.

    A new delivery stream reads from LATEST, so it never reads the changes that happen during a
    replacement (docs/aws-contracts.md#firehose-reading-kinesis). Only its name and Kinesis source
    cause a replacement, and no ordinary deployment changes them. Buffering, prefix and transform
    are updated in place, and the function keeps its ARN when its code changes.

    Parameters
    ----------
    record_type
        The record type, also the logical name.
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
    """

    name: pulumi.Output[str]
    transform: Function

    def __init__(
        self,
        record_type: str,
        settings: Settings,
        referenced: Referenced,
        package: Package,
        read_changes: ManagedPolicy,
        logs: LogForwarding,
        writer: AvroWriter,
        *,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("dmd:delivery:DeliveryStream", record_type, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        naming, bucket = settings.naming, referenced.bucket
        stream_name = naming.delivery_stream(record_type)

        transform = Function(
            f"transform-{record_type}",
            settings=settings,
            function_name=naming.transform_function(record_type),
            description=f"Turns change records of type {record_type} into rows, for Firehose",
            package=package,
            logs=logs,
            handler="transform.handler.handler",
            memory_mb=settings.transform_memory_mb,
            timeout_seconds=settings.transform_timeout_seconds,
            environment={
                "RECORD_TYPE": record_type,
                "TYPE_ATTRIBUTE": settings.type_attribute,
                **_counts_unclaimed(record_type, settings),
            },
            after=[writer],
            opts=child,
        )
        log_group = ForwardedLogGroup(
            f"delivery-{record_type}",
            group_name=delivery_log_group(stream_name),
            settings=settings,
            forwarding=logs,
            opts=child,
        )
        log_stream = aws.cloudwatch.LogStream(
            f"delivery-{record_type}",
            name=_LOG_STREAM,
            log_group_name=log_group.name,
            opts=child,
        )
        role = Role(
            f"delivery-{record_type}",
            settings=settings,
            role_name=naming.delivery_role(record_type),
            description=f"Role of the delivery stream {stream_name}",
            trusts=trust(
                "firehose.amazonaws.com",
                only_for(
                    settings.account_id,
                    f"arn:aws:firehose:{REGION}:{settings.account_id}:deliverystream/{stream_name}",
                ),
            ),
            statements=[
                *bucket.delivery_statements(record_type),
                *transform.transform_statements(),
                allow("LogErrors", ["logs:PutLogEvents"], [log_stream.arn]),
            ],
            managed=[read_changes],
            opts=child,
        )
        stream = aws.kinesis.FirehoseDeliveryStream(
            record_type,
            name=stream_name,
            destination="extended_s3",
            kinesis_source_configuration={
                "kinesis_stream_arn": referenced.stream.arn,
                "role_arn": role.arn,
            },
            extended_s3_configuration={
                "bucket_arn": bucket.arn,
                "role_arn": role.arn,
                "prefix": bucket.landing_prefix(
                    record_type, settings.delivery_parallelization_factor
                ),
                "error_output_prefix": bucket.error_prefix(record_type),
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
            },
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=role.grants, protect=settings.protected
            ),
        )
        self.name = stream.name
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


def _counts_unclaimed(record_type: str, settings: Settings) -> dict[str, str]:
    """Return what has a transform count the records that no transform takes: only the first."""
    types = settings.demand_data_types
    return {"CLAIMED_TYPES": ",".join(types)} if record_type == types[0] else {}
