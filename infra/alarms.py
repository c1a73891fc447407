"""The alarms of a stack: what each watches, when it goes off, and what to do first.

An alarm exists only for problems that somebody on call can solve. The dashboard shows the rest.
``docs/runbook.md`` has a section on each alarm, under the name of its symptom.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.deliveries import Delivery, deliveries_of, types_in_words
from infra.naming import Naming, delivery_log_group, function_log_group
from infra.settings import PROJECT, Settings

_FIVE_MINUTES = 300
_QUARTER_HOUR = 900
_HOUR = 3_600

# After so many intervals without a refresh that succeeded, the current state is late.
_LATE_REFRESHES = 3


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A CloudWatch metric, as an alarm or a graph reads it.

    Parameters
    ----------
    namespace, name, dimensions
        Identify the metric in CloudWatch.
    statistic
        ``Sum``, ``Maximum``, ...
    """

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm on one metric, or on the sum of several.

    Parameters
    ----------
    symptom
        What is wrong, the last part of the alarm's name.
    metrics
        The watched metrics. The alarm watches the sum of several.
    threshold
        A period counts if its value is greater.
    wants_more
        Whether a period counts instead if its value is smaller, or if it has no data.
    period_seconds
        60, or a multiple.
    datapoints, periods
        The alarm goes off if ``datapoints`` of the last ``periods`` count.
    description
        What is wrong and what to do first, at most 1,024 characters.
    """

    symptom: str
    metrics: Sequence[Metric]
    threshold: float
    wants_more: bool = False
    period_seconds: int
    datapoints: int
    periods: int
    description: str


def alarms_of(settings: Settings) -> list[Alarm]:
    """Return all alarms of a stack."""
    found = []
    for delivery in deliveries_of(settings):
        found += [*_delivery_alarms(settings, delivery), *_transform_alarms(settings, delivery)]
    for record_type in settings.demand_data_types:
        found += _table_alarms(settings, record_type)
        if settings.current_state_tables:
            found += _refresh_alarms(settings, record_type)
    return [*found, *_stream_alarms(settings), *_writer_alarms(settings), *_type_alarms(settings)]


def _at_once(*, symptom: str, metrics: Sequence[Metric], description: str) -> Alarm:
    """Return the alarm that goes off when anything at all was counted in a quarter of an hour."""
    return Alarm(
        symptom=symptom,
        metrics=metrics,
        threshold=0,
        period_seconds=_QUARTER_HOUR,
        datapoints=1,
        periods=1,
        description=description,
    )


def delivery_metric(naming: Naming, delivery: str, name: str, statistic: str) -> Metric:
    """Return a metric of a delivery stream, of `infra.deliveries.Delivery.name`.

    https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html
    """
    dimensions = {"DeliveryStreamName": naming.delivery_stream(delivery)}
    return Metric(namespace="AWS/Firehose", name=name, dimensions=dimensions, statistic=statistic)


def function_metric(function_name: str, name: str, statistic: str) -> Metric:
    """Return a metric of a Lambda function.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    """
    dimensions = {"FunctionName": function_name}
    return Metric(namespace="AWS/Lambda", name=name, dimensions=dimensions, statistic=statistic)


def pipeline_metric(settings: Settings, record_type: str, name: str, statistic: str) -> Metric:
    """Return a metric that the functions publish themselves, through their logs.

    A transform of all types publishes some of its metrics for each type, and others under the name
    of its delivery stream.
    """
    dimensions = {"Environment": settings.environment, "RecordType": record_type}
    return Metric(namespace=PROJECT, name=name, dimensions=dimensions, statistic=statistic)


def reads_throttled_metric(settings: Settings) -> Metric:
    """Return the share of the Kinesis stream's reads that are throttled.

    https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
    """
    return Metric(
        namespace="AWS/Kinesis",
        name="ReadProvisionedThroughputExceeded",
        dimensions={"StreamName": settings.stream_name},
        statistic="Average",
    )


def queue_metric(queue_name: str, name: str, statistic: str) -> Metric:
    """Return a metric of an SQS queue.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    """
    dimensions = {"QueueName": queue_name}
    return Metric(namespace="AWS/SQS", name=name, dimensions=dimensions, statistic=statistic)


def refresh_metric(settings: Settings, record_type: str, name: str, statistic: str) -> Metric:
    """Return a metric of the state machine that refreshes a type's current-state table.

    https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
    """
    dimensions = {"StateMachineArn": settings.refresh_arn(record_type)}
    return Metric(namespace="AWS/States", name=name, dimensions=dimensions, statistic=statistic)


def _delivery_alarms(settings: Settings, delivery: Delivery) -> list[Alarm]:
    naming, name, types = settings.naming, delivery.name, types_in_words(delivery.name)
    log_group = delivery_log_group(naming.delivery_stream(name))
    # Dynamic partitioning has several stages of buffers.
    # https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning.html
    stages = 1.5 if delivery.shared else 1
    buffers = settings.transform_buffer_interval_seconds + math.ceil(
        stages * settings.delivery_buffer_interval_seconds
    )
    return [
        Alarm(
            symptom=f"delivery-late-{name}",
            metrics=[delivery_metric(naming, name, "DeliveryToS3.DataFreshness", "Maximum")],
            threshold=buffers + 600,
            period_seconds=_FIVE_MINUTES,
            datapoints=3,
            periods=3,
            description=(
                f"Records of {types} have waited in Firehose ten minutes longer than the "
                f"buffering interval. First: read the log group {log_group}; it says whether S3, "
                "the role or the transform fails."
            ),
        ),
        Alarm(
            symptom=f"stream-behind-{name}",
            metrics=[delivery_metric(naming, name, "KinesisMillisBehindLatest", "Maximum")],
            threshold=600_000,
            period_seconds=_FIVE_MINUTES,
            datapoints=3,
            periods=3,
            description=(
                f"The delivery stream of {types} reads {settings.stream_name} more than ten "
                "minutes late; records that it has not read when the stream's retention ends are "
                "lost. First: check whether reads-throttled is in alarm; if so, ask the stream's "
                "owner for more shards."
            ),
        ),
    ]


def _transform_alarms(settings: Settings, delivery: Delivery) -> list[Alarm]:
    name, types = delivery.name, types_in_words(delivery.name)
    function = settings.naming.transform_function(name)
    return [
        Alarm(
            symptom=f"transform-failing-{name}",
            metrics=[function_metric(function, "Errors", "Sum")],
            threshold=0,
            period_seconds=_FIVE_MINUTES,
            datapoints=2,
            periods=3,
            description=(
                f"Invocations of the transform of {types} fail; after its retries Firehose "
                "puts each batch below the error prefix. First: read the log group "
                f"{function_log_group(function)}; if it began after a deployment, deploy the "
                "previous version again."
            ),
        ),
        _at_once(
            symptom=f"records-failed-{name}",
            metrics=[pipeline_metric(settings, name, "RecordsFailed", "Sum")],
            description=(
                f"Records of {types} cannot become rows; Firehose keeps their source below "
                f"data-pipeline/errors/{name}/. First: look for 'records failed' in the log "
                f"group {function_log_group(function)}: reason and column say whether the item or "
                "the schema is wrong."
            ),
        ),
    ]


def _type_alarms(settings: Settings) -> list[Alarm]:
    types = settings.demand_data_types
    # Of the transforms of one type, that of the first counts for all.
    counting = [
        each.name for each in deliveries_of(settings) if each.shared or each.name == types[0]
    ]
    log_groups = [function_log_group(settings.naming.transform_function(each)) for each in counting]
    return [
        _at_once(
            symptom="records-unclaimed",
            metrics=[
                pipeline_metric(settings, each, "RecordsUnclaimed", "Sum") for each in counting
            ],
            description=(
                f"Records have no record type, or one that is none of {', '.join(types)}; every "
                "delivery stream drops them, and no place keeps them once the Kinesis stream's "
                "retention ends. First: look for 'nobody takes these records' in the log group "
                f"{' and '.join(log_groups)}: it says where the stream has them. If the type is to "
                "be kept, add it to demand_data_types."
            ),
        )
    ]


def _table_alarms(settings: Settings, record_type: str) -> list[Alarm]:
    patience = (
        settings.max_wait_seconds
        + settings.settle_seconds
        + settings.writer_timeout_seconds
        + 3 * settings.writer_schedule_minutes * 60
    )
    log_group = function_log_group(settings.naming.writer_function)
    return [
        Alarm(
            symptom=f"landed-waiting-{record_type}",
            metrics=[pipeline_metric(settings, record_type, "OldestLandedAge", "Maximum")],
            threshold=patience,
            period_seconds=_period_of_runs(settings),
            datapoints=3,
            periods=3,
            description=(
                f"Landed rows of {record_type} have waited {patience} s for the Avro writer; "
                "nothing is lost, but queries do not see them. First: check whether writer-silent, "
                "writer-failing or writer-throttled is in alarm; if not, RunsOutOfTime above zero "
                f"in the lines of the log group {log_group} means that more lanes "
                "(delivery_parallelization_factor) are needed."
            ),
        ),
        _at_once(
            symptom=f"rows-quarantined-{record_type}",
            metrics=[
                pipeline_metric(settings, record_type, name, "Sum")
                for name in ("LinesQuarantined", "ObjectsQuarantined")
            ],
            description=(
                f"Landed lines or objects of {record_type} cannot become Avro; they are kept below "
                f"data-pipeline/quarantine/{record_type}/. First: read the reason in the newest "
                "entries-*.jsonl.gz there; if it began after a schema change, deploy the previous "
                "schema again."
            ),
        ),
        _at_once(
            symptom=f"rows-outside-projection-{record_type}",
            metrics=[pipeline_metric(settings, record_type, "RowsOutsideProjection", "Sum")],
            description=(
                f"Rows of {record_type} have a date before {settings.first_partition_date} or "
                "after tomorrow; they are in the table's files, but no query finds them. First: "
                f"list the partitions below data-pipeline/avro/{record_type}/; if the dates are "
                "right, set first_partition_date to the first of them."
            ),
        ),
    ]


def _refresh_alarms(settings: Settings, record_type: str) -> list[Alarm]:
    naming = settings.naming
    log_group = naming.refresh_log_group
    minutes = settings.current_state_refresh_minutes
    return [
        _at_once(
            symptom=f"refresh-failing-{record_type}",
            # An execution that somebody has stopped is not counted.
            metrics=[
                refresh_metric(settings, record_type, name, "Sum")
                for name in ("ExecutionsFailed", "ExecutionsTimedOut")
            ],
            description=(
                f"A refresh of the current-state table of {record_type}, or its daily maintenance, "
                "failed after its retries; nothing is lost, and the next refresh reads what this "
                f"one should have read. First: read the error in the log group {log_group}."
            ),
        ),
        Alarm(
            symptom=f"refresh-late-{record_type}",
            metrics=[refresh_metric(settings, record_type, "ExecutionsSucceeded", "Sum")],
            threshold=1,
            wants_more=True,
            period_seconds=minutes * 60,
            datapoints=_LATE_REFRESHES,
            periods=_LATE_REFRESHES,
            description=(
                f"No refresh of the current-state table of {record_type} has succeeded for "
                f"{_LATE_REFRESHES * minutes} minutes; {record_type}_current shows an older state. "
                f"First: check whether refresh-failing-{record_type} is in alarm; if not, check "
                f"whether the schedule {naming.refresh(record_type)} is enabled, and whether a "
                "refresh still runs. After the first deployment, the alarm stays on until a "
                "refresh has succeeded."
            ),
        ),
    ]


def _stream_alarms(settings: Settings) -> list[Alarm]:
    # Each delivery stream reads each shard once a second (docs/aws-contracts.md).
    reads = len(deliveries_of(settings))
    return [
        Alarm(
            symptom="reads-throttled",
            metrics=[reads_throttled_metric(settings)],
            # A fraction of all reads of the stream, for any number of shards.
            threshold=0.2,
            period_seconds=_FIVE_MINUTES,
            datapoints=3,
            periods=3,
            description=(
                f"Kinesis refuses a fifth of the reads of {settings.stream_name}. A shard allows "
                f"five reads per second, and this pipeline makes {reads}. First: find the stream's "
                "other consumers and move them to enhanced fan-out, or ask for more shards."
            ),
        )
    ]


def _writer_alarms(settings: Settings) -> list[Alarm]:
    naming = settings.naming
    function, queue = naming.writer_function, naming.dead_letter_queue
    log_group = function_log_group(function)
    period = _period_of_runs(settings)
    # A lane's next run continues the work of a failed one. A day is too long to wait for a third.
    runs = 1 if period >= _HOUR else 3
    return [
        Alarm(
            symptom="writer-silent",
            metrics=[function_metric(function, "Invocations", "Sum")],
            threshold=1,
            wants_more=True,
            period_seconds=period,
            datapoints=runs,
            periods=runs,
            description=(
                "The Avro writer does not run; nothing is lost, but new rows wait. First: check "
                f"whether the schedules in the group {naming.schedule_group} are enabled, and "
                f"whether messages in the queue {queue} say why they cannot invoke it. After the "
                "first deployment, the alarm stays on until the schedules have run."
            ),
        ),
        Alarm(
            symptom="writer-failing",
            metrics=[function_metric(function, "Errors", "Sum")],
            threshold=0,
            period_seconds=period,
            datapoints=runs,
            periods=runs,
            description=(
                "Runs of the Avro writer keep failing; nothing is lost, but new rows wait. "
                f"First: read the errors in the log group {log_group}; they name the record type, "
                "the lane and the object."
            ),
        ),
        Alarm(
            symptom="writer-throttled",
            metrics=[function_metric(function, "Throttles", "Sum")],
            threshold=0,
            period_seconds=period,
            datapoints=runs,
            periods=runs,
            description=(
                "Lambda throttles runs of the Avro writer: the account's concurrency is used up. "
                "First: find the function that uses it (ConcurrentExecutions by function), then "
                "ask for a higher quota."
            ),
        ),
        Alarm(
            symptom="dead-letters",
            # The messages that arrive, not those in the queue: a queue that nobody has purged
            # would hide the next failure.
            metrics=[queue_metric(queue, "NumberOfMessagesSent", "Sum")],
            threshold=2,
            period_seconds=max(period, _QUARTER_HOUR),
            datapoints=2,
            periods=2,
            description=(
                "Runs of the Avro writer repeatedly fail or do not start; the queue "
                f"{queue} keeps them. First: read a message, which says why. The lane's next run "
                "continues the work, so purge the queue when the cause is corrected."
            ),
        ),
    ]


def _period_of_runs(settings: Settings) -> int:
    """Return a period in seconds in which each lane runs at least once."""
    return max(settings.writer_schedule_minutes * 60, _FIVE_MINUTES)
