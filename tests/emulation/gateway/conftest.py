"""A gateway in front of an emulator, and roles to call through it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from emulation.gateway import Activity, Denial, Gateway

LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    },
}
_numbers = itertools.count()


@dataclass(frozen=True)
class Role:
    """A role with a session; ``client`` makes clients that call as it, through the gateway."""

    arn: str
    endpoint: Endpoint
    gateway: Gateway

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]

    def client(self, service: str) -> Any:
        return self.endpoint.client(service)

    def activity(self) -> list[Activity]:
        return [entry for entry in self.gateway.activity() if entry.role_arn == self.arn]

    def denials(self) -> list[Denial]:
        return [entry for entry in self.gateway.denials() if entry.role_arn == self.arn]


MakeRole = Callable[..., Role]


@pytest.fixture(scope="session")
def upstream() -> Iterator[Endpoint]:
    """The emulator itself, past the gateway."""
    with embedded_emulator() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def gateway(upstream: Endpoint) -> Iterator[Gateway]:
    with Gateway(upstream) as running:
        yield running


@pytest.fixture
def unique() -> str:
    """A name that no other test has."""
    return f"name-{next(_numbers)}"


@pytest.fixture
def make_role(gateway: Gateway) -> MakeRole:
    """Make a role with an inline policy of the given statements, and a session of it."""

    def make(*statements: dict[str, Any]) -> Role:
        name = f"role-{next(_numbers)}"
        iam = gateway.endpoint.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(LAMBDA_TRUST))[
            "Role"
        ]["Arn"]
        if statements:
            put_policy(gateway, name, *statements)
        credentials = gateway.assume_for_service(arn, "lambda.amazonaws.com")
        return Role(arn, gateway.endpoint.with_credentials(credentials), gateway)

    return make


def put_policy(gateway: Gateway, role_name: str, *statements: dict[str, Any]) -> None:
    """Write a role's inline policy through the gateway."""
    gateway.endpoint.client("iam").put_role_policy(
        RoleName=role_name,
        PolicyName="grants",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
    )


def allow(
    actions: str | list[str], resources: str | list[str], condition: Any = None
) -> dict[str, Any]:
    """A statement that allows."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, "Condition": condition} if condition else statement
