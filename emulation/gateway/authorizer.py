"""Decides whether the policies of a session allow what a call needs."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from emulation.gateway.activity import ActivityRecord
from emulation.gateway.api_call import ApiCall
from emulation.gateway.errors import AccessDenied
from emulation.gateway.requirement import Requirement
from emulation.gateway.role_policies import RolePolicies
from emulation.gateway.sessions import Session, account_of
from emulation.iam.context import Context
from emulation.iam.errors import PolicyError
from emulation.iam.evaluate import Decision, Grants, Request, evaluate_grants
from emulation.iam.grants import Grant

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Caller:
    """A role that calls: its session and its policies."""

    session: Session
    role: RolePolicies


class Authorizer:
    """Authorizes the calls of roles, and records each decision.

    Parameters
    ----------
    record
        Counts what was allowed and refused.
    """

    def __init__(self, record: ActivityRecord) -> None:
        self._record = record

    def require(
        self,
        caller: Caller,
        call: ApiCall,
        needed: Requirement,
        *,
        granted_by_resource: bool = False,
    ) -> None:
        """Authorize one requirement of a call, and record the decision.

        Parameters
        ----------
        caller, call
            Who calls what.
        needed
            One of the call's requirements.
        granted_by_resource
            See :func:`emulation.iam.evaluate.evaluate_grants`.

        Raises
        ------
        AccessDenied
            It is not allowed; the message is AWS's.
        PolicyError
            A policy that the decision depends on cannot be evaluated.
        """
        try:
            decision = _decide(caller, call, needed, granted_by_resource)
        except PolicyError as error:
            self.refuse(caller.session, needed.action, needed.resource, str(error))
            raise
        if not decision.allowed:
            message = denial_message(
                caller.session.session_arn, needed.action, needed.resource, decision.reason
            )
            self.refuse(caller.session, needed.action, needed.resource, message)
            raise AccessDenied(message)
        self._allow(caller, needed, decision)

    def may(self, caller: Caller, call: ApiCall, needed: Requirement) -> bool:
        """Return whether an optional requirement is allowed; record it only if it is.

        Raises
        ------
        PolicyError
            A policy that the decision depends on cannot be evaluated.
        """
        decision = _decide(caller, call, needed, granted_by_resource=False)
        if decision.allowed:
            self._allow(caller, needed, decision)
        return decision.allowed

    def refuse(self, session: Session, action: str, resource: str, message: str) -> None:
        """Record and log a refusal."""
        self._record.deny(session.role_arn, action, resource, message)
        _LOG.warning("denied: %s", message)

    def _allow(self, caller: Caller, needed: Requirement, decision: Decision) -> None:
        role_arn, grant = caller.session.role_arn, None
        if decision.policy and decision.statement and decision.action and decision.resource:
            grant = Grant(
                role_arn, decision.statement, decision.action, decision.resource, decision.policy
            )
        self._record.allow(role_arn, needed.action, needed.resource, grant)


def _decide(
    caller: Caller, call: ApiCall, needed: Requirement, granted_by_resource: bool
) -> Decision:
    session, role = caller.session, caller.role
    keys = _global_keys(session, call.region, call.headers, needed.resource)
    request = Request(needed.action, needed.resource, Context({**keys, **needed.keys}))
    grants = Grants(role.identity, role.boundary, session.policies)
    return evaluate_grants(request, grants, granted_by_resource=granted_by_resource)


def denial_message(who: str, action: str, resource: str, reason: str) -> str:
    """Return AWS's message for a refusal; ``who`` is the caller's ARN."""
    return f"User: {who} is not authorized to perform: {action} on resource: {resource} {reason}"


def _global_keys(
    session: Session, region: str, headers: Mapping[str, str], resource: str
) -> dict[str, str | Sequence[str]]:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    owner = account_of(resource) or session.account
    keys: dict[str, str | Sequence[str]] = {
        "aws:PrincipalArn": session.role_arn,
        "aws:PrincipalAccount": session.account,
        "aws:PrincipalType": "AssumedRole",
        "aws:PrincipalIsAWSService": "false",
        "aws:userid": session.user_id,
        "aws:RequestedRegion": region,
        # The loopback interface takes the place of the TLS connection to AWS.
        "aws:SecureTransport": "true",
        "aws:SourceIp": "127.0.0.1",
        "aws:ViaAWSService": "false",
        "aws:CurrentTime": datetime.now(UTC).isoformat(),
        "aws:EpochTime": str(int(time.time())),
        "aws:ResourceAccount": owner,
    }
    if "user-agent" in headers:
        keys["aws:UserAgent"] = headers["user-agent"]
    if resource.startswith("arn:aws:s3:"):
        keys["s3:ResourceAccount"] = owner
    if resource.startswith("arn:aws:kms:"):
        keys["kms:CallerAccount"] = session.account
    return keys
