"""What can go wrong where a stack's program runs without Pulumi's engine."""

from __future__ import annotations

from console.errors import CommandError


class EstateError(CommandError):
    """A stack cannot be read, provisioned or shown; says what, where and what to do."""


class StackConfigError(EstateError):
    """There is no such stack, or its configuration names something that does not exist."""


class ProvisionError(EstateError):
    """The stack cannot be provisioned into the endpoint."""


class EndpointRefusedError(ProvisionError):
    """The endpoint is AWS itself, or no AWS-compatible endpoint."""


class UnsupportedResourceError(ProvisionError):
    """The program registers a resource that nothing here knows how to make."""


class NameTakenError(ProvisionError):
    """The program registers two resources of one kind under one name."""


class ResourceGraphError(EstateError):
    """A part of the program's graph cannot be told without AWS; says which part, and why."""
