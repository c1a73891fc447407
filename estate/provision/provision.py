"""Provisions a stack: runs its Pulumi program and creates each resource with boto3."""

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
from infra.settings import Settings
from infra.stack_config import settings_of, stack_config


@dataclass(frozen=True)
class Provisioned:
    """A stack that exists at an endpoint.

    Parameters
    ----------
    stack
        Name of the stack.
    settings
        The settings that it was provisioned with.
    resources
        The program's resources, in the order of their creation.
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
    """Run the program of ``stack`` and create each resource at ``endpoint``.

    A resource that exists under the same name gets the program's inputs: workgroups and tables are
    replaced, all others are updated in place. A resource that the program no longer has is not
    deleted, because an endpoint has no Pulumi state.

    Parameters
    ----------
    endpoint
        The endpoint. What the program looks up must exist there
        (:func:`estate.referenced.make_referenced`).
    stack
        Name of the stack.
    overrides
        Values, as text by key, that replace the stack's settings. The account is always the
        endpoint's, and the package folder is always ``packages``.
    packages
        Folder of the functions' packages.
    progress
        Called with each resource when it exists, from several threads.

    Raises
    ------
    estate.errors.ProvisionError
        The endpoint is AWS, the stack is unknown, a looked-up resource is missing, or the program
        registers a resource that cannot be created.
    infra.settings.SettingsError
        A setting is missing or wrong.
    infra.packages.PackageMissingError
        ``packages`` lacks a package.
    infra.packages.PackageOutOfDateError
        A package was not built from this tree's sources.
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
    """Return the settings that :func:`provision` uses for a stack."""
    return settings_of(stack, local_config(endpoint, stack, overrides=overrides, packages=packages))


def local_config(
    endpoint: Endpoint,
    stack: str,
    *,
    overrides: Mapping[str, str] | None = None,
    packages: Path,
) -> dict[str, str]:
    """Return a stack's configuration with the account of an endpoint.

    Raises
    ------
    estate.errors.ProvisionError
        The endpoint does not name its account, or the stack is unknown.
    """
    check_endpoint(endpoint.url)
    # Before the first request, so that an unknown stack is reported even without an endpoint.
    stack_config(stack, overrides)
    try:
        account_id = Clients(endpoint).account_id
    except (ClientError, ResponseParserError, KeyError) as error:
        # Any web server gives some answer.
        raise EndpointRefusedError(
            f"endpoint {endpoint.url} is not an AWS-compatible emulator: it does not answer "
            f"GetCallerIdentity of STS: {textwrap.shorten(str(error), 200, placeholder='…')}"
        ) from error
    own = {
        "account_id": account_id,
        "package_directory": str(packages.resolve()),
    }
    return stack_config(stack, {**(overrides or {}), **own})
