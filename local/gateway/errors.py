"""What the gateway can refuse or fail at."""

from __future__ import annotations

from console.errors import CommandError


class GatewayError(CommandError):
    """Base of everything the gateway raises."""


class PolicyError(GatewayError):
    """A policy that cannot be judged by; a request that depends on it is refused, never passed."""


class MalformedPolicy(PolicyError):
    """A policy document that IAM itself would not accept."""


class UnknownPolicyElement(PolicyError):
    """A policy uses an element that the evaluator does not implement."""


class UnknownConditionOperator(PolicyError):
    """A policy uses a condition operator that the evaluator does not implement."""


class UnknownConditionKey(PolicyError):
    """A policy asks for a condition key that the gateway cannot tell the value of."""


class PolicyNotFound(PolicyError):
    """A role names a managed policy that the endpoint does not have."""


class RoleNotFound(GatewayError):
    """A session belongs to a role, or asks for one, that the endpoint does not have."""


class UnjudgeableRequest(GatewayError):
    """A request whose operation or resource the gateway cannot name."""


class AccessDenied(GatewayError):
    """A role, or a service assuming one, is not allowed to do what it asked."""
