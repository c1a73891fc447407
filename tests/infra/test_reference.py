"""Each row of the reference document exists in each stack, under the same name.

The rows describe the previous system. ``docs/parity.md`` says where each is now and what differs.
A test's parameters are the rows of one of the document's tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from infra.naming import ENVIRONMENTS
from infra.stack_config import settings_of, stack_config
from tests.infra.recorded import ACCOUNTS, Recorded, Recording

Stacks = Callable[[str], Recording]

POLICY = "aws:iam/policy:Policy"
ROLE = "aws:iam/role:Role"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"

each_stack = pytest.mark.parametrize("stack", ENVIRONMENTS)


def bucket(stack: str) -> str:
    return f"prd3292.{stack}.us-east-1.demand-capture.tmaws"


def named(recording: Recording, token: str, name: str) -> Recorded:
    (found,) = (each for each in recording.of(token) if each.inputs.get("name") == name)
    return found


def policies_of(recording: Recording, role: str) -> set[str]:
    """Return the names of the managed policies that a role has."""
    return {
        each.inputs["policyArn"].rpartition("/")[2]
        for each in recording.of(ATTACHMENT)
        if each.inputs["role"] == role
    }


def actions(policy: Recorded) -> set[str]:
    return {action for statement in policy.policy() for action in statement["Action"]}


def resources(policy: Recorded) -> set[str]:
    return {resource for statement in policy.policy() for resource in statement["Resource"]}


# --- AWS Lambda functions: deliveryWorker -----------------------------------------------------


@each_stack
@pytest.mark.parametrize("record_type", ["demand", "sale", "event", "notification"])
def test_delivery_worker_is_a_delivery_stream_and_a_transform_for_each_data_type(
    stack: str, record_type: str, recorded: Stacks
) -> None:
    found = recorded(stack)
    name = f"prd3292-{stack}-dmnd-pipeline"
    stream = named(
        found, "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream", f"{name}-{record_type}"
    )
    source = stream.inputs["kinesisSourceConfiguration"]["kinesisStreamArn"]
    assert source.endswith(f"{ACCOUNTS[stack]}:stream/prd3292-{stack}-dmnd-table-stream")
    transform = named(found, "aws:lambda/function:Function", f"{name}-transform-{record_type}")
    assert transform.inputs["environment"]["variables"]["RECORD_TYPE"] == record_type


@each_stack
@pytest.mark.parametrize(
    ("setting", "variable", "value"),
    [
        ("delivery_batch_size", "MAX_PLAN_OBJECTS", 1000),
        ("delivery_parallelization_factor", "LANES", 2),
    ],
)
def test_batch_size_and_parallelization_factor_are_the_writers(
    stack: str, setting: str, variable: str, value: int, recorded: Stacks
) -> None:
    assert getattr(settings_of(stack, stack_config(stack)), setting) == value
    writer = recorded(stack).one("aws:lambda/function:Function", "avro-writer")
    assert writer.inputs["environment"]["variables"][variable] == str(value)


# --- Data storage, streaming data: referenced, not created ------------------------------------


@each_stack
@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("table_name", "prd3292-{stack}-us-east-1-demand-table"),
        ("bucket_name", "prd3292.{stack}.us-east-1.demand-capture.tmaws"),
        ("stream_name", "prd3292-{stack}-dmnd-table-stream"),
    ],
)
def test_table_bucket_and_stream_have_their_environments_name_and_are_not_created(
    stack: str, row: str, name: str, recorded: Stacks
) -> None:
    assert getattr(settings_of(stack, stack_config(stack)), row) == name.format(stack=stack)
    others = ("aws:dynamodb/", "aws:s3/", "aws:kinesis/stream:")
    assert not [each for each in recorded(stack).resources if each.type.startswith(others)]


@each_stack
@pytest.mark.parametrize("record_type", ["demand", "event", "notification", "sale"])
def test_the_avro_files_of_a_type_lie_where_they_lay(
    stack: str, record_type: str, recorded: Stacks
) -> None:
    table = recorded(stack).one("aws:glue/catalogTable:CatalogTable", record_type)
    location = f"s3://{bucket(stack)}/data-pipeline/avro/{record_type}/"
    assert table.inputs["storageDescriptor"]["location"] == location
    template = table.inputs["parameters"]["storage.location.template"]
    assert template == f"{location}partition_date=${{partition_date}}/"


# --- Analytics and querying -------------------------------------------------------------------


@each_stack
@pytest.mark.parametrize("suffix", ["", "_parquet"])
def test_the_databases_for_avro_and_for_parquet(stack: str, suffix: str, recorded: Stacks) -> None:
    name = f"prd3292_{stack}_dmnd_pipeline{suffix}"
    assert named(recorded(stack), "aws:glue/catalogDatabase:CatalogDatabase", name)


@each_stack
@pytest.mark.parametrize("table", ["demand", "event", "notification", "sale"])
def test_a_glue_table_is_avro_partitioned_by_a_date_as_text(
    stack: str, table: str, recorded: Stacks
) -> None:
    inputs = named(recorded(stack), "aws:glue/catalogTable:CatalogTable", table).inputs
    assert inputs["databaseName"] == f"prd3292_{stack}_dmnd_pipeline"
    assert inputs["parameters"]["classification"] == "avro"
    assert [(key["name"], key["type"]) for key in inputs["partitionKeys"]] == [
        ("partition_date", "string")
    ]


@each_stack
def test_the_athena_workgroup(stack: str, recorded: Stacks) -> None:
    name = f"prd3292_{stack}_dmnd_pipeline"
    workgroup = named(recorded(stack), "aws:athena/workgroup:Workgroup", name)
    configuration = workgroup.inputs["configuration"]
    assert configuration["enforceWorkgroupConfiguration"] is True
    assert configuration["publishCloudwatchMetricsEnabled"] is True
    assert configuration["resultConfiguration"]["outputLocation"] == (
        f"s3://{bucket(stack)}/data-pipeline/athena/results/"
    )


# --- IAM roles and policies -------------------------------------------------------------------


@each_stack
@pytest.mark.parametrize(
    ("purpose", "does", "on"),
    [
        (
            "kinesis-read",
            "kinesis:GetRecords",
            "arn:aws:kinesis:us-east-1:{account}:stream/prd3292-{stack}-dmnd-table-stream",
        ),
        ("s3-write", "s3:PutObject", "arn:aws:s3:::{bucket}/data-pipeline/test/*"),
        ("s3-delete-test", "s3:DeleteObject", "arn:aws:s3:::{bucket}/data-pipeline/test/*"),
        (
            "athena-query-execution",
            "athena:StartQueryExecution",
            "arn:aws:athena:us-east-1:{account}:workgroup/prd3292_{stack}_dmnd_pipeline",
        ),
        (
            "athena-query-execution",
            "glue:GetTable",
            "arn:aws:glue:us-east-1:{account}:table/prd3292_{stack}_dmnd_pipeline/*",
        ),
        (
            "athena-query-execution",
            "s3:GetObject",
            "arn:aws:s3:::{bucket}/data-pipeline/athena/results/*",
        ),
        (
            "dynamodb-rw",
            "dynamodb:PutItem",
            "arn:aws:dynamodb:us-east-1:{account}:table/prd3292-{stack}-us-east-1-demand-table",
        ),
        (
            "dynamodb-rw",
            "dynamodb:Query",
            "arn:aws:dynamodb:us-east-1:{account}:table/prd3292-{stack}-us-east-1-demand-table"
            "/index/*",
        ),
        (
            "logs-write",
            "kinesis:PutRecord",
            "arn:aws:kinesis:us-east-1:{account}:stream/prd3292-{stack}-log-stream",
        ),
    ],
)
def test_a_named_policy_grants_its_purpose_on_its_resource(
    stack: str, purpose: str, does: str, on: str, recorded: Stacks
) -> None:
    policy = named(recorded(stack), POLICY, f"prd3292-{stack}-dmnd-pipeline-{purpose}")
    arn = on.format(account=ACCOUNTS[stack], stack=stack, bucket=bucket(stack))
    assert any(
        does in statement["Action"] and arn in statement["Resource"]
        for statement in policy.policy()
    )


@each_stack
def test_test_data_alone_can_be_deleted(stack: str, recorded: Stacks) -> None:
    policy = named(recorded(stack), POLICY, f"prd3292-{stack}-dmnd-pipeline-s3-delete-test")
    assert resources(policy) == {f"arn:aws:s3:::{bucket(stack)}/data-pipeline/test/*"}
    assert actions(policy) == {"s3:DeleteObject"}


@each_stack
def test_the_execution_roles_read_the_stream_write_the_bucket_and_log(
    stack: str, recorded: Stacks
) -> None:
    found = recorded(stack)
    naming = f"prd3292-{stack}-dmnd-pipeline"
    granted = {
        action
        for each in found.of("aws:iam/rolePolicy:RolePolicy")
        for action in actions(each)
        if each.name.startswith(("delivery-", "transform-", "avro-writer"))
    }
    assert {"s3:PutObject", "logs:PutLogEvents"} <= granted
    for record_type in ("demand", "sale", "event", "notification"):
        assert policies_of(found, f"{naming}-delivery-{record_type}") == {f"{naming}-kinesis-read"}


@each_stack
def test_the_log_producer_role_is_cloudwatch_logs_own(stack: str, recorded: Stacks) -> None:
    found = recorded(stack)
    naming = f"prd3292-{stack}-dmnd-pipeline"
    (trust,) = named(found, ROLE, f"{naming}-log-producer").policy("assumeRolePolicy")
    assert trust["Principal"] == {"Service": "logs.amazonaws.com"}
    assert policies_of(found, f"{naming}-log-producer") == {f"{naming}-logs-write"}


@each_stack
def test_the_ci_role_is_assumed_by_the_account_and_its_runner_and_has_its_policies(
    stack: str, recorded: Stacks
) -> None:
    found = recorded(stack)
    naming, account = f"prd3292-{stack}-dmnd-pipeline", f"arn:aws:iam::{ACCOUNTS[stack]}"
    (trust,) = named(found, ROLE, f"{naming}-ci").policy("assumeRolePolicy")
    assert trust["Principal"] == {"AWS": [f"{account}:root", f"{account}:role/GitRunner"]}
    assert policies_of(found, f"{naming}-ci") == {
        f"{naming}-dynamodb-rw",
        f"{naming}-athena-query-execution",
        f"{naming}-s3-write",
        f"{naming}-s3-delete-test",
        # The previous system had no smoke test.
        f"{naming}-smoke-test",
    }


# --- CloudWatch logging -----------------------------------------------------------------------


@each_stack
def test_every_log_group_is_forwarded_at_random_to_the_central_log_stream(
    stack: str, recorded: Stacks
) -> None:
    found = recorded(stack)
    groups = {each.physical_name for each in found.of("aws:cloudwatch/logGroup:LogGroup")}
    filters = found.of("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter")
    assert {each.inputs["logGroup"] for each in filters} == groups
    account = ACCOUNTS[stack]
    for each in filters:
        assert each.inputs["distribution"] == "Random"
        assert each.inputs["filterPattern"] == "", "all logs"
        assert each.inputs["destinationArn"] == (
            f"arn:aws:kinesis:us-east-1:{account}:stream/prd3292-{stack}-log-stream"
        )
        assert each.inputs["roleArn"] == (
            f"arn:aws:iam::{account}:role/prd3292-{stack}-dmnd-pipeline-log-producer"
        )


# --- Resource tagging, environment configuration ----------------------------------------------


@each_stack
@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("Environment", "{stack}"),
        ("ProductCode", "PRD3292"),
        ("InventoryCode", "dmnd-pipeline"),
        ("iacRepo", "https://git.tmaws.io/demand-capture/data-pipeline"),
    ],
)
def test_a_default_tag(stack: str, tag: str, value: str, recorded: Stacks) -> None:
    (provider,) = recorded(stack).of("pulumi:providers:aws")
    tags: dict[str, Any] = json.loads(provider.inputs["defaultTags"])["tags"]
    assert tags[tag] == value.format(stack=stack)


@each_stack
def test_an_environment_is_in_us_east_1_and_in_its_own_account(
    stack: str, recorded: Stacks
) -> None:
    (provider,) = recorded(stack).of("pulumi:providers:aws")
    assert provider.inputs["region"] == "us-east-1"
    assert json.loads(provider.inputs["allowedAccountIds"]) == [ACCOUNTS[stack]]
    assert ACCOUNTS["dev1"] == ACCOUNTS["qa1"] != ACCOUNTS["preprod1"] == ACCOUNTS["prod1"]


@each_stack
def test_the_data_types_are_the_references(stack: str) -> None:
    assert settings_of(stack, stack_config(stack)).demand_data_types == (
        "demand",
        "sale",
        "event",
        "notification",
    )
