"""A stack at an emulator, whose tables are those that the program describes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from console.kept_run import KeptRun, announced
from emulation.emulator import embedded_emulator
from estate.provision import local_settings, provision
from estate.referenced import make_referenced
from ops.deployment import Deployment, open_deployment
from ops.options import StackOptions
from tests.support.packages import write_packages

OVERRIDES = {"demand_data_types": '["demand","sale"]'}


@pytest.fixture(scope="package")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A local run of a stack with the tables of demands and sales, found without options."""
    packages = write_packages(tmp_path_factory.mktemp("packages"))
    with pytest.MonkeyPatch.context() as patch, embedded_emulator() as endpoint:
        patch.setenv("DMD_STATE_DIR", str(tmp_path_factory.mktemp("state")))
        settings = local_settings(endpoint, "dev1", overrides=OVERRIDES, packages=packages)
        make_referenced(endpoint, settings)
        provision(endpoint, "dev1", overrides=OVERRIDES, packages=packages)
        with announced(KeptRun(endpoint.url, "dev1", OVERRIDES, str(packages))):
            yield open_deployment(StackOptions())
