"""IAM's decision: whether policies allow a request.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from emulation.iam.context import Context
from emulation.iam.errors import PolicyError
from emulation.iam.policy import Policy, Statement

# The article and the name of each kind of policy in AWS's messages.
_KINDS = {
    "identity": ("an", "identity-based policy"),
    "boundary": ("a", "permissions boundary"),
    "session": ("a", "session policy"),
}


@dataclass(frozen=True)
class Request:
    """A request to evaluate: one action (``s3:GetObject``) on one resource (an ARN, or ``*``)."""

    action: str
    resource: str
    context: Context = field(default_factory=Context)


@dataclass(frozen=True)
class Decision:
    """Whether a request is allowed, and why.

    Parameters
    ----------
    allowed
        Whether the request may be carried out.
    reason
        The end of AWS's message: ``because no identity-based policy allows the … action``;
        empty if the request is allowed.
    policy, statement, action, resource
        The statement that decided: the name of its policy, its Sid or position, and its texts
        that match the action and the resource. If several statements allow the request, it is
        the first. None if no statement matches.
    """

    allowed: bool
    reason: str = ""
    policy: str | None = None
    statement: str | None = None
    action: str | None = None
    resource: str | None = None


@dataclass(frozen=True)
class Grants:
    """All policies that apply to one session of a role.

    Parameters
    ----------
    identity
        The role's inline and attached policies.
    boundary
        The permissions boundary, if one is set.
    session
        The policies passed to AssumeRole, if any were.
    """

    identity: tuple[Policy, ...]
    boundary: Policy | None = None
    session: tuple[Policy, ...] = ()


def evaluate(request: Request, policies: Sequence[Policy], *, kind: str = "identity") -> Decision:
    """Evaluate a request by policies of one kind: a deny overrides an allow; the default is deny.

    Raises
    ------
    PolicyError
        A policy that the decision depends on cannot be evaluated.
    """
    decisive: Decision | None = None
    for policy, statement, action, resource in _matching(request, policies):
        if statement.effect == "Deny":
            reason = f"with an explicit deny in {_KINDS[kind][0]} {_KINDS[kind][1]}"
            return Decision(False, reason, policy.name, statement.label, action, resource)
        decisive = decisive or Decision(True, "", policy.name, statement.label, action, resource)
    if decisive is None:
        return Decision(False, f"because no {_KINDS[kind][1]} allows the {request.action} action")
    return decisive


def evaluate_grants(
    request: Request, grants: Grants, *, granted_by_resource: bool = False
) -> Decision:
    """Evaluate a request by all policies of a session: each kind of policy must allow it.

    Parameters
    ----------
    granted_by_resource
        Whether the resource's own policy (a trust policy) allows the session's role by name.
        Then the identity policies need not allow the request, but they can still deny it.

    Raises
    ------
    PolicyError
        A policy that the decision depends on cannot be evaluated.
    """
    decision = evaluate(request, grants.identity)
    if granted_by_resource and decision.policy is None:
        decision = Decision(True)
    if decision.allowed and grants.boundary is not None:
        limited = evaluate(request, (grants.boundary,), kind="boundary")
        decision = decision if limited.allowed else limited
    if decision.allowed and grants.session:
        limited = evaluate(request, grants.session, kind="session")
        decision = decision if limited.allowed else limited
    return decision


def _matching(
    request: Request, policies: Iterable[Policy]
) -> Iterator[tuple[Policy, Statement, str, str]]:
    for policy in policies:
        for statement in policy.statements:
            try:
                action = statement.action_text(request.action, request.context)
                if action is None:
                    continue
                resource = statement.resource_text(request.resource, request.context)
                if resource is not None and statement.conditions_hold(request.context):
                    yield policy, statement, action, resource
            except PolicyError as error:
                raise type(error)(f"{policy.name}: {statement.label}: {error}") from error
