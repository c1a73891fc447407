"""The real program of a stack becomes real resources of an endpoint, read back with boto3."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockResourceArgs

from catalog import glue_columns
from dmd.__main__ import main
from emulation.endpoint import Endpoint
from estate.program import run_program
from estate.provision import (
    Provisioned,
    ProvisionedResource,
    ProvisionError,
    UnsupportedResourceError,
    local_settings,
    provision,
)
from estate.provision.monitor import ProvisioningMonitor, ResourceMaker
from estate.provision.resource import Clients
from estate.referenced import make_referenced
from infra.naming import ENVIRONMENTS
from infra.policies import allow
from infra.policies import document as document_of
from infra.settings import SettingsError
from schemas import RECORD_TYPES, avro_schema
from tests.support.packages import write_packages

NAMING = "prd3292-dev1-dmnd-pipeline"
DATABASE = "prd3292_dev1_dmnd_pipeline"
BUCKET = "prd3292.dev1.us-east-1.demand-capture.tmaws"
TAGS = {
    "Environment": "dev1",
    "ProductCode": "PRD3292",
    "InventoryCode": "dmnd-pipeline",
    "iacRepo": "https://git.tmaws.io/demand-capture/data-pipeline",
}


def tags(listed: list[dict[str, str]]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in listed}


def test_what_the_pipeline_refers_to_is_made(dev1: Provisioned, endpoint: Endpoint) -> None:
    table = endpoint.client("dynamodb").describe_table(
        TableName="prd3292-dev1-us-east-1-demand-table"
    )["Table"]
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    kinesis = endpoint.client("kinesis")
    for name in ("prd3292-dev1-dmnd-table-stream", "prd3292-dev1-log-stream"):
        assert len(kinesis.list_shards(StreamName=name)["Shards"]) == 2
    endpoint.client("s3").head_bucket(Bucket=BUCKET)


def test_making_it_again_changes_nothing(
    dev1: Provisioned, endpoint: Endpoint, packages: Path
) -> None:
    make_referenced(endpoint, local_settings(endpoint, "dev1", packages=packages))
    assert len(endpoint.client("kinesis").list_streams()["StreamNames"]) >= 2


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_delivery_stream_reads_the_change_stream_and_transforms(
    dev1: Provisioned, endpoint: Endpoint, record_type: str
) -> None:
    firehose = endpoint.client("firehose")
    name = f"{NAMING}-{record_type}"
    found = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    (destination,) = found["Destinations"]
    settings = destination["ExtendedS3DestinationDescription"]
    assert found["DeliveryStreamType"] == "KinesisStreamAsSource"
    source = found["Source"]["KinesisStreamSourceDescription"]
    assert source["KinesisStreamARN"].endswith(":stream/prd3292-dev1-dmnd-table-stream")
    assert settings["BufferingHints"] == {"SizeInMBs": 64, "IntervalInSeconds": 300}
    assert settings["CompressionFormat"] == "GZIP"
    assert settings["Prefix"].startswith(f"data-pipeline/landing/{record_type}/lanes=2/")
    assert settings["ErrorOutputPrefix"].startswith(f"data-pipeline/errors/{record_type}/")
    assert settings["CloudWatchLoggingOptions"]["LogStreamName"] == "DestinationDelivery"
    (processor,) = settings["ProcessingConfiguration"]["Processors"]
    assert processor["Parameters"][0]["ParameterValue"].endswith(
        f":function:{NAMING}-transform-{record_type}"
    )
    listed = firehose.list_tags_for_delivery_stream(DeliveryStreamName=name)["Tags"]
    assert tags(listed) == TAGS


def test_functions_have_their_code_limits_role_and_environment(
    dev1: Provisioned, endpoint: Endpoint, packages: Path
) -> None:
    client = endpoint.client("lambda")
    writer = client.get_function(FunctionName=f"{NAMING}-avro-writer")
    found = writer["Configuration"]
    package = (packages / "avro_writer.zip").read_bytes()
    assert found["CodeSha256"] == base64.b64encode(hashlib.sha256(package).digest()).decode()
    assert (found["MemorySize"], found["Timeout"]) == (1769, 900)
    assert found["Runtime"] == "python3.13"
    assert found["Architectures"] == ["arm64"]
    assert found["Role"].endswith(f":role/{NAMING}-avro-writer")
    assert found["Environment"]["Variables"]["BUCKET"] == BUCKET
    assert found["Environment"]["Variables"]["LANES"] == "2"
    assert writer["Tags"] == TAGS
    transform = client.get_function_configuration(FunctionName=f"{NAMING}-transform-sale")
    assert transform["Environment"]["Variables"]["RECORD_TYPE"] == "sale"


def test_a_failed_run_of_the_writer_goes_to_the_dead_letters(
    dev1: Provisioned, endpoint: Endpoint
) -> None:
    config = endpoint.client("lambda").get_function_event_invoke_config(
        FunctionName=f"{NAMING}-avro-writer"
    )
    queue = config["DestinationConfig"]["OnFailure"]["Destination"]
    assert queue.endswith(f":{NAMING}-avro-writer-dead-letters")
    attributes = endpoint.client("sqs").get_queue_attributes(
        QueueUrl=dev1.outputs["dead_letter_queue"], AttributeNames=["All"]
    )["Attributes"]
    assert attributes["QueueArn"] == queue
    assert attributes["MessageRetentionPeriod"] == str(14 * 24 * 3600)


def test_schedules_run_the_writer_for_each_type_and_lane(
    dev1: Provisioned, endpoint: Endpoint
) -> None:
    scheduler = endpoint.client("scheduler")
    group = f"{NAMING}-avro-writer"
    inputs = []
    for name in dev1.outputs["schedules"]:
        schedule = scheduler.get_schedule(GroupName=group, Name=name)
        assert schedule["ScheduleExpression"] == "rate(5 minutes)"
        assert schedule["Target"]["Arn"].endswith(f":function:{NAMING}-avro-writer")
        assert schedule["Target"]["RoleArn"].endswith(f":role/{NAMING}-scheduler")
        inputs.append(schedule["Target"]["Input"])
    expected = {
        json.dumps({"type": name, "lane": lane}) for name in RECORD_TYPES for lane in (0, 1)
    }
    assert set(inputs) == expected
    assert len(inputs) == 8


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_tables_are_as_athena_wants_them(
    dev1: Provisioned, endpoint: Endpoint, record_type: str
) -> None:
    table = endpoint.client("glue").get_table(DatabaseName=DATABASE, Name=record_type)["Table"]
    storage = table["StorageDescriptor"]
    assert [column["Name"] for column in storage["Columns"]] == [
        column.name for column in glue_columns(record_type)
    ]
    assert storage["Location"] == f"s3://{BUCKET}/data-pipeline/avro/{record_type}/"
    assert storage["SerdeInfo"]["SerializationLibrary"] == (
        "org.apache.hadoop.hive.serde2.avro.AvroSerDe"
    )
    literal = storage["SerdeInfo"]["Parameters"]["avro.schema.literal"]
    assert json.loads(literal) == avro_schema(record_type)
    assert storage["NumberOfBuckets"] == 0
    assert table["Parameters"]["projection.enabled"] == "true"
    assert table["TableType"] == "EXTERNAL_TABLE"


def test_the_database_for_parquet_is_reserved(dev1: Provisioned, endpoint: Endpoint) -> None:
    glue = endpoint.client("glue")
    assert glue.get_database(Name=f"{DATABASE}_parquet")["Database"]["Description"]
    assert glue.get_tables(DatabaseName=f"{DATABASE}_parquet")["TableList"] == []


def test_the_workgroup_is_enforced(dev1: Provisioned, endpoint: Endpoint) -> None:
    found = endpoint.client("athena").get_work_group(WorkGroup=DATABASE)["WorkGroup"]
    configuration = found["Configuration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["ResultConfiguration"]["OutputLocation"] == (
        f"s3://{BUCKET}/data-pipeline/athena/results/"
    )


def test_roles_have_their_policies(dev1: Provisioned, endpoint: Endpoint) -> None:
    iam = endpoint.client("iam")
    role = f"{NAMING}-delivery-sale"
    (attached,) = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert attached["PolicyName"] == f"{NAMING}-kinesis-read"
    (inline,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=inline)["PolicyDocument"]
    function = next(each for each in document["Statement"] if each["Sid"] == "TransformRecords")
    account = endpoint.client("sts").get_caller_identity()["Account"]
    arn = f"arn:aws:lambda:us-east-1:{account}:function:{NAMING}-transform-sale"
    assert function["Resource"] == [arn, f"{arn}:*"]
    assert tags(iam.list_role_tags(RoleName=role)["Tags"]) == TAGS


def test_log_groups_have_retention_and_tags(dev1: Provisioned, endpoint: Endpoint) -> None:
    logs = endpoint.client("logs")
    name = f"/aws/lambda/{NAMING}-avro-writer"
    (group,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert group["retentionInDays"] == 14
    assert logs.list_tags_log_group(logGroupName=name)["tags"] == TAGS


def test_each_resource_is_reported_with_its_name_in_pulumi_and_at_the_endpoint(
    dev1: Provisioned,
) -> None:
    urns = Counter(each.urn for each in dev1.resources)
    assert set(urns.values()) == {1}
    (role,) = (
        each
        for each in dev1.resources
        if each.type == "aws:iam/role:Role" and each.name == "transform-sale"
    )
    assert role.urn == (
        "urn:pulumi:dev1::dmd-pipeline::dmd:delivery:DeliveryStream$dmd:lambda:Function"
        "$dmd:iam:Role$aws:iam/role:Role::transform-sale"
    )
    assert role.physical_id == f"{NAMING}-transform-sale"
    assert role.arn
    assert role.arn.endswith(f":role/{NAMING}-transform-sale")
    assert dev1.outputs["delivery_streams"]["sale"] == f"{NAMING}-sale"


@pytest.mark.parametrize("stack", [stack for stack in ENVIRONMENTS if stack.endswith("prod1")])
def test_stacks_of_production_can_be_provisioned(
    stack: str, endpoint: Endpoint, packages: Path
) -> None:
    make_referenced(endpoint, local_settings(endpoint, stack, packages=packages))
    provisioned = provision(endpoint, stack, packages=packages)
    assert provisioned.settings.environment == stack
    assert provisioned.outputs["writer_function"] == f"prd3292-{stack}-dmnd-pipeline-avro-writer"


def test_a_second_provisioning_brings_everything_to_the_new_inputs(
    endpoint: Endpoint, packages: Path, tmp_path: Path
) -> None:
    stack = "qa1"
    make_referenced(endpoint, local_settings(endpoint, stack, packages=packages))
    first = provision(endpoint, stack, packages=packages)
    write_packages(tmp_path, third_party=b"other code")
    made: list[ProvisionedResource] = []
    second = provision(
        endpoint,
        stack,
        packages=tmp_path,
        overrides={
            "delivery_buffer_interval_seconds": "60",
            "writer_schedule_minutes": "1",
            "writer_memory_mb": "2048",
            "first_partition_date": "2025-06-01",
            "athena_bytes_scanned_limit": "10485760",
            "log_retention_days": "1",
        },
        progress=made.append,
    )
    assert {each.urn for each in second.resources} == {each.urn for each in first.resources}
    assert len(made) == len(second.resources)
    naming = second.settings.naming
    assert delivery_of(endpoint, naming.delivery_stream("sale"))["BufferingHints"] == {
        "SizeInMBs": 64,
        "IntervalInSeconds": 60,
    }
    writer = endpoint.client("lambda").get_function_configuration(
        FunctionName=naming.writer_function
    )
    digest = hashlib.sha256((tmp_path / "avro_writer.zip").read_bytes()).digest()
    assert writer["CodeSha256"] == base64.b64encode(digest).decode()
    assert writer["MemorySize"] == 2048
    schedule = endpoint.client("scheduler").get_schedule(
        GroupName=naming.schedule_group, Name=naming.schedule("sale", 1)
    )
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    table = endpoint.client("glue").get_table(DatabaseName=naming.database, Name="sale")["Table"]
    assert table["Parameters"]["projection.partition_date.range"] == "2025-06-01,NOW+1DAYS"
    workgroup = endpoint.client("athena").get_work_group(WorkGroup=naming.database)["WorkGroup"]
    assert workgroup["Configuration"]["BytesScannedCutoffPerQuery"] == 10_485_760
    queries = [each for each in second.resources if "NamedQuery" in each.type]
    kept = endpoint.client("athena").list_named_queries(WorkGroup=naming.database)
    assert sorted(kept["NamedQueryIds"]) == sorted(each.physical_id for each in queries)


def delivery_of(endpoint: Endpoint, name: str) -> dict[str, Any]:
    found = endpoint.client("firehose").describe_delivery_stream(DeliveryStreamName=name)
    (destination,) = found["DeliveryStreamDescription"]["Destinations"]
    return dict(destination["ExtendedS3DestinationDescription"])


def test_a_policy_can_be_replaced_more_often_than_iam_keeps_versions(endpoint: Endpoint) -> None:
    registration = {"custom": True, "name": "p", "typ": "aws:iam/policy:Policy"}
    for turn in range(7):
        document = document_of([allow(f"Turn{turn}", ["sqs:SendMessage"], ["arn:aws:sqs:::q"])])
        arn, _ = make(endpoint, {"name": "often", "policy": json.dumps(document)}, **registration)
    iam = endpoint.client("iam")
    default = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    version = iam.get_policy_version(PolicyArn=arn, VersionId=default)["PolicyVersion"]
    assert version["Document"]["Statement"][0]["Sid"] == "Turn6"


# --- what cannot be made ----------------------------------------------------------------------


def make(endpoint: Endpoint, inputs: dict[str, Any], **registration: Any) -> tuple[str, Any]:
    return ResourceMaker(Clients(endpoint)).new_resource(
        MockResourceArgs(inputs=inputs, **registration)
    )


def test_a_type_without_a_creator_is_an_error_that_names_it(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text("import pulumi_aws as aws\naws.sns.Topic('alarms')\n")
    monitor = ProvisioningMonitor(ResourceMaker(Clients(endpoint)))
    with pytest.raises(UnsupportedResourceError, match="aws:sns/topic:Topic 'alarms' cannot be"):
        run_program("dev1", {}, monitor, program=program)
    assert monitor.provisioned == []


def test_a_lookup_without_an_answer_is_an_error_that_names_it(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text("import pulumi_aws as aws\naws.sqs.get_queue(name='q')\n")
    monitor = ProvisioningMonitor(ResourceMaker(Clients(endpoint)))
    with pytest.raises(UnsupportedResourceError, match="aws:sqs/getQueue:getQueue"):
        run_program("dev1", {}, monitor, program=program)


def test_an_input_that_the_endpoint_would_not_get_is_an_error(endpoint: Endpoint) -> None:
    with pytest.raises(UnsupportedResourceError, match="'q' has the input 'fifoQueue'"):
        make(
            endpoint,
            {"name": "q", "fifoQueue": True},
            custom=True,
            name="q",
            typ="aws:sqs/queue:Queue",
        )


def test_a_nested_input_that_the_endpoint_would_not_get_is_an_error(endpoint: Endpoint) -> None:
    with pytest.raises(UnsupportedResourceError, match=r"target has the input 'kinesisParameters'"):
        make(
            endpoint,
            {"name": "s", "target": {"kinesisParameters": {}}},
            custom=True,
            name="s",
            typ="aws:scheduler/schedule:Schedule",
        )


def test_what_aws_would_not_accept_is_refused_with_what_the_endpoint_says(
    endpoint: Endpoint,
) -> None:
    with pytest.raises(
        ProvisionError,
        match=f"'p' cannot be created at {endpoint.url}: An error occurred .NoSuchEntity. when "
        "calling the PutRolePolicy operation",
    ):
        make(
            endpoint,
            {"role": "nobody", "name": "p", "policy": "{}"},
            custom=True,
            name="p",
            typ="aws:iam/rolePolicy:RolePolicy",
        )


def test_something_looked_up_that_is_missing_is_named(endpoint: Endpoint, packages: Path) -> None:
    with pytest.raises(ProvisionError, match="the endpoint has no bucket no-such-bucket"):
        provision(endpoint, "dev1", packages=packages, overrides={"bucket_name": "no-such-bucket"})


def test_wrong_settings_are_refused_before_anything_is_made(
    endpoint: Endpoint, packages: Path
) -> None:
    with pytest.raises(SettingsError, match="log_level"):
        provision(endpoint, "dev1", packages=packages, overrides={"log_level": "LOUD"})


def test_aws_is_never_provisioned(packages: Path) -> None:
    with pytest.raises(ProvisionError, match="pulumi up"):
        provision(Endpoint("https://sts.amazonaws.com"), "dev1", packages=packages)


def test_missing_packages_are_named(endpoint: Endpoint, dev1: Provisioned, tmp_path: Path) -> None:
    with pytest.raises(pulumi.RunError, match=r"has no transform\.zip and no avro_writer\.zip"):
        provision(endpoint, "dev1", packages=tmp_path)


# --- the command ------------------------------------------------------------------------------


def command(*arguments: str) -> int:
    return main(["provision", *arguments])


def test_the_command_provisions_and_reports(
    dev1: Provisioned, endpoint: Endpoint, packages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = command("--endpoint-url", endpoint.url, "--packages", str(packages), "--json")
    assert status == 0
    report = json.loads(capsys.readouterr().out)
    assert report["stack"] == "dev1"
    assert len(report["resources"]) == len(dev1.resources)
    assert report["outputs"]["database"] == DATABASE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--endpoint-url", "https://s3.amazonaws.com"], "pulumi up"),
        (["--endpoint-url", "http://127.0.0.1:1", "--stack", "dev9"], "there is no stack 'dev9'"),
    ],
)
def test_the_command_says_what_is_wrong(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*arguments) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
