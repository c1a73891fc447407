"""Policies that cannot be judged by; what depends on one is refused, never let pass."""

from __future__ import annotations

from console.errors import CommandError


class PolicyError(CommandError):
    """A policy that cannot be judged by; a request that depends on it is refused, never passed."""


class MalformedPolicy(PolicyError):
    """A policy document that IAM itself would not accept."""


class UnknownPolicyElement(PolicyError):
    """A policy uses an element that the evaluator does not implement."""


class UnknownConditionOperator(PolicyError):
    """A policy uses a condition operator that the evaluator does not implement."""


class UnknownConditionKey(PolicyError):
    """A policy asks for a condition key that the gateway cannot tell the value of."""
