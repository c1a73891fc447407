"""The errors of policies that cannot be evaluated."""

from __future__ import annotations

from console.errors import CommandError


class PolicyError(CommandError):
    """A policy cannot be evaluated; a request that depends on it is refused."""


class MalformedPolicy(PolicyError):
    """A policy document that IAM itself would not accept."""


class UnknownPolicyElement(PolicyError):
    """A policy uses an element that the evaluator does not implement."""


class UnknownConditionOperator(PolicyError):
    """A policy uses a condition operator that the evaluator does not implement."""


class UnknownConditionKey(PolicyError):
    """A policy uses a condition key whose value the gateway does not know."""
