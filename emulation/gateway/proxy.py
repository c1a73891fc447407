"""One request through the gateway: find the caller and the call, authorize it, answer it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import TypeVar

import aiohttp
from aiohttp import web
from botocore.exceptions import BotoCoreError, ClientError

from emulation.endpoint import Credentials
from emulation.gateway import faults
from emulation.gateway.api_call import ApiCall, Protocol, protocol_of, query_compatible, recognise
from emulation.gateway.assume_role import RoleAssumption
from emulation.gateway.authorizer import Authorizer, Caller
from emulation.gateway.errors import AccessDenied, GatewayError, UnjudgeableRequest
from emulation.gateway.faults import Answer
from emulation.gateway.forwarding import Forwarder, Review, respond
from emulation.gateway.issued_tokens import IssuedTokens
from emulation.gateway.lambda_invoke import (
    LambdaInvoke,
    invoke_answer,
    invoke_request,
)
from emulation.gateway.queries import Queries
from emulation.gateway.requirement import Requirement
from emulation.gateway.requirements import requirements
from emulation.gateway.resource_rules import Place
from emulation.gateway.reviews import Reviews
from emulation.gateway.role_policies import RolePolicies, RolePolicyCache
from emulation.gateway.s3_requirements import bucket_arn
from emulation.gateway.sessions import TEMPORARY_KEY_PREFIX, Session, Sessions
from emulation.gateway.signed_request import HttpRequest, Signature, signature
from emulation.iam.errors import PolicyError

_T = TypeVar("_T")
_LOG = logging.getLogger(__name__)

# The gateway acts on the operator's calls of these services only. It forwards all others.
_CONCERNING = frozenset({"athena", "iam", "lambda", "sts"})


class Proxy:
    """Answers requests: refuses them, invokes a function, or forwards them.

    Parameters
    ----------
    forwarder
        Forwards requests to the endpoint.
    roles, sessions, tokens
        What is known of roles, of their sessions, and of the tokens issued to them.
    authorizer, assumption
        Authorize calls, and AssumeRole.
    invoke
        Answers Lambda's Invoke in place of the endpoint; None if the endpoint answers it.
    executor
        Runs ``invoke``, which may take minutes.
    queries
        Answers Athena's queries in place of the endpoint; None if the endpoint answers them.
    keys
        See :class:`emulation.gateway.Gateway`.
    """

    def __init__(
        self,
        forwarder: Forwarder,
        roles: RolePolicyCache,
        sessions: Sessions,
        tokens: IssuedTokens,
        authorizer: Authorizer,
        assumption: RoleAssumption,
        invoke: LambdaInvoke | None,
        executor: Executor,
        keys: Mapping[str, str],
        queries: Queries | None = None,
    ) -> None:
        self._forwarder = forwarder
        self._roles = roles
        self._sessions = sessions
        self._tokens = tokens
        self._authorizer = authorizer
        self._assumption = assumption
        self._reviews = Reviews(roles, tokens, authorizer)
        self._invoke = invoke
        self._executor = executor
        self._keys = keys
        self._queries = queries

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        head = HttpRequest(request.method, request.raw_path, _headers(request))
        # The signature is not verified: the gateway finds missing permissions, not intruders.
        signed = signature(head)
        if signed is None:
            protocol = Protocol.JSON if "x-amz-target" in head.headers else Protocol.REST_XML
            message = "the request is not signed with Signature Version 4"
            return respond(request, faults.answer(faults.NOT_SIGNED, message, protocol))
        protocol = protocol_of(head, signed)
        session = self._sessions.get(signed.access_key_id)
        if session is None and signed.access_key_id.startswith(TEMPORARY_KEY_PREFIX):
            message = (
                f"The security token of access key {signed.access_key_id} is invalid: it was not "
                "issued through this gateway"
            )
            return respond(request, faults.answer(faults.UNKNOWN_KEY, message, protocol))
        try:
            if session is None:
                return await self._operator(request, head, signed)
            return await self._role(request, head, signed, session)
        except AccessDenied as error:
            answer = _denied(signed, protocol, str(error))
        except (GatewayError, PolicyError) as error:
            _LOG.error("cannot authorize %s %s: %s", head.method, head.path, error)
            answer = _denied(signed, protocol, f"the gateway cannot authorize this: {error}")
        except (aiohttp.ClientError, BotoCoreError, ClientError) as error:
            message = f"the endpoint behind the gateway does not answer: {error}"
            answer = faults.answer(faults.UNAVAILABLE, message, protocol)
        return respond(request, answer)

    async def _operator(
        self, request: web.BaseRequest, head: HttpRequest, signed: Signature
    ) -> web.StreamResponse:
        if signed.signing_name not in _CONCERNING:
            return await self._forwarder.forward(request, None)
        body = await _read(request)
        try:
            call = recognise(_with_body(head, body), signed)
        except UnjudgeableRequest:
            return await self._forwarder.forward(request, body)
        return await self._carry_out(request, call, None, (), body, _credentials(head, signed))

    async def _role(
        self, request: web.BaseRequest, head: HttpRequest, signed: Signature, session: Session
    ) -> web.StreamResponse:
        streamed = signed.signing_name == "s3" and "delete" not in head.query
        body = None if streamed else await _read(request)
        action = f"{signed.signing_name}:unrecognised"
        try:
            call = recognise(_with_body(head, body or b""), signed)
            action = f"{call.service}:{call.operation}"
            role = await self._role_of(session)
            # AssumeRole also depends on the other role's trust policy: see RoleAssumption.
            place = Place(session.account, self._tokens, self._keys)
            needed = () if _is_assumption(call) else requirements(call, place)
        except (GatewayError, PolicyError) as error:
            self._authorizer.refuse(session, action, "unknown", str(error))
            raise
        caller = Caller(session, role)
        if call.operation == "DeleteObjects":
            refusal = self._deletion_refusal(call, caller, needed)
            if refusal is not None:
                return respond(request, refusal)
        else:
            for requirement in needed:
                self._authorizer.require(caller, call, requirement)
        return await self._carry_out(
            request, call, caller, needed, body, _credentials(head, signed)
        )

    async def _role_of(self, session: Session) -> RolePolicies:
        cached = self._roles.cached(session.role_name)
        if cached is not None:
            return cached
        return await _in_thread(self._roles.read, session.role_name)

    def _deletion_refusal(
        self, call: ApiCall, caller: Caller, needed: tuple[Requirement, ...]
    ) -> Answer | None:
        objects = f"{bucket_arn(str(call.parameters['Bucket']))}/"
        refused: dict[str, str] = {}
        for requirement in needed:
            try:
                self._authorizer.require(caller, call, requirement)
            except AccessDenied as error:
                refused.setdefault(requirement.resource.removeprefix(objects), str(error))
        if not refused:
            return None
        keys = dict.fromkeys(item.resource.removeprefix(objects) for item in needed)
        return faults.deletion_refused(refused, [key for key in keys if key not in refused])

    async def _carry_out(
        self,
        request: web.BaseRequest,
        call: ApiCall,
        caller: Caller | None,
        needed: tuple[Requirement, ...],
        body: bytes | None,
        credentials: Credentials,
    ) -> web.StreamResponse:
        if self._invoke is not None and (call.service, call.operation) == ("lambda", "Invoke"):
            return respond(request, await self._invoked(self._invoke, call))
        if _is_assumption(call):
            session = caller.session if caller else None
            policies = await _in_thread(self._assumption.judge, call, session)
            role_arn = str(call.parameters["RoleArn"])

            def remember_session(answer: bytes) -> None:
                self._sessions.add_answer(answer, role_arn, policies)

            return await self._forwarder.forward(request, body, Review(200, remember_session))
        review = self._reviews.of(request, call, caller, needed)
        if self._queries is not None:
            answer = self._queries.answer(call)
            if answer is not None:
                return respond(request, answer)
            review = self._queries.review(request, call, credentials, review)
        return await self._forwarder.forward(request, body, review)

    async def _invoked(self, invoke: LambdaInvoke, call: ApiCall) -> Answer:
        loop = asyncio.get_running_loop()
        try:
            response = await loop.run_in_executor(self._executor, invoke, invoke_request(call))
        except Exception:
            _LOG.exception("invoking %s failed", call.parameters["FunctionName"])
            return faults.answer(faults.FAILED, "the function host failed", call.protocol)
        return invoke_answer(call, response)


async def _in_thread(function: Callable[..., _T], *arguments: object) -> _T:
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


def _with_body(head: HttpRequest, body: bytes) -> HttpRequest:
    return replace(head, body=body) if body else head


def _is_assumption(call: ApiCall) -> bool:
    return (call.service, call.operation) == ("sts", "AssumeRole")


def _denied(signed: Signature, protocol: Protocol, message: str) -> Answer:
    compatible = protocol is Protocol.JSON and query_compatible(signed)
    return faults.answer(faults.ACCESS_DENIED, message, protocol, query_compatible=compatible)


def _credentials(head: HttpRequest, signed: Signature) -> Credentials:
    """Return the caller's credentials, to act as the caller: no request says the secret key."""
    token = head.headers.get("x-amz-security-token")
    return Credentials(signed.access_key_id, "unknown", token)


def _headers(request: web.BaseRequest) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        name = name.lower()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


async def _read(request: web.BaseRequest) -> bytes:
    if not request.can_read_body:
        return b""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return await request.content.read()
