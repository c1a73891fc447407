"""What an endpoint lacks is found out and named, and nothing stays there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from emulation.needs import EndpointUnfit, check_registers, check_runs
from emulation.needs.probe import lacks
from emulation.needs.registrations import REGISTRATIONS
from emulation.needs.storage import STORAGE
from tests.support.other_endpoint import (
    Difference,
    changed_answer,
    changed_request,
    not_implemented,
    of,
    other_endpoint,
    replaced_text,
    without_header,
)
from tests.support.proxy import Request

NEEDS = {need.title: need for need in (*STORAGE, *REGISTRATIONS)}


@pytest.fixture(scope="module")
def embedded() -> Iterator[Endpoint]:
    with embedded_emulator() as endpoint:
        yield endpoint


def held(endpoint: Endpoint) -> dict[str, list[Any]]:
    """What an endpoint holds, of all that the checks make."""
    listings: dict[tuple[str, str], str] = {
        ("s3", "list_buckets"): "Buckets",
        ("kinesis", "list_streams"): "StreamNames",
        ("dynamodb", "list_tables"): "TableNames",
        ("iam", "list_roles"): "Roles",
        ("sqs", "list_queues"): "QueueUrls",
        ("lambda", "list_functions"): "Functions",
        ("firehose", "list_delivery_streams"): "DeliveryStreamNames",
        ("scheduler", "list_schedules"): "Schedules",
        ("stepfunctions", "list_state_machines"): "stateMachines",
        ("logs", "describe_log_groups"): "logGroups",
        ("glue", "get_databases"): "DatabaseList",
        ("cloudwatch", "describe_alarms"): "MetricAlarms",
        ("cloudwatch", "list_dashboards"): "DashboardEntries",
    }
    found = {
        service: getattr(endpoint.client(service), call)().get(name, [])
        for (service, call), name in listings.items()
    }
    groups = endpoint.client("scheduler").list_schedule_groups()["ScheduleGroups"]
    policies = endpoint.client("iam").list_policies(Scope="Local")["Policies"]
    workgroups = endpoint.client("athena").list_work_groups()["WorkGroups"]
    return {
        **found,
        "groups": [each for each in groups if each["Name"] != "default"],
        "policies": policies,
        "workgroups": [each for each in workgroups if each["Name"] != "primary"],
    }


def test_the_embedded_emulator_does_all_of_it_and_nothing_stays_there(embedded: Endpoint) -> None:
    before = held(embedded)
    titles: list[str] = []
    check_runs(embedded, titles.append)
    assert held(embedded) == before
    registering: list[str] = []
    check_registers(embedded, registering.append)
    assert titles[-len(registering) :] == registering
    assert len(titles) > len(registering)


def at(method: str, part_of_path: str) -> Callable[[Request], bool]:
    return lambda request: request.method == method and part_of_path in request.target


def records_without(image: str) -> Difference:
    def change(answer: Any) -> None:
        for record in answer["Records"]:
            record["dynamodb"].pop(image, None)

    def is_of(request: Request) -> bool:
        target = request.headers.get("x-amz-target", "")
        return target.startswith("DynamoDBStreams") and target.endswith(".GetRecords")

    return changed_answer(is_of, change)


def from_the_first(request: Any) -> None:
    if request["ShardIteratorType"] == "LATEST":
        request["ShardIteratorType"] = "TRIM_HORIZON"


@pytest.mark.parametrize(
    ("title", "difference", "says"),
    [
        (
            "S3 objects",
            without_header("if-none-match", "PUT"),
            "PutObject with If-None-Match of a key that exists: the answer is 200, not 412",
        ),
        (
            "S3 objects",
            without_header("if-match", "DELETE"),
            "DeleteObject with If-Match of an earlier ETag: the answer is 204, not 412",
        ),
        (
            "Kinesis records",
            changed_request("GetShardIterator", from_the_first),
            "GetRecords from LATEST on: the answer is [",
        ),
        (
            "DynamoDB Streams",
            records_without("OldImage"),
            "the changes of a table with NEW_AND_OLD_IMAGES: [1].dynamodb.OldImage is missing",
        ),
        (
            "STS sessions of roles",
            replaced_text(rb"<AccessKeyId>.*</AccessKeyId>", b"<AccessKeyId>ASIA1</AccessKeyId>"),
            "different access keys for the sessions of two roles: the answer is 1, not 2",
        ),
        (
            "IAM roles and policies",
            replaced_text(rb"<member>inline</member>", b""),
            "ListRolePolicies: the answer is [], not ['inline']",
        ),
        (
            "SQS queues",
            changed_request("SetQueueAttributes", lambda request: request["Attributes"].clear()),
            "GetQueueAttributes: MessageRetentionPeriod is '345600', not '1209600'",
        ),
        (
            "Lambda functions",
            changed_answer(
                lambda request: "/functions" in request.target,
                lambda answer: answer.get("Configuration", answer).pop("Environment", None),
            ),
            "CreateFunction: Environment is missing",
        ),
        (
            "Firehose delivery streams",
            not_implemented(of("CreateDeliveryStream")),
            "An error occurred (InternalFailure) when calling the CreateDeliveryStream operation",
        ),
        (
            "Firehose delivery streams",
            not_implemented(of("DeleteDeliveryStream")),
            "An error occurred (InternalFailure) when calling the DeleteDeliveryStream operation",
        ),
        (
            "EventBridge schedules",
            changed_answer(
                at("GET", "/schedules/"), lambda answer: answer["Target"].pop("RetryPolicy")
            ),
            "GetSchedule: Target.RetryPolicy is missing",
        ),
        (
            "Step Functions state machines",
            changed_answer(of("DescribeStateMachine"), lambda answer: answer.pop("definition")),
            "DescribeStateMachine: definition is missing",
        ),
        (
            "CloudWatch Logs",
            changed_answer(of("FilterLogEvents"), lambda answer: answer["events"].clear()),
            "FilterLogEvents: the answer is [], not [",
        ),
        (
            "Glue tables",
            changed_answer(
                of("GetTable"),
                lambda answer: answer["Table"]["StorageDescriptor"]["SerdeInfo"].pop("Parameters"),
            ),
            "GetTable of a table: StorageDescriptor.SerdeInfo.Parameters is missing",
        ),
        (
            "Athena workgroups",
            changed_answer(of("CreateNamedQuery"), dict.clear),
            "an answer lacks 'NamedQueryId'",
        ),
        (
            "CloudWatch alarms and dashboards",
            replaced_text(rb"900\.0", b"0.0"),
            "DescribeAlarms: [0].Threshold is 0.0, not 900.0",
        ),
    ],
)
def test_what_is_lacking_is_named(
    embedded: Endpoint, title: str, difference: Difference, says: str
) -> None:
    before = held(embedded)
    with other_endpoint(embedded, difference) as endpoint:
        said = lacks(endpoint, NEEDS[title])
    assert said is not None
    assert said.startswith(f"{title} ({says}")
    assert "\n" not in said
    if "Delete" not in says:
        assert held(embedded) == before


def test_each_need_is_found_lacking_by_some_test() -> None:
    marks = test_what_is_lacking_is_named.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in marks[0].args[1]} == set(NEEDS)


def test_everything_that_is_lacking_is_named_at_once(embedded: Endpoint) -> None:
    def nothing_of(request: Request) -> bool:
        target = request.headers.get("x-amz-target", "")
        return "Firehose" in target or "Athena" in target

    with (
        other_endpoint(embedded, not_implemented(nothing_of)) as endpoint,
        pytest.raises(EndpointUnfit, match=r"Firehose .*; Athena workgroups") as refused,
    ):
        check_registers(endpoint, lambda _: None)
    message = str(refused.value)
    assert message.startswith(f"the endpoint {endpoint.url} lacks what a stack needs: Firehose")
    assert "\n" not in message


def test_events_without_an_id_are_no_lack(embedded: Endpoint) -> None:
    def without_ids(answer: Any) -> None:
        for event in answer["events"]:
            del event["eventId"]

    with other_endpoint(embedded, changed_answer(of("FilterLogEvents"), without_ids)) as endpoint:
        check_registers(endpoint, lambda _: None)


def test_what_only_a_run_needs_is_not_asked_of_an_endpoint_that_only_registers(
    embedded: Endpoint,
) -> None:
    with other_endpoint(embedded, without_header("if-none-match", "PUT")) as endpoint:
        check_registers(endpoint, lambda _: None)
        with pytest.raises(EndpointUnfit, match="S3 objects"):
            check_runs(endpoint, lambda _: None)
