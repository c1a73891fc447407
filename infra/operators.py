"""The managed policy of people on call: what the commands of ``ops/`` need, and nothing else."""

from __future__ import annotations

from infra.deliveries import deliveries_of
from infra.lookups import Referenced
from infra.naming import REGION, delivery_log_group, function_log_group
from infra.policies import Statement, allow
from infra.settings import Settings


def operate_statements(settings: Settings, referenced: Referenced) -> list[Statement]:
    """Return the grants of ``dmd status``, ``errors``, ``replay``, ``backfill`` and ``smoke``.

    Each module of ``ops/`` that calls AWS says which actions it needs. The actions, and which
    resources they take, are in the service authorization reference:
    https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
    """
    naming, account = settings.naming, settings.account_id
    deliveries = [each.name for each in deliveries_of(settings)]

    def arn(service: str, resource: str) -> str:
        return f"arn:aws:{service}:{REGION}:{account}:{resource}"

    functions = [*map(naming.transform_function, deliveries), naming.writer_function]
    # The reasons of failures are in the transforms' logs; the runbook reads the others, too. Every
    # group with the prefix is the stack's, and the names of all would not fit into a policy.
    groups = [
        function_log_group(f"{naming.prefix}-*"),
        delivery_log_group(f"{naming.prefix}-*"),
        *([naming.refresh_log_group] if settings.current_state_tables else []),
    ]
    return [
        allow(
            "SeeDeliveryStreams",
            ["firehose:DescribeDeliveryStream"],
            list(map(settings.delivery_stream_arn, deliveries)),
        ),
        allow(
            "SeeFunctions",
            ["lambda:GetFunctionConfiguration"],
            [arn("lambda", f"function:{each}") for each in functions],
        ),
        allow(
            "ReadLogs", ["logs:FilterLogEvents"], [arn("logs", f"log-group:{g}:*") for g in groups]
        ),
        allow(
            "SeeDeadLetters",
            ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"],
            [arn("sqs", naming.dead_letter_queue)],
        ),
        allow(
            "SeeTables",
            ["glue:GetTable"],
            [
                arn("glue", "catalog"),
                arn("glue", f"database/{naming.database}"),
                *(
                    arn("glue", f"table/{naming.database}/{each}")
                    for each in settings.demand_data_types
                ),
            ],
        ),
        allow("SeeAlarms", ["cloudwatch:DescribeAlarms"], [arn("cloudwatch", "alarm:*")]),
        # AWS lets neither be limited to a resource.
        allow(
            "SeeMetricsAndSchedules", ["cloudwatch:GetMetricData", "scheduler:ListSchedules"], ["*"]
        ),
        # A backfill asks for the names of the keys.
        allow("SeeDemandTable", ["dynamodb:DescribeTable"], [referenced.table.arn]),
        # `dmd smoke --as-ci` works with the CI role, which may put items into the demand table.
        allow("TestAsCi", ["sts:AssumeRole"], [f"arn:aws:iam::{account}:role/{naming.ci_role}"]),
        *(_refresh_statements(settings) if settings.current_state_tables else []),
        *referenced.bucket.operate_statements(),
        *referenced.stream.replay_statements(),
    ]


def _refresh_statements(settings: Settings) -> list[Statement]:
    """Return the grants to refresh a current-state table by hand, and to see how that went.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html
    """
    machines = settings.refresh_arn("*")
    executions = machines.replace(":stateMachine:", ":execution:") + ":*"
    return [
        allow("Refresh", ["states:ListExecutions", "states:StartExecution"], [machines]),
        allow("SeeRefreshes", ["states:DescribeExecution", "states:StopExecution"], [executions]),
    ]
