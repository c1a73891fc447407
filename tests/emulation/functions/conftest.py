"""An emulated AWS, and functions that are made there from packages."""

from __future__ import annotations

import contextlib
import io
import json
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emulation.emulator import embedded_emulator
from emulation.endpoint import Credentials, Endpoint
from tests.support import runtime_clients
from tests.support.runtime_clients import RUNTIME_CLIENTS

_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    """Give an emulated AWS, with the role that the functions have."""
    with embedded_emulator() as there:
        there.client("iam").create_role(RoleName="function-role", AssumeRolePolicyDocument=_TRUST)
        yield there


@pytest.fixture(scope="module", params=RUNTIME_CLIENTS)
def runtime_client(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Give each runtime client that runs here."""
    return runtime_clients.runtime_client(request.param, tmp_path_factory.mktemp("client"))


Deploy = Callable[..., str]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of packages."""
    return tmp_path_factory.mktemp("packages")


@pytest.fixture(scope="module")
def deploy(endpoint: Endpoint, packages: Path) -> Deploy:
    """Give what packages a source and creates a function from it, and returns its ARN."""
    client = endpoint.client("lambda")
    role = endpoint.client("iam").get_role(RoleName="function-role")["Role"]["Arn"]

    def create(name: str, source: str, *, keep_package: bool = True, **more: Any) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as package:
            package.writestr("code/__init__.py", "")
            package.writestr("code/main.py", f"# {name}\n{textwrap.dedent(source)}")
        if keep_package:
            (packages / f"{name}.zip").write_bytes(buffer.getvalue())
        settings = {
            "Runtime": "python3.13",
            "Handler": "code.main.handler",
            "Timeout": 10,
            "MemorySize": 128,
            **more,
        }
        # The tests are run once with each runtime client.
        with contextlib.suppress(client.exceptions.ResourceNotFoundException):
            client.delete_function(FunctionName=name)
        # Each test is run once with each runtime client.
        with contextlib.suppress(client.exceptions.ResourceNotFoundException):
            client.delete_function(FunctionName=name)
        created = client.create_function(
            FunctionName=name, Role=role, Code={"ZipFile": buffer.getvalue()}, **settings
        )
        return str(created["FunctionArn"])

    return create


def credentials(role: str, function: str) -> Credentials:
    """Return credentials that tell whose they are."""
    return Credentials(role.rpartition("/")[2], function.rpartition(":")[2], "session")
