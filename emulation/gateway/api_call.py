"""The API call in an HTTP request: service, operation and parameters."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationNotFoundError, ServiceModel
from botocore.parsers import RpcV2CBORParser
from botocore.session import Session, get_session

from emulation.gateway.errors import UnjudgeableRequest
from emulation.gateway.rest_routes import Route, match, routes
from emulation.gateway.signed_request import HttpRequest, Signature

# Signing names that are not botocore's name of the service, or that two services share.
_SIGNING_NAMES: Mapping[str, tuple[str, ...]] = {
    "monitoring": ("cloudwatch",),
    "dynamodb": ("dynamodb", "dynamodbstreams"),
    "states": ("stepfunctions",),
}
_CBOR_PATH = re.compile(r"/service/(?P<target>[^/]+)/operation/(?P<operation>\w+)")


class Protocol(Enum):
    """The wire protocols of AWS, named as botocore names them."""

    JSON = "json"
    CBOR = "smithy-rpc-v2-cbor"
    QUERY = "query"
    REST_JSON = "rest-json"
    REST_XML = "rest-xml"


@dataclass(frozen=True)
class ApiCall:
    """One call of one operation.

    ``service`` is botocore's name of it. ``headers`` have lower-case names. ``url_parameters``
    are those in the URL and headers of a REST request, by the model's names. ``reads_body`` says
    whether the body has parameters, too; a function's input, for example, has none.
    """

    service: str
    operation: str
    protocol: Protocol
    region: str
    headers: Mapping[str, str]
    body: bytes
    url_parameters: Mapping[str, Any]
    reads_body: bool = True

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters, by the model's names; of a body of XML, none.

        Raises
        ------
        UnjudgeableRequest
            The body does not have the protocol's form.
        """
        read = _READERS.get(self.protocol)
        if read is None or not self.reads_body:
            return self.url_parameters
        try:
            body = self.body
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            found = read(body) if body else {}
        except (ValueError, OSError, EOFError, zlib.error, msgspec.DecodeError) as error:
            raise UnjudgeableRequest(
                f"{self.service}:{self.operation}: the body is not {self.protocol.value}: {error}"
            ) from error
        if not isinstance(found, Mapping):
            raise UnjudgeableRequest(
                f"{self.service}:{self.operation}: the body must be an object with parameters, "
                f"not {type(found).__name__}"
            )
        return {**self.url_parameters, **found}


def recognise(request: HttpRequest, signed: Signature) -> ApiCall:
    """Return which operation a request calls.

    Raises
    ------
    UnjudgeableRequest
        botocore's models of the service do not have the operation.
    """
    region, headers = signed.region, request.headers
    target = headers.get("x-amz-target")
    if target is not None:
        prefix, _, operation = target.rpartition(".")
        return _rpc(request, signed, prefix, operation, Protocol.JSON)
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        path = _CBOR_PATH.fullmatch(request.path)
        if path is not None:
            return _rpc(request, signed, path["target"], path["operation"], Protocol.CBOR)
    for model in _models(signed.signing_name):
        protocol = Protocol(model.resolved_protocol)
        if protocol in (Protocol.REST_JSON, Protocol.REST_XML):
            found = match(
                _routes(model.service_name), request.method, request.path, request.query, headers
            )
            if found is not None:
                route, parameters = found
                return ApiCall(
                    model.service_name,
                    route.operation,
                    protocol,
                    region,
                    headers,
                    request.body,
                    parameters,
                    route.reads_body,
                )
        else:
            form = _form(request.body) | dict(request.query)
            if "Action" in form:
                _require_operation(model, form["Action"])
                return ApiCall(
                    model.service_name,
                    form["Action"],
                    Protocol.QUERY,
                    region,
                    headers,
                    request.body,
                    _unfolded({name: value for name, value in form.items() if name != "Action"}),
                )
    raise UnjudgeableRequest(
        f"the gateway does not know the operation {request.method} {request.path}, signed for "
        f"{signed.signing_name}"
    )


def protocol_of(request: HttpRequest, signed: Signature) -> Protocol:
    """Return the protocol in which the sender of a request expects the answer."""
    if "x-amz-target" in request.headers:
        return Protocol.JSON
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return Protocol.CBOR
    for model in _models(signed.signing_name):
        if model.resolved_protocol in (Protocol.REST_JSON.value, Protocol.REST_XML.value):
            return Protocol(model.resolved_protocol)
    return Protocol.QUERY


def query_compatible(signed: Signature) -> bool:
    """Return whether clients of a JSON service still expect the query protocol's error codes."""
    return any("awsQueryCompatible" in model.metadata for model in _models(signed.signing_name))


def _rpc(
    request: HttpRequest, signed: Signature, target: str, operation: str, protocol: Protocol
) -> ApiCall:
    for model in _models(signed.signing_name):
        if model.metadata.get("targetPrefix") == target:
            _require_operation(model, operation)
            return ApiCall(
                model.service_name,
                operation,
                protocol,
                signed.region,
                request.headers,
                request.body,
                {},
            )
    raise UnjudgeableRequest(
        f"the gateway does not know the operation {target}.{operation}, signed for "
        f"{signed.signing_name}"
    )


def _require_operation(model: ServiceModel, operation: str) -> None:
    try:
        model.operation_model(operation)
    except OperationNotFoundError as error:
        raise UnjudgeableRequest(f"{model.service_name} has no operation {operation}") from error


@cache
def _models(signing_name: str) -> tuple[ServiceModel, ...]:
    try:
        return tuple(
            _botocore().get_service_model(name)
            for name in _SIGNING_NAMES.get(signing_name, (signing_name,))
        )
    except UnknownServiceError:
        return ()


@cache
def _routes(service: str) -> tuple[Route, ...]:
    return routes(_botocore().get_service_model(service))


@cache
def _botocore() -> Session:
    return get_session()


def _form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode("utf-8", "surrogateescape"), keep_blank_values=True))


def _unfolded(form: Mapping[str, str]) -> dict[str, Any]:
    """Return a form's parameters with its lists put together.

    ``Names.member.1`` is the first of ``Names``, ``Tags.member.1.Key`` a field of the first of
    ``Tags``.
    """
    found: dict[str, Any] = {}
    lists: dict[str, dict[str, Any]] = {}
    for name, value in form.items():
        parameter, listed, rest = name.partition(".member.")
        if not listed:
            found[name] = value
            continue
        index, _, field = rest.partition(".")
        items = lists.setdefault(parameter, {})
        if field:
            items.setdefault(index, {})[field] = value
        else:
            items[index] = value
    return found | {name: list(items.values()) for name, items in lists.items()}


def _cbor(body: bytes) -> Any:
    parser = RpcV2CBORParser()
    return parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))


def _json(body: bytes) -> Any:
    return msgspec.json.decode(body)


_READERS: Mapping[Protocol, Callable[[bytes], Any]] = {
    Protocol.JSON: _json,
    Protocol.CBOR: _cbor,
    Protocol.REST_JSON: _json,
}
