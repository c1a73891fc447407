"""A provisioned stack at an embedded endpoint that the operator's commands find without options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from console.kept_run import KeptRun, announced
from emulation.emulator import embedded_emulator
from estate.provision import local_settings, provision
from estate.referenced import make_referenced
from ops.deployment import Deployment, open_deployment
from ops.options import StackOptions
from tests.support.packages import write_packages


@contextmanager
def provisioned_run(
    folders: pytest.TempPathFactory, overrides: Mapping[str, str] | None = None
) -> Iterator[Deployment]:
    """Run a dev1 stack whose settings are overridden, until the end of the ``with``."""
    changed = dict(overrides or {})
    packages = write_packages(folders.mktemp("packages"))
    with pytest.MonkeyPatch.context() as patch, embedded_emulator() as endpoint:
        patch.setenv("DMD_STATE_DIR", str(folders.mktemp("state")))
        settings = local_settings(endpoint, "dev1", overrides=changed, packages=packages)
        make_referenced(endpoint, settings)
        provision(endpoint, "dev1", overrides=changed, packages=packages)
        with announced(KeptRun(endpoint.url, "dev1", changed, str(packages))):
            yield open_deployment(StackOptions())
