"""What can go wrong while a stack is provisioned into an endpoint."""

from __future__ import annotations

from console.errors import CommandError


class ProvisionError(CommandError):
    """The stack cannot be provisioned; the message says what, where and what to do."""


class EndpointRefusedError(ProvisionError):
    """The endpoint is AWS itself, or none."""


class StackConfigError(ProvisionError):
    """There is no such stack, or its configuration names something that does not exist."""


class UnsupportedResourceError(ProvisionError):
    """The program registers something that nothing here knows how to make."""
