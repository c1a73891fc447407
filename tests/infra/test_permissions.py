"""No role has more permissions than it uses, and the writer's role enforces its protocol.

See docs/design.md#permissions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from schemas import RECORD_TYPES
from tests.infra.recorded import RECORDED, Recording

STREAM = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
FUNCTION = "aws:lambda/function:Function"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
POLICY = "aws:iam/policy:Policy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"

BUCKET = "arn:aws:s3:::prd3292.dev1.us-east-1.demand-capture.tmaws"
TYPES = ("demand", "sale", "event", "notification")
NAMING = "prd3292-dev1-dmnd-pipeline"
DEV1 = "us-east-1:111122223333"


def grants(recording: Recording, role: str) -> dict[str, dict[str, Any]]:
    return {each["Sid"]: each for each in recording.one(ROLE_POLICY, role).policy()}


def all_statements(recording: Recording) -> list[dict[str, Any]]:
    documents = [*recording.of(ROLE_POLICY), *recording.of(POLICY)]
    return [statement for each in documents for statement in each.policy()]


@pytest.mark.parametrize("stack", RECORDED)
def test_no_statement_allows_everything_of_anything(
    stack: str, recorded: Callable[[str], Recording]
) -> None:
    for statement in all_statements(recorded(stack)):
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in statement["Action"])
        # Actions that AWS lets nobody limit to a resource.
        if statement["Sid"] not in ("SeeMetricsAndSchedules", "DeliverLogs"):
            assert "*" not in statement["Resource"]


@pytest.mark.parametrize("stack", RECORDED)
def test_objects_are_granted_only_below_the_pipelines_prefix(
    stack: str, recorded: Callable[[str], Recording]
) -> None:
    objects = [
        resource
        for statement in all_statements(recorded(stack))
        for resource in statement["Resource"]
        if resource.startswith("arn:aws:s3:::") and "/" in resource
    ]
    assert objects
    assert all(re.fullmatch(r"arn:aws:s3:::[^/]+/data-pipeline/.+/\*", each) for each in objects)


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_delivery_role_lands_and_transforms_its_own_type_alone(
    dev1: Recording, record_type: str
) -> None:
    found = grants(dev1, f"delivery-{record_type}")
    function = f"arn:aws:lambda:{DEV1}:function:{NAMING}-transform-{record_type}"
    assert found["LandObjects"]["Resource"] == [
        f"{BUCKET}/data-pipeline/landing/{record_type}/*",
        f"{BUCKET}/data-pipeline/errors/{record_type}/*",
    ]
    assert found["FindBucket"]["Resource"] == [BUCKET]
    assert found["TransformRecords"]["Resource"] == [function, f"{function}:*"]
    assert found["LogErrors"]["Resource"] == [
        f"arn:aws:logs:{DEV1}:log-group:/aws/kinesisfirehose/{NAMING}-{record_type}"
        ":log-stream:DestinationDelivery"
    ]
    assert found.keys() == {"FindBucket", "LandObjects", "TransformRecords", "LogErrors"}


def test_the_shared_delivery_role_lands_every_type_and_its_own_errors_alone(
    recorded: Callable[[str], Recording],
) -> None:
    found = grants(recorded("dev1-shared"), "delivery-all-types")
    function = f"arn:aws:lambda:{DEV1}:function:{NAMING}-transform-all-types"
    assert found["LandObjects"]["Resource"] == [
        *(f"{BUCKET}/data-pipeline/landing/{each}/*" for each in TYPES),
        f"{BUCKET}/data-pipeline/errors/all-types/*",
    ]
    assert found["TransformRecords"]["Resource"] == [function, f"{function}:*"]
    assert found["LogErrors"]["Resource"] == [
        f"arn:aws:logs:{DEV1}:log-group:/aws/kinesisfirehose/{NAMING}-all-types"
        ":log-stream:DestinationDelivery"
    ]
    assert found.keys() == {"FindBucket", "LandObjects", "TransformRecords", "LogErrors"}


@pytest.mark.parametrize(
    ("name", "policy"),
    [(n, p) for n in ("dev1-switching", "dev1-shared") for p in ("operate", "smoke-test")],
)
def test_people_and_ci_see_the_delivery_streams_that_there_are(
    name: str, policy: str, recorded: Callable[[str], Recording]
) -> None:
    recording = recorded(name)
    statements = {each["Sid"]: each for each in recording.one(POLICY, policy).policy()}
    streams = {each.physical_name for each in recording.of(STREAM)}
    assert {
        each.rpartition("/")[2] for each in statements["SeeDeliveryStreams"]["Resource"]
    } == streams
    if policy == "operate":
        functions = {each.physical_name for each in recording.of(FUNCTION)}
        seen = {each.rpartition(":")[2] for each in statements["SeeFunctions"]["Resource"]}
        assert seen == functions


def test_reading_the_stream_is_one_policy_that_delivery_roles_have(dev1: Recording) -> None:
    policy = dev1.one(POLICY, "kinesis-read")
    assert policy.physical_name == f"{NAMING}-kinesis-read"
    (statement,) = policy.policy()
    assert statement["Resource"] == [
        f"arn:aws:kinesis:{DEV1}:stream/prd3292-dev1-dmnd-table-stream"
    ]
    attached = {(each.inputs["role"], each.inputs["policyArn"]) for each in dev1.of(ATTACHMENT)}
    arn = f"arn:aws:iam::111122223333:policy/{NAMING}-kinesis-read"
    assert {role for role, policy in attached if policy == arn} == {
        f"{NAMING}-delivery-{name}" for name in RECORD_TYPES
    }


@pytest.mark.parametrize("record_type", RECORD_TYPES)
def test_a_transform_role_can_write_its_logs_and_nothing_else(
    dev1: Recording, record_type: str
) -> None:
    found = grants(dev1, f"transform-{record_type}")
    assert found.keys() == {"WriteLogs"}
    assert found["WriteLogs"]["Resource"] == [
        f"arn:aws:logs:{DEV1}:log-group:/aws/lambda/{NAMING}-transform-{record_type}:*"
    ]


def by_action(recording: Recording, action: str) -> list[tuple[list[str], Any]]:
    return [
        (each["Resource"], each.get("Condition"))
        for each in grants(recording, "avro-writer").values()
        if action in each["Action"]
    ]


def test_the_writer_puts_files_and_plans_only_with_a_precondition(dev1: Recording) -> None:
    plans = [f"{BUCKET}/data-pipeline/compaction/*"]
    outputs = [
        f"{BUCKET}/data-pipeline/{area}/*" for area in ("avro", "current/*/late", "quarantine")
    ]
    create_only = {"Null": {"s3:if-none-match": "false"}}
    only_this = {"Null": {"s3:if-match": "false"}}
    assert by_action(dev1, "s3:PutObject") == [
        (outputs, create_only),
        (plans, create_only),
        (plans, only_this),
    ]


def test_the_writer_deletes_only_what_it_has_read(dev1: Recording) -> None:
    assert by_action(dev1, "s3:DeleteObject") == [
        (
            [f"{BUCKET}/data-pipeline/landing/*", f"{BUCKET}/data-pipeline/compaction/*"],
            {"Null": {"s3:if-match": "false"}},
        )
    ]


def test_the_writer_sees_only_landed_objects_and_plans(dev1: Recording) -> None:
    prefixes = ["data-pipeline/landing/*", "data-pipeline/compaction/*"]
    assert by_action(dev1, "s3:ListBucket") == [([BUCKET], {"StringLike": {"s3:prefix": prefixes}})]
    assert by_action(dev1, "s3:GetObject") == [
        ([f"{BUCKET}/{prefix}" for prefix in prefixes], None)
    ]


def test_the_scheduler_runs_the_writer_and_files_dead_letters(dev1: Recording) -> None:
    found = grants(dev1, "scheduler")
    assert {sid: (each["Action"], each["Resource"]) for sid, each in found.items()} == {
        "InvokeFunction": (
            ["lambda:InvokeFunction"],
            [f"arn:aws:lambda:{DEV1}:function:{NAMING}-avro-writer"],
        ),
        "SendDeadLetters": (
            ["sqs:SendMessage"],
            [f"arn:aws:sqs:{DEV1}:{NAMING}-avro-writer-dead-letters"],
        ),
    }


@pytest.mark.parametrize(
    ("role", "service", "source"),
    [
        ("delivery-sale", "firehose", f"firehose:{DEV1}:deliverystream/{NAMING}-sale"),
        ("scheduler", "scheduler", f"scheduler:{DEV1}:schedule-group/{NAMING}-avro-writer"),
        ("current-scheduler", "scheduler", f"scheduler:{DEV1}:schedule-group/{NAMING}-avro-writer"),
        ("current", "states", f"states:{DEV1}:stateMachine:{NAMING}-*-current"),
        ("transform-sale", "lambda", None),
        ("avro-writer", "lambda", None),
    ],
)
def test_a_role_trusts_its_service_on_behalf_of_its_own_resource(
    dev1: Recording, role: str, service: str, source: str | None
) -> None:
    (statement,) = dev1.one(ROLE, role).policy("assumeRolePolicy")
    assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
    assert statement["Action"] == "sts:AssumeRole"
    assert statement.get("Condition") == (
        source
        and {
            "StringEquals": {"aws:SourceAccount": "111122223333"},
            "ArnLike": {"aws:SourceArn": f"arn:aws:{source}"},
        }
    )


def test_policies_fit_iams_limits(dev1: Recording) -> None:
    for each in dev1.of(ROLE_POLICY):
        assert len(re.sub(r"\s", "", each.inputs["policy"])) <= 10_240
    for each in dev1.of(POLICY):
        assert len(re.sub(r"\s", "", each.inputs["policy"])) <= 6_144
    for each in dev1.of(ROLE):
        assert len(each.inputs["assumeRolePolicy"]) <= 2_048
