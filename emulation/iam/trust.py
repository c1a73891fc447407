"""Who may assume a role: the evaluation of its trust policy.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from emulation.iam.context import Context
from emulation.iam.errors import PolicyError
from emulation.iam.policy import Policy, PrincipalPattern

ASSUME_ROLE = "sts:AssumeRole"


@dataclass(frozen=True)
class Principal:
    """Who wants to assume a role.

    Parameters
    ----------
    kind
        ``Service`` or ``AWS``.
    identifiers
        All names that a trust policy can use for it: a service principal
        (``firehose.amazonaws.com``), or the ARNs of a role and its session.
    account
        The account of an ``AWS`` principal.
    """

    kind: str
    identifiers: frozenset[str]
    account: str = ""


class Trust(Enum):
    """How far a trust policy trusts a principal."""

    REFUSED = "refused"
    TRUSTED = "trusted"
    # The policy trusts the principal's account: the principal's own policies must allow it too.
    DELEGATED = "delegated"


def evaluate_trust(policy: Policy, principal: Principal, context: Context) -> Trust:
    """Return whether a trust policy lets ``principal`` assume the role.

    Raises
    ------
    PolicyError
        The policy cannot be evaluated.
    """
    verdict = Trust.REFUSED
    for statement in policy.statements:
        try:
            trust = max(
                (_named(pattern, principal) for pattern in statement.principals),
                key=_STRENGTH.index,
            )
            if trust is Trust.REFUSED or not (
                statement.action_text(ASSUME_ROLE, context) and statement.conditions_hold(context)
            ):
                continue
        except PolicyError as error:
            raise type(error)(f"{policy.name}: {statement.label}: {error}") from error
        if statement.effect == "Deny":
            return Trust.REFUSED
        verdict = max(verdict, trust, key=_STRENGTH.index)
    return verdict


_STRENGTH = (Trust.REFUSED, Trust.DELEGATED, Trust.TRUSTED)


def _named(pattern: PrincipalPattern, principal: Principal) -> Trust:
    if pattern.kind != principal.kind:
        # "*" stands for everybody, including AWS services.
        return (
            Trust.TRUSTED if (pattern.kind, pattern.identifier) == ("AWS", "*") else Trust.REFUSED
        )
    if pattern.identifier == "*" or pattern.identifier in principal.identifiers:
        return Trust.TRUSTED
    account = (principal.account, f"arn:aws:iam::{principal.account}:root")
    return Trust.DELEGATED if pattern.identifier in account else Trust.REFUSED
