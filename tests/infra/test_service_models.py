"""Every request that creates a resource follows AWS's rules: lengths, patterns, enums, ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError
from pulumi.runtime.mocks import MockResourceArgs

from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from estate.errors import ProvisionError
from estate.program import run_program
from estate.provision import local_settings
from estate.provision.monitor import ProvisioningMonitor
from estate.provision.provision import local_config
from estate.referenced import make_referenced
from infra.naming import ENVIRONMENTS
from tests.infra.recorded import VARIANTS, Recording, stack_of
from tests.infra.sent_requests import ListeningMaker, Request

Sent = dict[str, list[Request]]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with embedded_emulator() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def sent(endpoint: Endpoint, packages: Path) -> Callable[[str], Sent]:
    """Return the requests that create a stack."""

    @cache
    def of(name: str) -> Sent:
        stack, overrides = stack_of(name), VARIANTS.get(name)
        make_referenced(endpoint, local_settings(endpoint, stack, packages=packages))
        maker = ListeningMaker(endpoint)
        config = local_config(endpoint, stack, overrides=overrides, packages=packages)
        run_program(stack, config, ProvisioningMonitor(maker))
        return maker.sent

    return of


# dev1 has both kinds of delivery streams.
@pytest.mark.parametrize("stack", ["dev1-switching", *ENVIRONMENTS[1:]])
def test_each_resource_is_made_by_requests_that_keep_to_the_rules(
    stack: str, sent: Callable[[str], Sent], recorded: Callable[[str], Recording]
) -> None:
    requests = sent(stack)
    names = [f"{each.type} {each.name}" for each in recorded(stack).owned]
    assert len(set(names)) == len(names), "a request would be taken for another resource's"
    written = {name for name in names if any(each.writes for each in requests.get(name, ()))}
    assert set(names) - written == set(), "were made by no request that could be checked"
    assert [fault for each in requests.values() for one in each for fault in one.faults] == []


# --- a wrong input is found -------------------------------------------------------------------


def made_wrong(
    endpoint: Endpoint, recording: Recording, token: str, name: str, wrong: dict[str, Any]
) -> list[str]:
    """Return the faults of the requests for a resource whose inputs are changed."""
    resource = recording.one(token, name)
    maker = ListeningMaker(endpoint)
    renamed = {"name": "another"} if "name" in resource.inputs else {}
    inputs = merged({**resource.inputs, **renamed}, wrong)
    # The answer of the emulator or botocore does not matter here.
    with suppress(ProvisionError, ParamValidationError):
        maker.new_resource(MockResourceArgs(token, name, inputs, custom=True))
    ((_, requests),) = maker.sent.items()
    return [fault for each in requests for fault in each.faults]


def merged(inputs: Any, wrong: Any) -> Any:
    if not (isinstance(inputs, dict) and isinstance(wrong, dict)):
        return wrong
    return {**inputs, **{key: merged(inputs.get(key), value) for key, value in wrong.items()}}


STREAM = ("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream", "sale")
ALARM = ("aws:cloudwatch/metricAlarm:MetricAlarm", "dead-letters")
ROLE = ("aws:iam/role:Role", "scheduler")
SCHEDULE = ("aws:scheduler/schedule:Schedule", "sale-0")
TABLE = ("aws:glue/catalogTable:CatalogTable", "sale")
WORKGROUP = ("aws:athena/workgroup:Workgroup", "workgroup")
LOG_GROUP = ("aws:cloudwatch/logGroup:LogGroup", "avro-writer")
FILTER = ("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter", "avro-writer")
INVOKE = ("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", "avro-writer")


@pytest.mark.parametrize(
    ("resource", "wrong", "fault"),
    [
        # ranges
        (STREAM, {"extendedS3Configuration": {"bufferingSize": 0}}, "SizeInMBs has 0, at least 1"),
        (STREAM, {"extendedS3Configuration": {"bufferingInterval": 901}}, "has 901, at most 900"),
        (SCHEDULE, {"target": {"retryPolicy": {"maximumRetryAttempts": 186}}}, "at most 185"),
        (INVOKE, {"maximumEventAgeInSeconds": 59}, "has 59, at least 60"),
        (ALARM, {"evaluationPeriods": 0}, "EvaluationPeriods has 0, at least 1"),
        # enumerations
        (STREAM, {"extendedS3Configuration": {"compressionFormat": "LZ4"}}, "CompressionFormat is"),
        (ALARM, {"comparisonOperator": "GreaterThan"}, "ComparisonOperator is 'GreaterThan'"),
        (FILTER, {"distribution": "Even"}, "distribution is 'Even'"),
        (SCHEDULE, {"flexibleTimeWindow": {"mode": "NONE"}}, "FlexibleTimeWindow.Mode is 'NONE'"),
        # patterns
        (ROLE, {"name": "a role"}, "RoleName is 'a role', and has to match"),
        (STREAM, {"name": "a stream"}, "DeliveryStreamName is 'a stream'"),
        (WORKGROUP, {"name": "a workgroup"}, "Name is 'a workgroup'"),
        (LOG_GROUP, {"name": "a group"}, "logGroupName is 'a group'"),
        (SCHEDULE, {"target": {"roleArn": "scheduler"}}, "Target.RoleArn is 'scheduler'"),
        # lengths
        (ROLE, {"name": "r" * 65}, "RoleName has 65 characters, at most 64"),
        (TABLE, {"name": "t" * 256}, "TableInput.Name has 256 characters, at most 255"),
        (ALARM, {"alarmDescription": "d" * 1025}, "AlarmDescription has 1025 characters"),
        (ALARM, {"alarmActions": ["arn:aws:sns:us-east-1:1:a"] * 6}, "AlarmActions has 6 items"),
        # required, and of another type
        (SCHEDULE, {"scheduleExpression": None}, 'parameter in input: "ScheduleExpression"'),
        (LOG_GROUP, {"retentionInDays": "7"}, "Invalid type for parameter retentionInDays"),
    ],
)
def test_what_aws_would_refuse_is_found(
    dev1: Recording,
    endpoint: Endpoint,
    sent: Callable[[str], Sent],
    resource: tuple[str, str],
    wrong: dict[str, Any],
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Provisioning refuses some of it before there is a request.
    monkeypatch.setattr("estate.provision.firehose.check_destination", lambda *_: None)
    sent("dev1-switching")  # what the resource refers to is there
    assert any(fault in each for each in made_wrong(endpoint, dev1, *resource, wrong))


def test_an_input_that_is_right_has_no_fault(
    dev1: Recording, endpoint: Endpoint, sent: Callable[[str], Sent]
) -> None:
    sent("dev1-switching")
    assert made_wrong(endpoint, dev1, *ROLE, {"description": "Another, ünd a ⟨symbol⟩"}) != []
    assert made_wrong(endpoint, dev1, *ROLE, {"description": "Another, ünd größer"}) == []
