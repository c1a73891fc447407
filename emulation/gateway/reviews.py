"""What the gateway learns from the endpoint's answers, and the one answer that it replaces."""

from __future__ import annotations

from aiohttp import web

from emulation.gateway import faults
from emulation.gateway.api_call import ApiCall
from emulation.gateway.authorizer import Authorizer, Caller
from emulation.gateway.forwarding import Review, respond
from emulation.gateway.issued_tokens import ISSUING, IssuedTokens
from emulation.gateway.requirement import Requirement
from emulation.gateway.role_policies import RolePolicyCache
from emulation.gateway.s3_requirements import existence_requirement

_READING_IAM = ("Get", "List", "Simulate", "Generate")


class Reviews:
    """Decides what is done with the answer to each call."""

    def __init__(
        self, roles: RolePolicyCache, tokens: IssuedTokens, authorizer: Authorizer
    ) -> None:
        self._roles = roles
        self._tokens = tokens
        self._authorizer = authorizer

    def of(
        self,
        request: web.BaseRequest,
        call: ApiCall,
        caller: Caller | None,
        needed: tuple[Requirement, ...],
    ) -> Review | None:
        """Return what to do with the answer to a call, if anything.

        Parameters
        ----------
        request, call
            The request as received, and its call.
        caller
            The role that calls; None for the operator.
        needed
            The permissions that the call needed.
        """
        if call.service == "iam" and not call.operation.startswith(_READING_IAM):
            return Review(200, lambda answer: self._roles.forget())
        if caller is None:
            return None
        if (call.service, call.operation) in ISSUING:
            resource = needed[0].resource
            return Review(200, lambda answer: self._tokens.remember(call, resource, answer))
        existence = existence_requirement(call) if call.service == "s3" else None
        if existence is None:
            return None
        return Review(404, lambda answer: self._hidden(request, call, caller, existence, answer))

    def _hidden(
        self,
        request: web.BaseRequest,
        call: ApiCall,
        caller: Caller,
        needed: Requirement,
        answer: bytes,
    ) -> web.Response | None:
        if request.method != "HEAD" and b"NoSuchKey" not in answer:
            return None
        if self._authorizer.may(caller, call, needed):
            return None
        message = (
            f"Access Denied: without {needed.action} on {needed.resource}, S3 does not say "
            "whether the object exists"
        )
        self._authorizer.refuse(caller.session, needed.action, needed.resource, message)
        return respond(request, faults.answer(faults.ACCESS_DENIED, message, call.protocol))
