"""What the documented policies say of the recorded requests, by the gateway's own judgement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulation.gateway.activity import ActivityRecord
from emulation.gateway.api_call import ApiCall, Protocol
from emulation.gateway.authorizer import Authorizer, Caller
from emulation.gateway.errors import AccessDenied
from emulation.gateway.issued_tokens import IssuedTokens
from emulation.gateway.requirements import requirements
from emulation.gateway.resource_rules import Place
from emulation.gateway.role_policies import RolePolicies
from emulation.gateway.sessions import Session
from emulation.iam.policy import Policy, parse_policy
from tests.delivery.provider_requests import ACCOUNT, ANY_ID, REGION, as_call

_ROLE = f"arn:aws:iam::{ACCOUNT}:role/deployer"
_SESSION = Session(_ROLE, f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/ci", "AROA:ci")
_WORKGROUP = f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/prd3292_dev1_dmnd_pipeline"


def policies(*documents: Mapping[str, Any]) -> tuple[Policy, ...]:
    """Read policy documents."""
    return tuple(parse_policy(each, name=f"policy {n}") for n, each in enumerate(documents))


def refused(
    granted: Sequence[Policy],
    request: Mapping[str, Any],
    boundaries: Mapping[str, str] | None = None,
) -> list[str]:
    """Return why a role with these policies may not make a recorded request; nothing if it may.

    ``boundaries`` are those of existing roles, by the role's ARN.
    """
    caller = Caller(_SESSION, RolePolicies(_ROLE, Policy("trust", ()), tuple(granted), None))
    place = Place(ACCOUNT, _tokens(), boundaries={} if boundaries is None else boundaries)
    authorizer = Authorizer(ActivityRecord())
    call = as_call(request)
    found = []
    for needed in requirements(call, place):
        try:
            authorizer.require(caller, call, needed)
        except AccessDenied as denied:
            found.append(str(denied))
    return found


def _tokens() -> IssuedTokens:
    tokens = IssuedTokens()
    made = ApiCall("athena", "CreateNamedQuery", Protocol.JSON, REGION, {}, b"", {})
    tokens.remember(made, _WORKGROUP, f'{{"NamedQueryId": "{ANY_ID}"}}'.encode())
    return tokens
