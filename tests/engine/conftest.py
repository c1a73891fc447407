"""An endpoint with what the stacks refer to, and a stack that is up there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from estate.provision import local_settings
from estate.provision.monitor import ResourceMaker
from estate.provision.provision import local_config
from estate.provision.resource import Clients
from estate.referenced import make_referenced
from infra.naming import ENVIRONMENTS
from infra.settings import PROJECT
from infra.stack_config import REPOSITORY
from tests.engine.deploy import deploy
from tests.engine.monitor import Deployment, Made

# What the program imports of the repository.
_PROGRAM = ("infra", "schemas", "environment", "telemetry", "transform", "avro_writer")


@dataclass
class Stack:
    """A stack at the endpoint, and what Pulumi would keep of it."""

    name: str
    endpoint: Endpoint
    packages: Path
    state: dict[str, Made] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def run(
        self,
        settings: Mapping[str, str] | None = None,
        *,
        preview: bool,
        folder: Path = REPOSITORY,
        secret: bool = False,
        targets: Collection[str] | None = None,
        maker: type[ResourceMaker] = ResourceMaker,
    ) -> Deployment:
        """Run the program with ``settings`` in place of the stack's."""
        own = local_config(self.endpoint, self.name, packages=self.packages)
        config = own | {f"{PROJECT}:{key}": text for key, text in (settings or {}).items()}
        deployment = deploy(
            folder,
            self.name,
            config,
            maker=maker(Clients(self.endpoint)),
            state=self.state,
            preview=preview,
            secret_keys=config if secret else (),
            targets=targets,
            deployed=self.outputs,
        )
        if deployment.succeeded and not preview:
            self.outputs = deployment.outputs
        return deployment


@pytest.fixture(scope="session")
def empty_endpoint() -> Iterator[Endpoint]:
    """An account that has nothing of what the stacks look up."""
    with embedded_emulator() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def endpoint(packages: Path) -> Iterator[Endpoint]:
    with embedded_emulator() as endpoint:
        for stack in ENVIRONMENTS:
            make_referenced(endpoint, local_settings(endpoint, stack, packages=packages))
        yield endpoint


@pytest.fixture(scope="session")
def up(endpoint: Endpoint, packages: Path) -> tuple[Stack, Deployment]:
    """Give a stack that is up, and the run that brought it up."""
    stack = Stack("prod1", endpoint, packages)
    return stack, stack.run(preview=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a copy of the program, to be changed."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(REPOSITORY / "__main__.py", folder)
    for package in _PROGRAM:
        shutil.copytree(REPOSITORY / package, folder / package)
    return folder


@pytest.fixture
def new_stack(endpoint: Endpoint, packages: Path) -> Callable[[str], Stack]:
    """Give a stack of which nothing exists."""
    return lambda name: Stack(name, endpoint, packages)
