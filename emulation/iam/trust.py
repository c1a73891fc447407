"""Who may assume a role: its trust policy, judged.

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
        All names that a trust policy may call it by: a service principal
        (``firehose.amazonaws.com``), or a role's ARN and its session's.
    account
        The account of an ``AWS`` principal.
    """

    kind: str
    identifiers: frozenset[str]
    account: str = ""


class Trust(Enum):
    """What a trust policy says of a principal."""

    REFUSED = "refused"
    TRUSTED = "trusted"
    # The policy trusts the principal's account: the account's own policies have to allow it too.
    DELEGATED = "delegated"


def evaluate_trust(policy: Policy, principal: Principal, context: Context) -> Trust:
    """Return what a trust policy says of ``principal``'s wish to assume the role.

    Raises
    ------
    PolicyError
        The policy cannot be judged by.
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
        # Everybody, AWS services included.
        return (
            Trust.TRUSTED if (pattern.kind, pattern.identifier) == ("AWS", "*") else Trust.REFUSED
        )
    if pattern.identifier == "*" or pattern.identifier in principal.identifiers:
        return Trust.TRUSTED
    account = (principal.account, f"arn:aws:iam::{principal.account}:root")
    return Trust.DELEGATED if pattern.identifier in account else Trust.REFUSED
