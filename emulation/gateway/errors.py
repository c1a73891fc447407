"""The errors of the gateway."""

from __future__ import annotations

from console.errors import CommandError
from emulation.iam.errors import PolicyError


class GatewayError(CommandError):
    """The base of the gateway's own errors; `emulation.iam.errors` has those of policies."""


class PolicyNotFound(PolicyError):
    """A role names a managed policy that the endpoint does not have."""


class RoleNotFound(GatewayError):
    """The endpoint does not have a session's role, or the role to assume."""


class UnjudgeableRequest(GatewayError):
    """The gateway does not know the operation or the resource of a request."""


class AccessDenied(GatewayError):
    """A role, or a service assuming one, is not allowed to do what it asked."""
