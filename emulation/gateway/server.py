"""Starting and stopping the gateway: an HTTP server in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from types import TracebackType
from typing import Self

from aiohttp import web

from emulation.endpoint import Credentials, Endpoint
from emulation.gateway.activity import Activity, ActivityRecord, Denial
from emulation.gateway.assume_role import RoleAssumption
from emulation.gateway.authorizer import Authorizer
from emulation.gateway.errors import GatewayError
from emulation.gateway.forwarding import Forwarder, open_client
from emulation.gateway.issued_tokens import IssuedTokens
from emulation.gateway.lambda_invoke import LambdaInvoke
from emulation.gateway.proxy import Proxy
from emulation.gateway.queries import Queries, RunQuery
from emulation.gateway.role_policies import RolePolicyCache
from emulation.gateway.sessions import Sessions
from emulation.iam.grants import Grant, grants

_HOST = "127.0.0.1"
# Presigned URLs and session tokens are longer than aiohttp's default limits.
_LONGEST_LINE_BYTES = 64 * 1024
_CONCURRENT_INVOCATIONS = 64
_SHUTDOWN_SECONDS = 2.0


class Gateway:
    """Authorizes every request of a role in front of an AWS-compatible endpoint.

    A request that is signed with the access key of a role's session is checked against that
    role's policies, as IAM does. An unknown temporary key is refused. A request that is signed
    with any other key is the operator's and is forwarded. After the first request of a role,
    write to IAM only through the gateway: it caches a role's policies until it sees a write.
    Resource policies (of buckets, keys, functions) are not evaluated.

    Parameters
    ----------
    upstream
        The endpoint with the operator's credentials.
    lambda_invoke
        Answers Lambda's Invoke in place of the endpoint. It is called in a thread of its own
        and may block for as long as the function runs.
    keys
        The ARN of the customer-managed KMS key of each bucket, Kinesis stream or DynamoDB table
        that has one, by its own ARN. Readers and writers also need permissions for the key.
    run_query
        Answers Athena's queries in place of the endpoint, in a thread of its own.

    Raises
    ------
    GatewayError
        On entering, if the server cannot start.

    Example
    -------
    >>> with Gateway(Endpoint("http://127.0.0.1:5000")) as gateway:
    ...     credentials = gateway.assume_for_service(role_arn, "firehose.amazonaws.com")
    ...     kinesis = gateway.endpoint.with_credentials(credentials).client("kinesis")
    """

    def __init__(
        self,
        upstream: Endpoint,
        lambda_invoke: LambdaInvoke | None = None,
        *,
        keys: Mapping[str, str] | None = None,
        run_query: RunQuery | None = None,
    ) -> None:
        self._keys = keys or {}
        self._upstream = upstream
        self._invoke = lambda_invoke
        self._run_query = run_query
        self._record = ActivityRecord()
        self._sessions = Sessions()
        self._roles = RolePolicyCache(upstream.client("iam"))
        self._authorizer = Authorizer(self._record)
        self._assumption = RoleAssumption(upstream, self._roles, self._sessions, self._authorizer)
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._endpoint: Endpoint | None = None

    def __enter__(self) -> Self:
        """Start listening; returns when requests are answered."""
        ready: Future[int] = Future()
        self._thread = Thread(
            target=lambda: asyncio.run(self._serve(ready)), name="gateway", daemon=True
        )
        self._thread.start()
        self._endpoint = self._upstream.at(f"http://{_HOST}:{ready.result()}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening; running requests get a moment to end."""
        if self._thread is None or self._loop is None or self._stopping is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = None

    @property
    def endpoint(self) -> Endpoint:
        """The gateway's own endpoint, with the operator's credentials.

        Raises
        ------
        GatewayError
            The gateway is not started.
        """
        if self._endpoint is None:
            raise GatewayError("the gateway has no endpoint before it is started; enter it first")
        return self._endpoint

    def assume_for_service(
        self,
        role_arn: str,
        service_principal: str,
        *,
        source_arn: str | None = None,
        source_account: str | None = None,
    ) -> Credentials:
        """Assume a role as an AWS service does; thread-safe.

        Parameters
        ----------
        role_arn
            The role.
        service_principal
            The service, for example ``firehose.amazonaws.com``.
        source_arn
            The resource that the service acts for (``aws:SourceArn``), such as a delivery stream.
        source_account
            The account of that resource; by default the one in ``source_arn``.

        Returns
        -------
        Credentials
            A session of the role; requests that are signed with them are authorized.

        Raises
        ------
        AccessDenied
            The role's trust policy does not let this service assume it.
        RoleNotFound
            There is no such role.
        PolicyError
            The role's policies cannot be evaluated.
        """
        return self._assumption.for_service(
            role_arn, service_principal, source_arn=source_arn, source_account=source_account
        )

    def activity(self) -> tuple[Activity, ...]:
        """Return what roles have done and were refused so far."""
        return self._record.activity()

    def denials(self) -> tuple[Denial, ...]:
        """Return what roles were refused so far, each with AWS's message."""
        return self._record.denials()

    def unused_grants(self, role_arns: Iterable[str]) -> tuple[Grant, ...]:
        """Return what roles may do and have not done through this gateway.

        A request counts for the first grant that allows it. So a grant that another one makes
        redundant is among the unused.

        Raises
        ------
        RoleNotFound
            There is no such role.
        PolicyError
            A role's policies cannot be evaluated.
        """
        used = self._record.used()
        may = (
            grant
            for role_arn in role_arns
            for grant in grants(role_arn, self._roles.read(role_arn.rpartition("/")[2]).identity)
        )
        return tuple(sorted(set(may) - used))

    async def _serve(self, ready: Future[int]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        executor = ThreadPoolExecutor(_CONCURRENT_INVOCATIONS, "gateway-invoke")
        try:
            async with open_client() as client:
                runner = web.ServerRunner(
                    self._server(Forwarder(client, self._upstream.url), executor),
                    shutdown_timeout=_SHUTDOWN_SECONDS,
                )
                await runner.setup()
                try:
                    await web.TCPSite(runner, _HOST, 0).start()
                    ready.set_result(runner.addresses[0][1])
                    await self._stopping.wait()
                finally:
                    await runner.cleanup()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(GatewayError(f"the gateway cannot start at {_HOST}: {error}"))
        finally:
            # A function that still runs ends by its own timeout. Its answer is not needed.
            executor.shutdown(wait=False, cancel_futures=True)

    def _server(self, forwarder: Forwarder, executor: ThreadPoolExecutor) -> web.Server:
        proxy = Proxy(
            forwarder,
            self._roles,
            self._sessions,
            IssuedTokens(),
            self._authorizer,
            self._assumption,
            self._invoke,
            executor,
            self._keys,
            Queries(self._run_query, executor) if self._run_query else None,
        )
        return web.Server(
            proxy.handle,
            access_log=None,
            # Bodies are forwarded as they were signed.
            auto_decompress=False,
            max_line_size=_LONGEST_LINE_BYTES,
            max_field_size=_LONGEST_LINE_BYTES,
        )
