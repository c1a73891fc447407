"""The program's resources, for all four stacks."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from avro_writer.settings import Settings as WriterSettings
from catalog import glue_columns
from infra.deliveries import ALL_TYPES, deliveries_of
from infra.lookups import WrongAccountError
from infra.naming import ENVIRONMENTS
from infra.packages import PackageMissingError
from infra.stack_config import settings_of, stack_config
from infra.tables import UnusableSchemaError
from schemas import RECORD_TYPES, SchemaError, Table, avro_schema, table
from tests.infra.recorded import ACCOUNTS, VARIANTS, Recorded, Recording, record, shared
from tests.support.packages import write_packages
from transform.settings import Settings as TransformSettings

Stacks = Callable[[str], Recording]

FUNCTION = "aws:lambda/function:Function"
STREAM = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
SCHEDULE = "aws:scheduler/schedule:Schedule"
TABLE = "aws:glue/catalogTable:CatalogTable"
DATABASE = "aws:glue/catalogDatabase:CatalogDatabase"
MACHINE = "aws:sfn/stateMachine:StateMachine"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"

OWNED = {
    FUNCTION: 5,
    STREAM: 4,
    SCHEDULE: 16,
    TABLE: 12,
    DATABASE: 2,
    LOG_GROUP: 10,
    ROLE: 14,
    ROLE_POLICY: 12,
    MACHINE: 4,
    "aws:athena/namedQuery:NamedQuery": 19,
    "aws:athena/workgroup:Workgroup": 2,
    "aws:cloudwatch/dashboard:Dashboard": 1,
    "aws:cloudwatch/logStream:LogStream": 4,
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": 10,
    "aws:cloudwatch/metricAlarm:MetricAlarm": 42,
    "aws:cloudwatch/queryDefinition:QueryDefinition": 4,
    "aws:iam/policy:Policy": 8,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": 10,
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": 1,
    "aws:scheduler/scheduleGroup:ScheduleGroup": 1,
    "aws:sqs/queue:Queue": 1,
}


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_a_stack_owns_what_the_pipeline_is_made_of_and_nothing_of_others(
    stack: str, recorded: Stacks
) -> None:
    owned = recorded(stack).owned
    assert {token: sum(each.type == token for each in owned) for token in OWNED} == OWNED
    assert len(owned) == sum(OWNED.values())


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_every_name_begins_with_the_stacks_prefix(stack: str, recorded: Stacks) -> None:
    prefix = f"prd3292-{stack}-dmnd-pipeline"
    unnamed = {
        ROLE_POLICY,
        TABLE,
        "aws:athena/namedQuery:NamedQuery",
        "aws:cloudwatch/logStream:LogStream",
        "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter",
    }
    for each in recorded(stack).owned:
        if "name" in each.inputs and each.type not in unnamed:
            name = each.physical_name.rpartition("/")[2].replace("_", "-")
            assert name.startswith(prefix), each


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_one_provider_tags_everything_and_knows_the_account(stack: str, recorded: Stacks) -> None:
    (provider,) = recorded(stack).of("pulumi:providers:aws")
    assert provider.inputs["region"] == "us-east-1"
    assert json.loads(provider.inputs["allowedAccountIds"]) == [ACCOUNTS[stack]]
    assert json.loads(provider.inputs["defaultTags"]) == {
        "tags": {
            "Environment": stack,
            "ProductCode": "PRD3292",
            "InventoryCode": "dmnd-pipeline",
            "iacRepo": "https://git.tmaws.io/demand-capture/data-pipeline",
        }
    }
    for each in recorded(stack).owned:
        assert each.provider.endswith("pulumi:providers:aws::aws::aws"), each
        assert "tags" not in each.inputs, "tags come from the provider alone"


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_delivery_streams_and_databases_are_protected_in_production_alone(
    stack: str, recorded: Stacks
) -> None:
    protected = {each.type for each in recorded(stack).resources if each.protect}
    assert protected == ({STREAM, DATABASE} if stack == "prod1" else set())


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_a_preview_knows_nothing_that_aws_computes_and_still_registers_everything(
    stack: str, recorded: Stacks, packages: Path
) -> None:
    preview = shared(stack, packages, preview=True)
    names = sorted((each.type, each.name) for each in preview.resources)
    assert names == sorted((each.type, each.name) for each in recorded(stack).resources)


def test_the_wrong_account_is_refused_before_anything_is_made(packages: Path) -> None:
    recording = Recording("999999999999")
    with pytest.raises(WrongAccountError, match="dev1 belongs to account 111122223333, but"):
        record("dev1", packages, into=recording)
    assert recording.owned == []


def test_missing_packages_are_named_before_anything_is_registered(tmp_path: Path) -> None:
    (tmp_path / "transform.zip").touch()
    recording = Recording(ACCOUNTS["dev1"])
    with pytest.raises(PackageMissingError, match=r"has no avro_writer\.zip: run `make package`"):
        record("dev1", tmp_path, into=recording)
    assert recording.resources == []


def test_a_schema_that_cannot_be_used_is_named_before_anything_is_registered(
    packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(record_type: str) -> Table:
        if record_type in ("sale", "event"):
            problem = "its decimal has no precision"
            raise SchemaError(f"schemas/{record_type}.json", "amount", problem, "Give it one")
        return table(record_type)

    monkeypatch.setattr("infra.tables.table", broken)
    recording = Recording(ACCOUNTS["dev1"])
    with pytest.raises(UnusableSchemaError) as caught:
        record("dev1", packages, into=recording)
    message = str(caught.value)
    assert "2 of the schemas" in message
    for name in ("sale", "event"):
        assert f"schemas/{name}.json, field amount: its decimal has no precision." in message
    assert recording.resources == []


# --- delivery ---------------------------------------------------------------------------------


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_delivery_stream_lands_its_type_below_its_own_prefixes(
    dev1: Recording, record_type: str
) -> None:
    inputs = dev1.one(STREAM, record_type).inputs
    destination = inputs["extendedS3Configuration"]
    assert inputs["kinesisSourceConfiguration"]["kinesisStreamArn"] == (
        "arn:aws:kinesis:us-east-1:111122223333:stream/prd3292-dev1-dmnd-table-stream"
    )
    assert destination["prefix"] == (
        f"data-pipeline/landing/{record_type}/lanes=2/!{{timestamp:yyyy/MM/dd/HH}}/"
    )
    assert destination["errorOutputPrefix"] == (
        f"data-pipeline/errors/{record_type}/"
        "!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"
    )
    assert destination["compressionFormat"] == "GZIP"
    assert destination["cloudwatchLoggingOptions"] == {
        "enabled": True,
        "logGroupName": f"/aws/kinesisfirehose/prd3292-dev1-dmnd-pipeline-{record_type}",
        "logStreamName": "DestinationDelivery",
    }
    assert "serverSideEncryption" not in inputs, "refused with a Kinesis source"


def test_the_shared_delivery_stream_lands_each_type_below_its_own_prefix(recorded: Stacks) -> None:
    recording = recorded("dev1-shared")
    (stream,) = recording.of(STREAM)
    assert stream.physical_name == "prd3292-dev1-dmnd-pipeline-all-types"
    destination = stream.inputs["extendedS3Configuration"]
    assert destination["dynamicPartitioningConfiguration"] == {"enabled": True}
    assert destination["prefix"] == (
        "data-pipeline/landing/!{partitionKeyFromLambda:record_type}/lanes=2/"
        "!{timestamp:yyyy/MM/dd/HH}/"
    )
    assert destination["errorOutputPrefix"] == (
        "data-pipeline/errors/all-types/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}/"
    )
    assert destination["compressionFormat"] == "GZIP"
    assert destination["bufferingSize"] == 64
    (told,) = destination["processingConfiguration"]["processors"][0]["parameters"]
    assert told["parameterValue"].endswith("-transform-all-types")


@pytest.mark.parametrize("name", ["dev1-switching", "dev1-shared"])
def test_only_the_shared_delivery_stream_has_dynamic_partitioning(
    name: str, recorded: Stacks
) -> None:
    for each in recorded(name).of(STREAM):
        destination = each.inputs["extendedS3Configuration"]
        dynamic = "dynamicPartitioningConfiguration" in destination
        assert dynamic == (each.name == ALL_TYPES) == ("partitionKey" in destination["prefix"])


@pytest.mark.parametrize("border", ["", "2026-12-01T12:00Z"])
def test_a_change_of_kind_touches_no_table_schedule_or_delivery_stream_that_stays(
    border: str, dev1: Recording, packages: Path
) -> None:
    changed = record("dev1", packages, delivery="shared", delivery_border=border)
    before = {each.urn: each for each in dev1.owned}
    after = {each.urn: each for each in changed.owned}
    for urn in before.keys() & after.keys():
        if before[urn].inputs != after[urn].inputs:
            assert before[urn].type in {
                FUNCTION,
                "aws:cloudwatch/dashboard:Dashboard",
                "aws:cloudwatch/metricAlarm:MetricAlarm",
                "aws:cloudwatch/queryDefinition:QueryDefinition",
                "aws:iam/policy:Policy",
            }
            assert before[urn].inputs.get("name") == after[urn].inputs.get("name")
    gone = {before[urn].type for urn in before.keys() - after.keys()}
    assert not gone & {TABLE, DATABASE, SCHEDULE, MACHINE}
    if border:
        assert not gone


def after_it(recording: Recording, names: set[str]) -> set[str]:
    """Return the transforms that are deployed after all of the delivery streams of these names."""
    streams = {each.urn for each in recording.of(STREAM) if each.name in names}
    return {
        each.name.removeprefix("transform-")
        for each in recording.of(FUNCTION)
        if streams <= set(each.options.depends_on)
    }


def test_the_former_transforms_learn_their_border_when_the_others_read(packages: Path) -> None:
    border = "2026-12-01T12:00Z"
    for delivery, begin, end in (
        ("shared", {ALL_TYPES}, set(RECORD_TYPES)),
        ("per_type", set(RECORD_TYPES), {ALL_TYPES}),
    ):
        recording = record("dev1", packages, delivery=delivery, delivery_border=border)
        assert after_it(recording, begin) == end
        for name in begin | end:
            limits = {
                key: value
                for key, value in environment_of(recording, f"transform-{name}").items()
                if key.startswith("ARRIVED")
            }
            key = "ARRIVED_SINCE" if name in begin else "ARRIVED_BEFORE"
            assert limits == {key: "2026-12-01T12:00:00Z"}


def test_a_record_type_comes_to_a_shared_delivery_stream_and_goes_in_place(
    recorded: Stacks, packages: Path
) -> None:
    all_of_them = recorded("dev1-shared")
    fewer = record(
        "dev1", packages, delivery="shared", demand_data_types='["demand","event","notification"]'
    )
    before = {each.urn: each for each in fewer.owned}
    after = {each.urn: each for each in all_of_them.owned}
    assert before.keys() <= after.keys()
    for urn in after.keys() - before.keys():
        assert "sale" in after[urn].name, urn
    (old,), (new,) = fewer.of(STREAM), all_of_them.of(STREAM)
    assert old.inputs == new.inputs
    for urn in before:
        # Of these, the provider replaces named queries alone, and they have no data.
        assert before[urn].inputs == after[urn].inputs or before[urn].type in {
            FUNCTION,
            ROLE_POLICY,
            "aws:athena/namedQuery:NamedQuery",
            "aws:cloudwatch/dashboard:Dashboard",
            "aws:cloudwatch/metricAlarm:MetricAlarm",
            "aws:iam/policy:Policy",
        }
    old_told, new_told = (
        environment_of(each, "transform-all-types") for each in (fewer, all_of_them)
    )
    assert {key for key in new_told if old_told.get(key) != new_told[key]} == {"RECORD_TYPES"}


def test_a_shared_delivery_stream_is_protected_in_production_too(packages: Path) -> None:
    (stream,) = record("prod1", packages, delivery="shared").of(STREAM)
    assert stream.protect


def parameters_of(recording: Recording) -> dict[str, str]:
    processing = recording.one(STREAM, "sale").inputs["extendedS3Configuration"]
    (processor,) = processing["processingConfiguration"]["processors"]
    return {each["parameterName"]: each["parameterValue"] for each in processor["parameters"]}


def test_transform_parameters_at_firehoses_defaults_are_left_out(
    dev1: Recording, packages: Path
) -> None:
    arn = "arn:aws:lambda:us-east-1:111122223333:function:prd3292-dev1-dmnd-pipeline-transform-sale"
    assert parameters_of(dev1) == {"LambdaArn": arn}
    other = record(
        "dev1",
        packages,
        transform_buffer_size_mb="0.5",
        transform_buffer_interval_seconds="0",
        demand_data_types='["sale"]',
    )
    assert parameters_of(other) == {
        "LambdaArn": arn,
        "BufferSizeInMBs": "0.5",
        "BufferIntervalInSeconds": "0",
    }


def test_what_replaces_a_delivery_stream_does_not_change_with_its_settings(
    dev1: Recording, packages: Path
) -> None:
    other = record(
        "dev1",
        packages,
        delivery_buffer_size_mb="1",
        transform_memory_mb="512",
        delivery_parallelization_factor="3",
        log_retention_days="1",
    )
    for record_type in RECORD_TYPES:
        before, after = dev1.one(STREAM, record_type), other.one(STREAM, record_type)
        assert before.inputs != after.inputs
        for key in ("name", "destination", "kinesisSourceConfiguration"):
            assert before.inputs[key] == after.inputs[key]
        assert not after.replace_on_changes


def test_new_code_or_a_new_schema_leaves_a_delivery_stream_as_it_is(
    dev1: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_packages(tmp_path, third_party=b"other code")
    schema = {**avro_schema("sale"), "doc": "Another"}
    monkeypatch.setattr(
        "infra.catalog.table",
        lambda record_type: dataclasses.replace(table(record_type), avro=schema),
    )
    other = record("dev1", tmp_path)
    assert (
        other.one(FUNCTION, "transform-sale").inputs != dev1.one(FUNCTION, "transform-sale").inputs
    )
    assert other.one(TABLE, "sale").inputs != dev1.one(TABLE, "sale").inputs
    for record_type in RECORD_TYPES:
        assert other.one(STREAM, record_type) == dev1.one(STREAM, record_type)


# --- functions --------------------------------------------------------------------------------


def environment_of(recording: Recording, name: str) -> dict[str, str]:
    return dict(recording.one(FUNCTION, name).inputs["environment"]["variables"])


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_transform_function_is_told_its_type(dev1: Recording, record_type: str) -> None:
    assert environment_of(dev1, f"transform-{record_type}") == {
        "RECORD_TYPE": record_type,
        "TYPE_ATTRIBUTE": "type",
        "ENVIRONMENT": "dev1",
        "LOG_LEVEL": "INFO",
        "METRICS_NAMESPACE": "dmd-pipeline",
        # One of them counts what nobody takes.
        **({"CLAIMED_TYPES": "demand,sale,event,notification"} if record_type == "demand" else {}),
    }


def test_a_shared_transform_function_is_told_all_types(recorded: Stacks) -> None:
    assert environment_of(recorded("dev1-shared"), "transform-all-types") == {
        "RECORD_TYPES": "demand,sale,event,notification",
        "DELIVERY": "all-types",
        "PARTITION_KEY": "record_type",
        "TYPE_ATTRIBUTE": "type",
        "ENVIRONMENT": "dev1",
        "LOG_LEVEL": "INFO",
        "METRICS_NAMESPACE": "dmd-pipeline",
    }


def test_the_writer_is_told_its_plan_settings(dev1: Recording) -> None:
    assert environment_of(dev1, "avro-writer") == {
        "BUCKET": "prd3292.dev1.us-east-1.demand-capture.tmaws",
        "DATA_PREFIX": "data-pipeline",
        "LANES": "2",
        "MAX_PLAN_OBJECTS": "1000",
        "MAX_PLAN_BYTES": "67108864",
        "MIN_PLAN_BYTES": "16777216",
        "MAX_WAIT_SECONDS": "3600",
        "SETTLE_SECONDS": "300",
        "FIRST_PARTITION_DATE": "2026-11-01",
        "ENVIRONMENT": "dev1",
        "LOG_LEVEL": "INFO",
        "METRICS_NAMESPACE": "dmd-pipeline",
    }


@pytest.mark.parametrize("name", ["dev1", "dev1-switching", "dev1-shared"])
def test_functions_accept_what_they_are_told(name: str, recorded: Stacks) -> None:
    recording = recorded(name)
    writer = WriterSettings.from_environment(environment_of(recording, "avro-writer"))
    assert writer.lanes == 2
    for each in deliveries_of(settings_of("dev1", stack_config("dev1", VARIANTS.get(name)))):
        told = TransformSettings.from_environment(
            environment_of(recording, f"transform-{each.name}")
        )
        assert (told.delivery, told.record_types) == (each.name, each.record_types)
        assert told.shared == each.shared
        border = 1_796_126_400_000  # 2026-12-01T12:00Z
        assert [border - 1 in told.arrivals, border in told.arrivals] == [
            each.since is None,
            each.before is None,
        ]


def test_functions_run_on_arm64_with_the_limits_of_the_settings(dev1: Recording) -> None:
    for each in dev1.of(FUNCTION):
        writer = each.name == "avro-writer"
        assert each.inputs["architectures"] == ["arm64"]
        assert each.inputs["runtime"] == "python3.13"
        assert each.inputs["memorySize"] == (1769 if writer else 256)
        assert each.inputs["timeout"] == (900 if writer else 120)
        package = "avro_writer" if writer else "transform"
        assert each.inputs["handler"] == f"{package}.handler.handler"


def test_functions_are_updated_when_their_package_changes(dev1: Recording, packages: Path) -> None:
    for each in dev1.of(FUNCTION):
        package = packages / f"{'avro_writer' if each.name == 'avro-writer' else 'transform'}.zip"
        digest = hashlib.sha256(package.read_bytes()).digest()
        assert each.inputs["code"]["path"] == str(package)
        assert each.inputs["sourceCodeHash"] == base64.b64encode(digest).decode()


def test_each_function_finds_its_log_group_made_with_retention(dev1: Recording) -> None:
    groups = {each.physical_name: each.inputs["retentionInDays"] for each in dev1.of(LOG_GROUP)}
    for each in dev1.of(FUNCTION):
        assert groups[f"/aws/lambda/{each.physical_name}"] == 14
    order = [(each.type, each.name) for each in dev1.resources]
    for each in dev1.of(FUNCTION):
        assert order.index((LOG_GROUP, each.name)) < order.index((FUNCTION, each.name))


# --- writer -----------------------------------------------------------------------------------


def schedules(recording: Recording, of: str) -> list[Recorded]:
    """Return the schedules whose target is of a service, as ARNs name it."""
    return [each for each in recording.of(SCHEDULE) if f":{of}:" in each.inputs["target"]["arn"]]


def test_there_is_a_schedule_for_each_type_and_lane(dev1: Recording) -> None:
    targets = [json.loads(each.inputs["target"]["input"]) for each in schedules(dev1, "lambda")]
    expected = [{"type": name, "lane": lane} for name in RECORD_TYPES for lane in (0, 1)]
    assert sorted(targets, key=str) == sorted(expected, key=str)


def test_a_run_that_does_not_happen_becomes_a_dead_letter(dev1: Recording) -> None:
    queue = "arn:aws:sqs:us-east-1:111122223333:prd3292-dev1-dmnd-pipeline-avro-writer-dead-letters"
    for each in dev1.of(SCHEDULE):
        assert each.inputs["target"]["deadLetterConfig"] == {"arn": queue}
    for each in schedules(dev1, "lambda"):
        target = each.inputs["target"]
        assert target["retryPolicy"] == {
            "maximumRetryAttempts": 3,
            "maximumEventAgeInSeconds": 300,
        }
        assert each.inputs["scheduleExpression"] == "rate(5 minutes)"
    (invoke,) = dev1.of("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
    assert invoke.inputs["destinationConfig"] == {"onFailure": {"destination": queue}}


@pytest.mark.parametrize(
    ("minutes", "expression", "age"),
    [("1", "rate(1 minute)", 60), ("1440", "rate(1440 minutes)", 21_600)],
)
def test_schedules_are_spelled_and_bounded_as_aws_wants(
    packages: Path, minutes: str, expression: str, age: int
) -> None:
    recording = record("dev1", packages, writer_schedule_minutes=minutes)
    schedule = schedules(recording, "lambda")[0].inputs
    assert schedule["scheduleExpression"] == expression
    assert schedule["target"]["retryPolicy"]["maximumEventAgeInSeconds"] == age


# --- catalog and Athena -----------------------------------------------------------------------


def test_databases_are_named_as_the_reference_names_them(dev1: Recording) -> None:
    assert {each.physical_name for each in dev1.of(DATABASE)} == {
        "prd3292_dev1_dmnd_pipeline",
        "prd3292_dev1_dmnd_pipeline_parquet",
    }


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_tables_columns_and_literal_are_its_schemas(dev1: Recording, record_type: str) -> None:
    inputs = dev1.one(TABLE, record_type).inputs
    storage = inputs["storageDescriptor"]
    assert inputs["name"] == record_type
    assert storage["columns"] == [
        {"name": column.name, "type": column.type, "comment": column.comment}
        for column in glue_columns(record_type)
    ]
    literal = storage["serDeInfo"]["parameters"]["avro.schema.literal"]
    assert json.loads(literal) == avro_schema(record_type)
    assert len(literal) <= 512_000
    assert all(len(column["comment"]) <= 255 for column in storage["columns"])


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_tables_partitions_are_projected(dev1: Recording, record_type: str) -> None:
    inputs = dev1.one(TABLE, record_type).inputs
    location = f"s3://prd3292.dev1.us-east-1.demand-capture.tmaws/data-pipeline/avro/{record_type}/"
    assert inputs["storageDescriptor"]["location"] == location
    assert inputs["storageDescriptor"]["numberOfBuckets"] == 0
    assert [(key["name"], key["type"]) for key in inputs["partitionKeys"]] == [
        ("partition_date", "string")
    ]
    assert inputs["tableType"] == "EXTERNAL_TABLE"
    assert inputs["parameters"] == {
        "EXTERNAL": "TRUE",
        "classification": "avro",
        "projection.enabled": "true",
        "projection.partition_date.type": "date",
        "projection.partition_date.format": "yyyy-MM-dd",
        "projection.partition_date.range": "2026-11-01,NOW+1DAYS",
        "projection.partition_date.interval": "1",
        "projection.partition_date.interval.unit": "DAYS",
        "storage.location.template": location + "partition_date=${partition_date}/",
    }


def test_a_new_schema_replaces_the_table_after_deleting_the_old_one(dev1: Recording) -> None:
    for record_type in RECORD_TYPES:
        each = dev1.one(TABLE, record_type)
        assert each.delete_before_replace
        for path in each.replace_on_changes:
            value: Any = each.inputs
            for step in path.split("."):
                value = value[step]  # a misspelt path would replace nothing
        assert each.replace_on_changes == (
            "storageDescriptor.columns",
            "storageDescriptor.serDeInfo",
        )


def test_the_workgroup_is_enforced_and_limited(recorded: Stacks) -> None:
    workgroup = recorded("prod1").one("aws:athena/workgroup:Workgroup", "workgroup")
    assert workgroup.physical_name == "prd3292_prod1_dmnd_pipeline"
    assert workgroup.inputs["configuration"] == {
        "enforceWorkgroupConfiguration": True,
        "publishCloudwatchMetricsEnabled": True,
        "bytesScannedCutoffPerQuery": 1_099_511_627_776,
        "engineVersion": {"selectedEngineVersion": "Athena engine version 3"},
        "resultConfiguration": {
            "outputLocation": "s3://prd3292.prod1.us-east-1.demand-capture.tmaws/"
            "data-pipeline/athena/results/"
        },
    }
