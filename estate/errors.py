"""Errors of running a stack's program without Pulumi's engine."""

from __future__ import annotations

from console.errors import CommandError


class EstateError(CommandError):
    """A stack cannot be read, provisioned or shown. The text says where, and what to do."""


class ProvisionError(EstateError):
    """The stack cannot be provisioned into the endpoint."""


class EndpointRefusedError(ProvisionError):
    """The endpoint is AWS itself, or not AWS-compatible."""


class UnsupportedResourceError(ProvisionError):
    """The program registers a resource that this package cannot create."""


class NameTakenError(ProvisionError):
    """The program registers two resources of the same kind and name."""


class ResourceGraphError(EstateError):
    """A part of the program's graph is unknown without AWS. The text says which part, and why."""
