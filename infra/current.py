"""The current-state tables: the state machines that refresh them, their schedules and views.

A table is an Iceberg table, which Athena creates and changes. The program never registers it: what
it would write into Glue, a refresh would overwrite, and the other way round
(docs/decisions/current-state.md).
"""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from catalog.current.machine import Refresh, definition
from catalog.current.statements import Statements
from catalog.current.view import refreshed_view
from infra.athena import make_workgroup
from infra.catalog import Catalog
from infra.logs import ForwardedLogGroup, LogForwarding
from infra.lookups import Referenced
from infra.naming import DATA_PREFIX, REGION
from infra.outputs import joined
from infra.policies import Statement, allow, only_for, trust
from infra.roles import Role
from infra.schedules import ATTEMPTS, every, scheduler_trust
from infra.settings import Settings
from infra.views import make_view
from infra.writer import AvroWriter
from schemas import table

# At night in the Americas, where the customers are.
_MAINTENANCE = "cron(30 8 * * ? *)"
_HOUR = 3_600


class CurrentState(pulumi.ComponentResource):
    """What keeps the current-state tables up to date.

    Parameters
    ----------
    name
        Logical name.
    settings
        The stack's settings.
    referenced
        The bucket of changes and tables.
    logs
        Forwards the state machines' logs.
    catalog
        The tables of changes. They are deployed first, because a refresh reads their columns.
    writer
        Its schedule group and dead-letter queue are also those of the refreshes.
    """

    machines: dict[str, pulumi.Output[str]]
    """The ARNs of the state machines, by record type."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        referenced: Referenced,
        logs: LogForwarding,
        catalog: Catalog,
        writer: AvroWriter,
        *,
        opts: pulumi.ResourceOptions,
    ) -> None:
        super().__init__("dmd:current:CurrentState", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        naming = settings.naming
        workgroup = make_workgroup(
            name,
            settings,
            workgroup_name=naming.refresh_workgroup,
            description=f"Refreshes of the current-state tables of {settings.environment}",
            bytes_scanned_limit=settings.current_state_bytes_scanned_limit,
            results=referenced.bucket.refresh_results,
            parent=self,
        )
        log_group = ForwardedLogGroup(
            name,
            group_name=naming.refresh_log_group,
            settings=settings,
            forwarding=logs,
            opts=child,
        )
        role = Role(
            name,
            settings=settings,
            role_name=naming.refresh_role,
            description="Role of the state machines that refresh the current-state tables",
            trusts=_machine_trust(settings),
            statements=[
                *_query_statements(settings, workgroup),
                allow("SeeOlder", ["states:ListExecutions"], [settings.refresh_arn("*")]),
                *catalog.refresh_statements(settings.demand_data_types),
                *referenced.bucket.refresh_statements(settings.demand_data_types),
                _log_statement(),
            ],
            opts=child,
        )
        machines = {
            record_type: aws.sfn.StateMachine(
                f"{record_type}-current",
                name=naming.refresh(record_type),
                type="STANDARD",
                role_arn=role.arn,
                definition=_definition(record_type, settings, referenced),
                logging_configuration={
                    "log_destination": joined(log_group.arn, ":*"),
                    "level": "ERROR",
                    # Queries and their answers are in Athena's history.
                    "include_execution_data": False,
                },
                opts=pulumi.ResourceOptions(
                    parent=self, depends_on=[*role.grants, workgroup, catalog]
                ),
            )
            for record_type in settings.demand_data_types
        }
        self.machines = {record_type: each.arn for record_type, each in machines.items()}
        self._schedule(name, settings, writer)
        for record_type in settings.demand_data_types:
            view = refreshed_view(record_type, naming.parquet_database)
            make_view(view, naming, catalog.database, self)
        self.register_outputs({"machines": self.machines})

    def _schedule(self, name: str, settings: Settings, writer: AvroWriter) -> None:
        naming = settings.naming
        role = Role(
            f"{name}-scheduler",
            settings=settings,
            role_name=naming.refresh_scheduler_role,
            description="Role with which EventBridge Scheduler starts refreshes",
            trusts=scheduler_trust(settings),
            statements=[
                allow("StartRefreshes", ["states:StartExecution"], list(self.machines.values())),
                *writer.dead_letters.send_statements(),
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        minutes = settings.current_state_refresh_minutes
        for record_type, machine_arn in self.machines.items():
            for schedule, expression, event, stale_after in (
                (naming.refresh(record_type), every(minutes), {}, minutes * 60),
                (naming.maintenance(record_type), _MAINTENANCE, {"maintain": True}, _HOUR),
            ):
                aws.scheduler.Schedule(
                    schedule.removeprefix(f"{naming.prefix}-"),
                    name=schedule,
                    group_name=writer.schedule_group,
                    description=f"Refreshes the current-state table of {record_type}",
                    schedule_expression=expression,
                    flexible_time_window={"mode": "OFF"},
                    target={
                        "arn": machine_arn,
                        "role_arn": role.arn,
                        "input": json.dumps(event),
                        "retry_policy": {
                            "maximum_retry_attempts": ATTEMPTS,
                            "maximum_event_age_in_seconds": stale_after,
                        },
                        "dead_letter_config": {"arn": writer.dead_letters.arn},
                    },
                    # The writer first: a file of an earlier date needs its mark before a refresh
                    # relies on marks.
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[*role.grants, writer]),
                )


def _definition(record_type: str, settings: Settings, referenced: Referenced) -> str:
    naming = settings.naming
    statements = Statements(
        table(record_type),
        naming.database,
        naming.parquet_database,
        days=settings.current_state_days,
        tombstone_days=settings.current_state_tombstone_days,
    )
    refresh = Refresh(
        statements, naming.refresh_workgroup, referenced.bucket.name, data_prefix=DATA_PREFIX
    )
    return json.dumps(definition(refresh))


def _machine_trust(settings: Settings) -> dict[str, object]:
    """Return the trust policy of the state machines' role.

    https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html#prevent-cross-service-confused-deputy
    """
    source = settings.refresh_arn("*")
    return trust("states.amazonaws.com", only_for(settings.account_id, source))


def _query_statements(settings: Settings, workgroup: aws.athena.Workgroup) -> list[Statement]:
    """Return the grants with which a state machine runs a query and waits for its end.

    Step Functions asks Athena how the query goes. It needs no rule of EventBridge for that.
    https://docs.aws.amazon.com/step-functions/latest/dg/athena-iam.html
    """
    catalog = f"arn:aws:athena:{REGION}:{settings.account_id}:datacatalog/AwsDataCatalog"
    return [
        allow(
            "RunQueries",
            [
                "athena:GetQueryExecution",
                "athena:StartQueryExecution",
                "athena:StopQueryExecution",
            ],
            [workgroup.arn],
        ),
        allow("FindCatalog", ["athena:GetDataCatalog"], [catalog]),
    ]


def _log_statement() -> Statement:
    """Return the grant with which Step Functions has a state machine's events logged.

    The actions take no resource.
    https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy
    """
    return allow(
        "DeliverLogs",
        [
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ],
        ["*"],
    )
