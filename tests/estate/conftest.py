"""An endpoint, and a stack provisioned into it once for all tests that only read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from estate.provision import Provisioned, local_settings, provision
from estate.referenced import make_referenced


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Endpoint]:
    url = os.environ.get("DMD_TEST_ENDPOINT_URL")
    if url:
        yield Endpoint(url)
        return
    with embedded_emulator() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def dev1(endpoint: Endpoint, packages: Path) -> Provisioned:
    make_referenced(endpoint, local_settings(endpoint, "dev1", packages=packages))
    return provision(endpoint, "dev1", packages=packages)
