"""Forwarding a request and its answer unchanged, or answering in place of the endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from emulation.gateway.faults import Answer

# Headers of one connection, not of the message (RFC 9110 §7.6.1). The gateway answers Expect.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_SMALL_ANSWER_BYTES = 1 << 20


@dataclass(frozen=True)
class Review:
    """A check of the endpoint's answer, if that has a certain status, before it is returned.

    ``look`` gets the whole body. If it returns a response, that is returned instead.
    """

    status: int
    look: Callable[[bytes], web.Response | None]


class Forwarder:
    """Forwards requests to the upstream endpoint.

    Parameters
    ----------
    client
        A session made by :func:`open_client`.
    upstream
        Base URL of the endpoint.
    """

    def __init__(self, client: aiohttp.ClientSession, upstream: str) -> None:
        self._client = client
        self._upstream = upstream.rstrip("/")

    async def forward(
        self, request: web.BaseRequest, body: bytes | None, review: Review | None = None
    ) -> web.StreamResponse:
        """Forward a request and return the answer.

        Parameters
        ----------
        request
            The request as received.
        body
            Its body if that was read already; None streams it.
        review
            The check of the answer before it is returned.

        Raises
        ------
        aiohttp.ClientError
            The endpoint cannot be reached, or closed the connection before it answered.
        """
        data: bytes | AsyncIterator[bytes] | None = body
        if body is None and request.can_read_body:
            if request.headers.get("Expect", "").lower() == "100-continue":
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            data = request.content.iter_any()
        async with self._client.request(
            request.method,
            # Still encoded, because the path's bytes are the object's key, and are signed.
            URL(self._upstream + request.raw_path, encoded=True),
            headers=_end_to_end(request.headers),
            data=data,
            allow_redirects=False,
        ) as answer:
            reviewed = review is not None and review.status == answer.status
            length = answer.content_length
            small = length is not None and length <= _SMALL_ANSWER_BYTES
            if not reviewed and (request.method == "HEAD" or not small):
                return await _streamed(request, answer)
            content = await answer.read()
            if review is not None and reviewed:
                replacement = review.look(content)
                if replacement is not None:
                    return replacement
            if request.method == "HEAD":
                return await _streamed(request, answer)
            headers = _end_to_end(answer.headers)
            headers.pop("Content-Length", None)
            return web.Response(status=answer.status, headers=headers, body=content)


@asynccontextmanager
async def open_client() -> AsyncIterator[aiohttp.ClientSession]:
    """Open an HTTP client that adds no header, follows no redirect, decodes and limits nothing."""
    async with aiohttp.ClientSession(
        # Shorter than the idle timeout of servers, so that no closing connection is reused.
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=2),
        timeout=aiohttp.ClientTimeout(total=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
    ) as client:
        yield client


async def _streamed(request: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=_end_to_end(answer.headers))
    await response.prepare(request)
    async for chunk in answer.content.iter_any():
        await response.write(chunk)
    await response.write_eof()
    return response


def _end_to_end(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    dropped = _HOP_BY_HOP | {
        name.strip().lower() for name in headers.get("Connection", "").split(",")
    }
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in dropped
    )


def respond(request: web.BaseRequest, answer: Answer) -> web.Response:
    """Return the gateway's own answer to a request."""
    response = web.Response(status=answer.status, headers=answer.headers, body=answer.body)
    if request.can_read_body:
        # The body was not read, and after "Expect: 100-continue" it is never sent. So the
        # connection cannot be used again.
        response.force_close()
    return response
