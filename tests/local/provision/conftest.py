"""An endpoint, and a stack provisioned into it once for all tests that only read."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from local.endpoint import Endpoint
from local.provision import Provisioned, local_settings, provision
from local.referenced import make_referenced


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    for name in ("transform", "avro_writer"):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as package:
            package.writestr("handler.py", f"NAME = {name!r}\n")
    return folder


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Endpoint]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield Endpoint(f"http://{host}:{port}")
    server.stop()


@pytest.fixture(scope="session")
def dev1(endpoint: Endpoint, packages: Path) -> Provisioned:
    make_referenced(endpoint, local_settings(endpoint, "dev1", packages=packages))
    return provision(endpoint, "dev1", packages=packages)
