"""What the gateway knows of each operation agrees with AWS's service reference."""

from __future__ import annotations

from typing import Any

import pytest

from emulation.gateway.api_call import ApiCall, Protocol
from emulation.gateway.issued_tokens import ISSUING, IssuedTokens
from emulation.gateway.requirement import Requirement
from emulation.gateway.requirements import requirements
from emulation.gateway.resource_rules import Place
from emulation.gateway.resources import OF_A_ROLE_AS_IT_IS, RESOURCES
from emulation.gateway.s3_requirements import ON_BUCKETS, ON_OBJECTS
from emulation.iam.context import KNOWN_KEYS
from tests.emulation.gateway.botocore_requests import session
from tests.support.service_reference import action, may_name

HERE = "us-east-1:111122223333"
ROLE = "arn:aws:iam::111122223333:role/r"
VALUES: dict[str, Any] = {
    "AlarmNames": ["a"],
    "CatalogName": "AwsDataCatalog",
    "ConsumerARN": f"arn:aws:kinesis:{HERE}:stream/s/consumer/c:1700000000",
    "DashboardNames": ["d"],
    "DatabaseInput": {"Name": "d"},
    "EncryptionContext": {"aws:s3:arn": "arn:aws:s3:::b"},
    "KeyId": "1234abcd-12ab-34cd-56ef-1234567890ab",
    "PolicyArn": "arn:aws:iam::111122223333:policy/p",
    "QueueUrl": "http://127.0.0.1/111122223333/q",
    "RequestItems": {"t": []},
    "ExtendedS3DestinationConfiguration": {"RoleARN": ROLE},
    "ExtendedS3DestinationUpdate": {"RoleARN": ROLE},
    "KinesisStreamSourceConfiguration": {"RoleARN": ROLE},
    "Role": ROLE,
    "RoleArn": ROLE,
    "Target": {"RoleArn": ROLE},
    "roleArn": ROLE,
    "StreamARN": f"arn:aws:kinesis:{HERE}:stream/s",
    "StreamArn": f"arn:aws:dynamodb:{HERE}:table/t/stream/2026-11-22T00:00:00.000",
    "TargetArn": f"arn:aws:sns:{HERE}:topic",
    "TableInput": {"Name": "t"},
    "TopicArn": f"arn:aws:sns:{HERE}:topic",
    "TransactItems": [],
    "executionArn": f"arn:aws:states:{HERE}:execution:m:e",
    "stateMachineArn": f"arn:aws:states:{HERE}:stateMachine:m",
}
# What a token stands for, and where it comes from.
ISSUED = {
    "kinesis": VALUES["StreamARN"],
    "dynamodbstreams": VALUES["StreamArn"],
    "athena": f"arn:aws:athena:{HERE}:workgroup/w",
}
# Parameters whose token is all that names the resource.
TOKENS = ("ShardIterator", "QueryExecutionId", "NamedQueryId")

# AWS's own messages for these operations name another resource than the reference.
UNLIKE_THE_REFERENCE = {
    ("logs", "DescribeLogGroups"): "on resource: arn:aws:logs:…:log-group::log-stream:",
    ("dynamodb", "Query"): "on resource: arn:aws:dynamodb:…:table/…/index/…, the index alone",
    ("dynamodb", "Scan"): "on resource: arn:aws:dynamodb:…:table/…/index/…, the index alone",
}

# Resources of the kinds that a stack has, for operations that take the ARN of any kind.
TAGGED = {
    "athena": f"arn:aws:athena:{HERE}:workgroup/w",
    "cloudwatch": f"arn:aws:cloudwatch:{HERE}:alarm:a",
    "dynamodb": f"arn:aws:dynamodb:{HERE}:table/t",
    "glue": f"arn:aws:glue:{HERE}:database/d",
    "lambda": f"arn:aws:lambda:{HERE}:function:f",
    "logs": f"arn:aws:logs:{HERE}:log-group:g",
    "scheduler": f"arn:aws:scheduler:{HERE}:schedule-group/g",
    "sns": f"arn:aws:sns:{HERE}:topic",
    "stepfunctions": f"arn:aws:states:{HERE}:stateMachine:m",
}
TAGGED_PARAMETERS = ("ResourceARN", "ResourceArn", "resourceArn", "Resource")
# The reference requires several types of these operations, of which a call has one.
ONE_OF_SEVERAL = {
    ("athena", "ListTagsForResource"),
    ("athena", "TagResource"),
    ("athena", "UntagResource"),
    ("dynamodb", "ListTagsOfResource"),
    ("stepfunctions", "DescribeExecution"),
    ("stepfunctions", "ListExecutions"),
}

OPERATIONS = [
    pytest.param(service, name, id=f"{service}-{name}")
    for service, rules in RESOURCES.items()
    for name in rules
    if (service, name) not in UNLIKE_THE_REFERENCE
]


def tokens() -> IssuedTokens:
    issued = IssuedTokens()
    for service, resource in ISSUED.items():
        operation = next(name for each, name in ISSUING if each == service)
        field = ISSUING[service, operation]
        call = ApiCall(service, operation, Protocol.JSON, "us-east-1", {}, b"", {})
        issued.remember(call, resource, f'{{"{field}":"token"}}'.encode())
    return issued


def asked(service: str, operation: str) -> tuple[Requirement, ...]:
    """Return what a call with all parameters needs."""
    shape = session().get_service_model(service).operation_model(operation).input_shape
    parameters: dict[str, Any] = {}
    for name in shape.members if shape else ():
        value = "token" if name in TOKENS else VALUES.get(name, "x")
        parameters[name] = TAGGED[service] if name in TAGGED_PARAMETERS else value
    call = ApiCall(service, operation, Protocol.QUERY, "us-east-1", {}, b"", parameters)
    return requirements(call, Place("111122223333", tokens()))


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_the_action_exists_and_works_on_the_resource_that_the_gateway_names(
    service: str, operation: str
) -> None:
    for needed in asked(service, operation):
        known = action(needed.action)
        assert known is not None, f"{needed.action} does not exist"
        if not known.resource_types:
            assert needed.resource == "*", f"{needed.action} works on no resource"
            continue
        formats = [arn for each in known.resource_types for arn in each.arns]
        judged = needed.resource.removesuffix(":log-stream:")
        assert any(may_name(judged, arn) for arn in formats), (
            f"{needed.action} does not work on {needed.resource}"
        )


@pytest.mark.parametrize(
    ("service", "operation"), [each for each in OPERATIONS if each.values not in ONE_OF_SEVERAL]
)
def test_each_resource_that_the_reference_requires_is_asked_for(
    service: str, operation: str
) -> None:
    needed = asked(service, operation)
    known = action(needed[0].action)
    assert known is not None
    for each in known.resource_types:
        named = [one.resource.removesuffix(":log-stream:") for one in needed]
        if each.required:
            assert any(may_name(one, arn) for one in named for arn in each.arns), (
                f"{needed[0].action} needs a {each.name}"
            )


@pytest.mark.parametrize("name", sorted({*ON_BUCKETS.values(), *ON_OBJECTS.values()}))
def test_the_actions_of_s3_exist_on_buckets_or_objects(name: str) -> None:
    known = action(f"s3:{name}")
    assert known is not None
    kinds = {each.name for each in known.resource_types}
    assert ("bucket" in kinds) == (name in ON_BUCKETS.values())
    assert ("object" in kinds) == (name in ON_OBJECTS.values())


def test_the_services_condition_keys_that_the_gateway_knows_exist() -> None:
    holders = {
        "s3": ("PutObject", "ListBucket", "DeleteObject", "GetObjectVersion"),
        "iam": ("CreateRole", "AttachRolePolicy", "PassRole"),
        "kms": ("Decrypt",),
        "cloudwatch": ("PutMetricData",),
        "sts": ("AssumeRole",),
    }
    for key in KNOWN_KEYS:
        service = key.partition(":")[0]
        if service != "aws":
            actions = [action(f"{service}:{name}") for name in holders[service]]
            assert any(each and each.knows_key(key, ()) for each in actions), key


def test_the_operations_that_depend_on_a_roles_boundary_are_those_of_the_reference() -> None:
    dependent = {
        name
        for name in RESOURCES["iam"]
        if (known := action(f"iam:{name}")) and "iam:PermissionsBoundary" in known.condition_keys
    }
    # The boundary that these set is in the request.
    assert dependent - {"CreateRole", "PutRolePermissionsBoundary"} == OF_A_ROLE_AS_IT_IS
