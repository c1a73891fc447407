"""The provider knows every input and accepts its type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.infra.provider_types import faults
from tests.infra.recorded import RECORDED, Recorded, Recording

STREAM = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
FUNCTION = "aws:lambda/function:Function"
TABLE = "aws:glue/catalogTable:CatalogTable"
PROVIDER = "pulumi:providers:aws"


@pytest.mark.parametrize("stack", RECORDED)
def test_inputs_are_as_the_provider_takes_them(
    stack: str, recorded: Callable[[str], Recording]
) -> None:
    found = [fault for each in recorded(stack).resources if each.custom for fault in faults(each)]
    assert found == []


def changed(resource: Recorded, path: str, *value: Any) -> Recorded:
    """Return a resource with the input at ``path`` set to the value, or removed."""

    def at(inside: Any, steps: list[str]) -> Any:
        step, rest = steps[0], steps[1:]
        if isinstance(inside, list):
            index = int(step)
            return [*inside[:index], at(inside[index], rest), *inside[index + 1 :]]
        without = {key: item for key, item in inside.items() if key != step}
        if rest:
            return {**without, step: at(inside[step], rest)}
        return {**without, step: value[0]} if value else without

    return Recorded(**{**vars(resource), "inputs": at(resource.inputs, path.split("."))})


S3 = "extendedS3Configuration"
PROCESSOR = f"{S3}.processingConfiguration.processors.0"


@pytest.mark.parametrize(
    ("token", "name", "path", "value", "fault"),
    [
        # required
        (STREAM, "sale", "destination", (), "destination is missing"),
        (STREAM, "sale", f"{S3}.bucketArn", (), f"{S3}.bucketArn is missing"),
        (
            STREAM,
            "sale",
            f"{PROCESSOR}.type",
            (),
            f"{S3}.processingConfiguration.processors[0].type",
        ),
        # misspelt
        (STREAM, "sale", "destinaton", ("s3",), "destinaton is no input"),
        (STREAM, "sale", f"{S3}.buffering_size", (5,), f"{S3}.buffering_size is no input"),
        (FUNCTION, "avro-writer", "memorySizeMb", (512,), "memorySizeMb is no input"),
        (PROVIDER, "aws", "allowedAccounts", ("[]",), "allowedAccounts is no input"),
        # ill-typed
        (STREAM, "sale", f"{S3}.bufferingSize", ("64",), f"{S3}.bufferingSize is '64'"),
        (STREAM, "sale", f"{S3}.bufferingSize", (6.5,), f"{S3}.bufferingSize is 6.5"),
        (STREAM, "sale", f"{S3}.bufferingSize", (True,), f"{S3}.bufferingSize is True"),
        (ALARM, "dead-letters", "threshold", ("1",), "threshold is '1', and has to be float"),
        (ALARM, "dead-letters", "actionsEnabled", ("true",), "actionsEnabled is 'true'"),
        (FUNCTION, "avro-writer", "code", ("writer.zip",), "code is 'writer.zip'"),
        (FUNCTION, "avro-writer", "architectures", ("arm64",), "architectures is 'arm64'"),
        (FUNCTION, "avro-writer", "role", (None,), "role is None, and has to be str"),
        (PROVIDER, "aws", "allowedAccountIds", ('{"1": "2"}',), "allowedAccountIds is"),
        # nested: an object, a list of objects, a map of texts
        (FUNCTION, "avro-writer", "environment", (["A=1"],), "environment is ['A=1']"),
        (FUNCTION, "avro-writer", "environment.variables", ({"LANES": 2},), "variables.LANES is 2"),
        (TABLE, "sale", "partitionKeys", ({"name": "d"},), "partitionKeys is {'name': 'd'}"),
        (TABLE, "sale", "partitionKeys.0.name", (7,), "partitionKeys[0].name is 7"),
    ],
)
def test_an_input_that_the_provider_would_refuse_is_found(
    dev1: Recording, token: str, name: str, path: str, value: tuple[Any], fault: str
) -> None:
    (found,) = faults(changed(dev1.one(token, name), path, *value))
    assert fault in found


def test_a_type_that_the_package_does_not_have_is_found(dev1: Recording) -> None:
    unknown = Recorded(**{**vars(dev1.one(FUNCTION, "avro-writer")), "type": "aws:sqs/queue:Qeue"})
    with pytest.raises(AssertionError, match="pulumi-aws has no aws:sqs/queue:Qeue"):
        faults(unknown)
