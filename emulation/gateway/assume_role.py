"""AssumeRole, for AWS services that have a role and for callers over HTTP."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulation.endpoint import Credentials, Endpoint
from emulation.gateway.api_call import ApiCall
from emulation.gateway.authorizer import Authorizer, Caller, denial_message
from emulation.gateway.errors import AccessDenied, UnjudgeableRequest
from emulation.gateway.requirement import Requirement
from emulation.gateway.role_policies import RolePolicyCache
from emulation.gateway.sessions import Session, Sessions, account_of
from emulation.iam.context import Context
from emulation.iam.policy import Policy, parse_policy
from emulation.iam.trust import ASSUME_ROLE, Principal, Trust, evaluate_trust

_NOT_A_SESSION_NAME = re.compile(r"[^\w+=,.@-]")
_LONGEST_SESSION_NAME = 64


class RoleAssumption:
    """Evaluates trust policies and keeps the sessions that result.

    Parameters
    ----------
    upstream
        The endpoint with the operator's credentials. Its STS makes the sessions' credentials.
    roles, sessions, authorizer
        The gateway's.
    """

    def __init__(
        self,
        upstream: Endpoint,
        roles: RolePolicyCache,
        sessions: Sessions,
        authorizer: Authorizer,
    ) -> None:
        self._sts: Any = upstream.client("sts")
        self._roles = roles
        self._sessions = sessions
        self._authorizer = authorizer
        self._account: str | None = None

    def for_service(
        self,
        role_arn: str,
        service_principal: str,
        *,
        source_arn: str | None,
        source_account: str | None,
    ) -> Credentials:
        """Assume a role as a service: see `emulation.gateway.Gateway.assume_for_service`."""
        role = self._roles.read(role_arn.rpartition("/")[2])
        keys = {
            "aws:PrincipalIsAWSService": "true",
            "aws:PrincipalServiceName": service_principal,
            "aws:SecureTransport": "true",
        }
        source_account = source_account or (account_of(source_arn) if source_arn else None)
        if source_arn:
            keys["aws:SourceArn"] = source_arn
        if source_account:
            keys["aws:SourceAccount"] = source_account
        principal = Principal("Service", frozenset({service_principal}))
        if role.arn != role_arn or (
            evaluate_trust(role.trust, principal, Context(keys)) is Trust.REFUSED
        ):
            raise AccessDenied(
                f"{service_principal} is not authorized to perform: {ASSUME_ROLE} on resource: "
                f"{role_arn} (for {source_arn or 'no source ARN'}, account "
                f"{source_account or 'unknown'}): its trust policy does not allow it"
            )
        name = _NOT_A_SESSION_NAME.sub("-", service_principal.partition(".")[0])
        answer = self._sts.assume_role(
            RoleArn=role_arn, RoleSessionName=name[:_LONGEST_SESSION_NAME]
        )
        made, user = answer["Credentials"], answer["AssumedRoleUser"]
        self._sessions.add(
            made["AccessKeyId"], Session(role_arn, user["Arn"], user["AssumedRoleId"])
        )
        return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])

    def judge(self, call: ApiCall, caller: Session | None) -> tuple[Policy, ...]:
        """Authorize an AssumeRole call, and return the session policies that it passes.

        Parameters
        ----------
        call
            The call, of STS.
        caller
            The session of the calling role; None for the operator, who is the account's root.

        Raises
        ------
        AccessDenied
            The trust policy, or the caller's own policies, do not allow it.
        GatewayError
            The gateway cannot evaluate the call.
        """
        role_arn = str(call.parameters.get("RoleArn", ""))
        role = self._roles.read(role_arn.rpartition("/")[2])
        principal = caller.principal if caller else self._operator()
        keys = _assumption_keys(call.parameters, principal, caller)
        trust = evaluate_trust(role.trust, principal, Context(keys))
        if role.arn != role_arn or trust is Trust.REFUSED:
            who = caller.session_arn if caller else next(iter(principal.identifiers))
            message = denial_message(
                who, ASSUME_ROLE, role_arn, "because the role's trust policy does not allow it"
            )
            if caller:
                self._authorizer.refuse(caller, ASSUME_ROLE, role_arn, message)
            raise AccessDenied(message)
        if caller:
            self._authorizer.require(
                Caller(caller, self._roles.read(caller.role_name)),
                call,
                Requirement(ASSUME_ROLE, role_arn, _own_keys(call.parameters)),
                granted_by_resource=trust is Trust.TRUSTED,
            )
        return self._session_policies(call.parameters)

    def _operator(self) -> Principal:
        if self._account is None:
            self._account = str(self._sts.get_caller_identity()["Account"])
        root = f"arn:aws:iam::{self._account}:root"
        return Principal("AWS", frozenset({root}), self._account)

    def _session_policies(self, parameters: Mapping[str, Any]) -> tuple[Policy, ...]:
        policies: list[Policy] = []
        if parameters.get("Policy"):
            policies.append(parse_policy(str(parameters["Policy"]), name="session policy"))
        for name, value in parameters.items():
            if name.startswith("PolicyArns."):
                policies.append(self._roles.managed(str(value)))
            elif name.startswith(("Tags.", "TransitiveTagKeys.", "SourceIdentity")):
                raise UnjudgeableRequest(
                    f"the gateway does not support AssumeRole with {name}; leave it out"
                )
        return tuple(policies)


def _own_keys(parameters: Mapping[str, Any]) -> dict[str, str]:
    names = {"ExternalId": "sts:ExternalId", "RoleSessionName": "sts:RoleSessionName"}
    return {key: str(parameters[name]) for name, key in names.items() if name in parameters}


def _assumption_keys(
    parameters: Mapping[str, Any], principal: Principal, caller: Session | None
) -> dict[str, str]:
    return {
        **_own_keys(parameters),
        "aws:PrincipalArn": caller.role_arn if caller else next(iter(principal.identifiers)),
        "aws:PrincipalAccount": principal.account,
        "aws:PrincipalType": "AssumedRole" if caller else "Account",
        "aws:PrincipalIsAWSService": "false",
        "aws:SecureTransport": "true",
        "aws:SourceIp": "127.0.0.1",
    }
