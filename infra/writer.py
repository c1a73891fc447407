"""The Avro writer: its function, the schedules that run it, and the queue of failed runs."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from infra.catalog import Catalog
from infra.functions import Function
from infra.logs import LogForwarding
from infra.lookups import Referenced
from infra.naming import DATA_PREFIX
from infra.packages import Package
from infra.policies import Statement, allow
from infra.roles import Role
from infra.schedules import ATTEMPTS, every, scheduler_trust
from infra.settings import Settings

_DEAD_LETTER_DAYS = 14


class DeadLetters(pulumi.ComponentResource):
    """The queue that keeps invocations that failed, for an operator to read.

    Parameters
    ----------
    name
        Logical name.
    queue_name
        Name in SQS.
    """

    arn: pulumi.Output[str]
    url: pulumi.Output[str]

    def __init__(self, name: str, *, queue_name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("dmd:writer:DeadLetters", name, None, opts)
        queue = aws.sqs.Queue(
            name,
            name=queue_name,
            message_retention_seconds=_DEAD_LETTER_DAYS * 24 * 60 * 60,
            sqs_managed_sse_enabled=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = queue.arn
        self.url = queue.url
        self.register_outputs({"arn": queue.arn})

    def send_statements(self) -> list[Statement]:
        """Return the grants that a service needs to put dead letters into the queue."""
        return [allow("SendDeadLetters", ["sqs:SendMessage"], [self.arn])]


class AvroWriter(pulumi.ComponentResource):
    """The function that turns landed rows into Avro files, run for each record type and lane.

    If a run is repeated, overlaps another or does not happen, no row is lost and none is written
    twice (docs/design.md#the-plan). So a failed run is not retried for long: the lane's next run
    continues its plan.

    Parameters
    ----------
    name
        Logical name.
    settings
        The stack's settings.
    referenced
        The bucket that it reads and writes.
    package
        The function's code.
    logs
        Forwards the function's logs.
    catalog
        The tables whose files it writes. They are deployed first: a table with a new schema reads
        older files, but an older table would fail on files of a newer schema.
    """

    function: Function
    dead_letters: DeadLetters
    schedule_group: pulumi.Output[str]
    schedules: list[pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        settings: Settings,
        referenced: Referenced,
        package: Package,
        logs: LogForwarding,
        catalog: Catalog,
        *,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("dmd:writer:AvroWriter", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        naming, bucket = settings.naming, referenced.bucket
        self.dead_letters = DeadLetters(
            "dead-letters", queue_name=naming.dead_letter_queue, opts=child
        )
        self.function = Function(
            name,
            settings=settings,
            function_name=naming.writer_function,
            description="Turns landed rows into partitioned Avro files, one lane per run",
            package=package,
            logs=logs,
            after=[catalog],
            handler="avro_writer.handler.handler",
            memory_mb=settings.writer_memory_mb,
            timeout_seconds=settings.writer_timeout_seconds,
            environment={
                "BUCKET": bucket.name,
                "DATA_PREFIX": DATA_PREFIX,
                "LANES": str(settings.delivery_parallelization_factor),
                "MAX_PLAN_OBJECTS": str(settings.delivery_batch_size),
                "MAX_PLAN_BYTES": str(settings.max_plan_bytes),
                "MIN_PLAN_BYTES": str(settings.min_plan_bytes),
                "MAX_WAIT_SECONDS": str(settings.max_wait_seconds),
                "SETTLE_SECONDS": str(settings.settle_seconds),
                "FIRST_PARTITION_DATE": settings.first_partition_date.isoformat(),
            },
            statements=[*bucket.writer_statements(), *self.dead_letters.send_statements()],
            opts=child,
        )
        # Scheduler invokes asynchronously, so Lambda sends failed runs to the queue.
        aws.lambda_.FunctionEventInvokeConfig(
            name,
            function_name=self.function.name,
            maximum_retry_attempts=0,
            maximum_event_age_in_seconds=self._stale_after(settings),
            destination_config={"on_failure": {"destination": self.dead_letters.arn}},
            opts=child,
        )
        self.schedules = self._schedule(settings)
        self.register_outputs({"function": self.function.arn})

    def _schedule(self, settings: Settings) -> list[pulumi.Output[str]]:
        naming = settings.naming
        child = pulumi.ResourceOptions(parent=self)
        group = aws.scheduler.ScheduleGroup("schedules", name=naming.schedule_group, opts=child)
        self.schedule_group = group.name
        role = Role(
            "scheduler",
            settings=settings,
            role_name=naming.scheduler_role,
            description="Role with which EventBridge Scheduler runs the Avro writer",
            trusts=scheduler_trust(settings),
            statements=[
                *self.function.invoke_statements(),
                *self.dead_letters.send_statements(),
            ],
            opts=child,
        )
        schedules = [
            aws.scheduler.Schedule(
                f"{record_type}-{lane}",
                name=naming.schedule(record_type, lane),
                group_name=group.name,
                description=f"Runs the Avro writer on lane {lane} of {record_type}",
                schedule_expression=every(settings.writer_schedule_minutes),
                flexible_time_window={"mode": "OFF"},
                target={
                    "arn": self.function.arn,
                    "role_arn": role.arn,
                    "input": json.dumps({"type": record_type, "lane": lane}),
                    "retry_policy": {
                        "maximum_retry_attempts": ATTEMPTS,
                        "maximum_event_age_in_seconds": self._stale_after(settings),
                    },
                    "dead_letter_config": {"arn": self.dead_letters.arn},
                },
                opts=pulumi.ResourceOptions(parent=self, depends_on=role.grants),
            )
            for record_type in settings.demand_data_types
            for lane in range(settings.delivery_parallelization_factor)
        ]
        return [schedule.name for schedule in schedules]

    @staticmethod
    def _stale_after(settings: Settings) -> int:
        """Return the seconds after which a late run is dropped, because the next one is due.

        Lambda allows 60 to 21,600 seconds, Scheduler 60 to 86,400.
        """
        return min(settings.writer_schedule_minutes * 60, 21_600)
