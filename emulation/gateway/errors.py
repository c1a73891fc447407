"""What the gateway can refuse or fail at."""

from __future__ import annotations

from console.errors import CommandError
from emulation.iam.errors import PolicyError


class GatewayError(CommandError):
    """Base of what the gateway itself raises; of policies see `emulation.iam.errors`."""


class PolicyNotFound(PolicyError):
    """A role names a managed policy that the endpoint does not have."""


class RoleNotFound(GatewayError):
    """A session belongs to a role, or asks for one, that the endpoint does not have."""


class UnjudgeableRequest(GatewayError):
    """A request whose operation or resource the gateway cannot name."""


class AccessDenied(GatewayError):
    """A role, or a service assuming one, is not allowed to do what it asked."""
