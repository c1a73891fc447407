"""Provisions a stack: its real Pulumi program, each resource made with boto3 at an endpoint."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from emulation.endpoint import Endpoint
from estate.errors import EndpointRefusedError
from estate.program import run_program
from estate.provision.endpoint_check import check_endpoint
from estate.provision.monitor import ProvisionedResource, ProvisioningMonitor, ResourceMaker
from estate.provision.resource import Clients
from estate.stack_config import settings_of, stack_config
from infra.settings import Settings


@dataclass(frozen=True)
class Provisioned:
    """A stack as an endpoint has it.

    Parameters
    ----------
    stack
        Name of the stack.
    settings
        The settings that it was provisioned with.
    resources
        What the program owns, in the order in which it was made.
    outputs
        The stack's outputs.
    """

    stack: str
    settings: Settings
    resources: tuple[ProvisionedResource, ...]
    outputs: Mapping[str, Any]


def provision(
    endpoint: Endpoint,
    stack: str,
    *,
    overrides: Mapping[str, str] | None = None,
    packages: Path,
    progress: Callable[[ProvisionedResource], None] | None = None,
) -> Provisioned:
    """Register the program of ``stack`` and make each resource at ``endpoint``.

    What exists under the same name is brought to the program's inputs: workgroups and tables are
    replaced, everything else is updated in place. Nothing that the program no longer owns is
    removed: an endpoint has no state of Pulumi's.

    Parameters
    ----------
    endpoint
        Where to; what the program looks up must exist there
        (:func:`estate.referenced.make_referenced`).
    stack
        Name of the stack.
    overrides
        Settings, key to text, that replace the stack's. Account and package folder are always
        the endpoint's own and ``packages``.
    packages
        Folder of the functions' packages.
    progress
        Called with each resource when it exists, from several threads.

    Raises
    ------
    estate.errors.ProvisionError
        The endpoint is AWS, the stack is unknown, something looked up is missing, or the program
        registers what cannot be made.
    infra.settings.SettingsError
        A setting is missing or wrong.
    infra.packages.PackageMissingError
        ``packages`` lacks a package.
    """
    config = local_config(endpoint, stack, overrides=overrides, packages=packages)
    clients = Clients(endpoint)
    monitor = ProvisioningMonitor(ResourceMaker(clients), progress)
    run_program(stack, config, monitor)
    return Provisioned(
        stack=stack,
        settings=settings_of(stack, config),
        resources=tuple(monitor.provisioned),
        outputs=monitor.outputs,
    )


def local_settings(
    endpoint: Endpoint,
    stack: str,
    *,
    overrides: Mapping[str, str] | None = None,
    packages: Path,
) -> Settings:
    """Return the settings that :func:`provision` provisions a stack with."""
    return settings_of(stack, local_config(endpoint, stack, overrides=overrides, packages=packages))


def local_config(
    endpoint: Endpoint,
    stack: str,
    *,
    overrides: Mapping[str, str] | None = None,
    packages: Path,
) -> dict[str, str]:
    """Return a stack's configuration at an endpoint, which brings its own account.

    Raises
    ------
    estate.errors.ProvisionError
        The endpoint does not say what its account is, or the stack is unknown.
    """
    check_endpoint(endpoint.url)
    # Before the first request: a stack that does not exist needs no endpoint to say so.
    stack_config(stack, overrides)
    try:
        account_id = Clients(endpoint).account_id
    except (ClientError, ResponseParserError, KeyError) as error:
        # Any web server answers something.
        raise EndpointRefusedError(
            f"endpoint {endpoint.url} is no AWS-compatible emulator: it does not answer "
            f"GetCallerIdentity of STS: {textwrap.shorten(str(error), 200, placeholder='…')}"
        ) from error
    own = {
        "account_id": account_id,
        "package_directory": str(packages.resolve()),
    }
    return stack_config(stack, {**(overrides or {}), **own})
