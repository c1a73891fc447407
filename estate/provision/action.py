"""What ``dmd provision`` does: creates a stack's resources at an endpoint."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import Counter
from pathlib import Path

from console.progress import Progress
from console.terminal import write
from emulation.endpoint import Endpoint
from emulation.needs import check_registers
from estate.provision.endpoint_check import check_endpoint
from estate.provision.provision import Provisioned, local_settings, provision
from estate.referenced import make_referenced
from infra.stack_config import REPOSITORY, stack_config
from release.package import build
from release.wheels import Target

LOCAL_PACKAGES = REPOSITORY / "build" / "lambda" / "local"
"""Folder in which the packages for this machine are built."""


def run(endpoint_url: str, stack: str, packages: Path | None, *, as_json: bool) -> int:
    """Create a stack's resources and print a report; return the exit status.

    Parameters
    ----------
    endpoint_url
        The AWS-compatible endpoint.
    stack
        Name of the stack.
    packages
        Folder of the functions' packages; None builds them for this machine.
    as_json
        Print JSON.

    Raises
    ------
    ProvisionError
        The endpoint is AWS itself, or the stack cannot be provisioned there.
    """
    check_endpoint(endpoint_url)
    stack_config(stack)
    endpoint = Endpoint(endpoint_url)
    with Progress() as progress:
        if packages is None:
            progress.step("Building the functions' packages")
            build(
                Target.LOCAL, source=REPOSITORY, out=LOCAL_PACKAGES.parent, progress=progress.show
            )
            packages = LOCAL_PACKAGES
        settings = local_settings(endpoint, stack, packages=packages)
        progress.step(f"Checking what the endpoint {endpoint_url} can do")
        check_registers(endpoint, progress.show)
        progress.step(f"Provisioning stack {stack} at {endpoint_url}")
        made = itertools.count(1)
        make_referenced(endpoint, settings)
        provisioned = provision(
            endpoint,
            stack,
            packages=packages,
            progress=lambda each: progress.show(f"{next(made)} resources  {each.type}"),
        )
    report = _as_json(provisioned) if as_json else _as_text(provisioned, endpoint_url)
    write(f"{report}\n")
    return 0


def _as_text(provisioned: Provisioned, url: str) -> str:
    kinds = Counter(resource.type for resource in provisioned.resources)
    lines = [f"stack {provisioned.stack} at {url}: {kinds.total()} resources"]
    lines += [f"  {count:>4}  {kind}" for kind, count in sorted(kinds.items())]
    lines.append("outputs")
    lines += [
        f"  {name}: {value if isinstance(value, str) else json.dumps(value, sort_keys=True)}"
        for name, value in sorted(provisioned.outputs.items())
    ]
    return "\n".join(lines)


def _as_json(provisioned: Provisioned) -> str:
    return json.dumps(
        {
            "stack": provisioned.stack,
            "resources": [dataclasses.asdict(each) for each in provisioned.resources],
            "outputs": dict(provisioned.outputs),
        },
        indent=2,
        sort_keys=True,
    )
