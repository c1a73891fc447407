"""Requests as botocore makes them, without sending any. The gateway must read them correctly."""

from __future__ import annotations

import io
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.model import OperationModel
from botocore.session import Session, get_session

from emulation.gateway.api_call import ApiCall, recognise
from emulation.gateway.signed_request import HttpRequest, signature

ACCOUNT = "123456789012"


class _Sent(Exception):
    """Carries the request that botocore was about to send."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__()
        self.request = request


def sent(service: str, operation: str, **parameters: Any) -> HttpRequest:
    """Return the request that botocore sends for a client's method."""
    try:
        getattr(_client(service), operation)(**parameters)
    except _Sent as carried:
        return carried.request
    raise AssertionError("botocore sent nothing")


@cache
def _client(service: str) -> Any:
    client: Any = boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url="http://127.0.0.1:1",
        region_name="eu-west-1",
        aws_access_key_id="ASIAKEY",
        aws_secret_access_key="secret",
        aws_session_token="token",
        config=Config(s3={"addressing_style": "path"}, parameter_validation=False),
    )

    def carry_away(request: Any, **_: Any) -> AWSResponse:
        raise _Sent(_as_received(request))

    client.meta.events.register("before-send", carry_away)
    return client


def called(service: str, operation: str, **parameters: Any) -> ApiCall:
    """Return what the gateway makes of the request that botocore sends."""
    request = sent(service, operation, **parameters)
    signed = signature(request)
    assert signed is not None
    return recognise(request, signed)


@cache
def operations(service: str) -> list[OperationModel]:
    """Return all operations of a service, by botocore's model."""
    model = session().get_service_model(service)
    return [model.operation_model(name) for name in model.operation_names]


@cache
def session() -> Session:
    """Return botocore's session, which keeps what it has read of a service."""
    return get_session()


def minimal(shape: Any, depth: int = 0) -> Any:
    """Return a value of a shape (of botocore's model) that has the required members only."""
    if shape is None or depth > 6:
        return {}
    if shape.type_name == "structure":
        return {name: minimal(shape.members[name], depth + 1) for name in shape.required_members}
    if shape.type_name == "list":
        return [minimal(shape.member, depth + 1)]
    if shape.type_name == "map":
        return {"key": minimal(shape.value, depth + 1)}
    values: dict[str, Any] = {
        "string": "value",
        "integer": 1,
        "long": 1,
        "boolean": True,
        "blob": b"x",
        "timestamp": 0,
        "float": 1.0,
        "double": 1.0,
    }
    return values[shape.type_name]


def _as_received(request: Any) -> HttpRequest:
    url = urlsplit(request.url)
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
    body = request.body or b""
    if isinstance(body, io.IOBase):
        body = body.read()
    return HttpRequest(
        request.method,
        url.path + (f"?{url.query}" if url.query else ""),
        {"host": url.netloc, **headers},
        body.encode() if isinstance(body, str) else bytes(body),
    )
