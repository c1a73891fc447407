"""Two resources of one kind and one name are refused, as AWS refuses the second."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session
from pulumi.runtime.mocks import MockResourceArgs

from emulation.endpoint import Endpoint
from estate.errors import NameTakenError
from estate.provision import monitor
from estate.provision.monitor import KINDS, ResourceMaker
from estate.provision.resource import Clients, Created
from tests.infra.recorded import Recorded, shared

NOWHERE = Endpoint("http://127.0.0.1:9")
# AWS takes any number of one name.
QUERIES = ("aws:athena/namedQuery:NamedQuery", "aws:cloudwatch/queryDefinition:QueryDefinition")
TABLE = "aws:glue/catalogTable:CatalogTable"
ROLE = "aws:iam/role:Role"
FUNCTION = "aws:lambda/function:Function"


@pytest.fixture(scope="module")
def one_of_each(packages: Path) -> dict[str, Recorded]:
    """A resource of each kind that the program makes."""
    return {each.type: each for each in shared("dev1", packages).owned}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is made, in place of making it."""
    names: list[str] = []

    def create(clients: Clients, resource: Any) -> Created:
        names.append(resource.name)
        return Created("id")

    stubs = {token: dataclasses.replace(kind, create=create) for token, kind in KINDS.items()}
    monkeypatch.setattr(monitor, "KINDS", stubs)
    return names


def make(maker: ResourceMaker, token: str, name: str, inputs: Mapping[str, Any]) -> None:
    maker.new_resource(MockResourceArgs(token, name, dict(inputs), custom=True))


def test_the_program_makes_a_resource_of_every_kind(one_of_each: dict[str, Recorded]) -> None:
    assert set(one_of_each) == set(KINDS)


@pytest.mark.parametrize("token", sorted(KINDS))
def test_a_second_resource_of_one_name_is_refused_before_it_is_made(
    token: str, one_of_each: dict[str, Recorded], made: list[str]
) -> None:
    inputs = one_of_each[token].inputs
    maker = ResourceMaker(Clients(NOWHERE))
    make(maker, token, "first", inputs)
    if token in QUERIES:
        make(maker, token, "second", inputs)
        return
    other = {**inputs, **{key: inputs[key] for key in KINDS[token].identity}, "extra": "else"}
    with pytest.raises(NameTakenError) as caught:
        make(maker, token, "second", other)
    assert made == ["first"]
    message = str(caught.value)
    assert f"{token} 'second' and 'first' are the same in AWS" in message
    for key in KINDS[token].identity:
        assert f"{key} {inputs[key]}" in message
    # Another run brings the same resource to its inputs.
    make(ResourceMaker(Clients(NOWHERE)), token, "first", inputs)


@pytest.mark.parametrize("token", sorted(set(KINDS) - set(QUERIES)))
def test_resources_that_differ_in_a_part_of_their_name_are_two(
    token: str, one_of_each: dict[str, Recorded], made: list[str]
) -> None:
    inputs = one_of_each[token].inputs
    maker = ResourceMaker(Clients(NOWHERE))
    make(maker, token, "first", inputs)
    for key in KINDS[token].identity:
        make(maker, token, f"another {key}", {**inputs, key: f"{inputs[key]}x"})
    assert len(made) == 1 + len(KINDS[token].identity)


@pytest.mark.parametrize(("token", "folded"), [(TABLE, True), (ROLE, True), (FUNCTION, False)])
def test_names_that_differ_in_case_alone_are_one_where_aws_takes_them_for_one(
    token: str, folded: bool, one_of_each: dict[str, Recorded], made: list[str]
) -> None:
    inputs = one_of_each[token].inputs
    maker = ResourceMaker(Clients(NOWHERE))
    make(maker, token, "first", inputs)
    second = {**inputs, "name": inputs["name"].upper()}
    if folded:
        with pytest.raises(NameTakenError):
            make(maker, token, "second", second)
    else:
        make(maker, token, "second", second)


SERVICES = {
    "aws:athena/": ("athena", ["CreateWorkGroup"]),
    "aws:glue/": ("glue", ["CreateDatabase", "CreateTable"]),
    "aws:kinesis/firehose": ("firehose", ["CreateDeliveryStream"]),
    "aws:iam/": ("iam", ["CreateRole", "CreatePolicy"]),
    "aws:lambda/": ("lambda", ["CreateFunction"]),
    "aws:cloudwatch/log": ("logs", ["CreateLogGroup", "CreateLogStream"]),
    "aws:scheduler/": ("scheduler", ["CreateSchedule", "CreateScheduleGroup"]),
    "aws:sfn/": ("stepfunctions", ["CreateStateMachine"]),
    "aws:sqs/": ("sqs", ["CreateQueue"]),
}


@pytest.mark.parametrize("token", sorted(token for token, kind in KINDS.items() if kind.taken))
def test_the_error_is_one_of_those_that_aws_gives(token: str) -> None:
    ((service, operations),) = (
        found for prefix, found in SERVICES.items() if token.startswith(prefix)
    )
    model = get_session().get_service_model(service)
    for operation in operations:
        errors: list[Any] = model.operation_model(operation).error_shapes
        codes = {code for shape in errors for code in (shape.name, shape.error_code)}
        assert codes & set(KINDS[token].taken), json.dumps(sorted(codes))
