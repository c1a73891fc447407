"""Serves an endpoint that differs from the embedded emulator in one thing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from emulation.endpoint import Endpoint
from tests.support.proxy import Answer, ProxyHandler, Request, proxy

Forward = Callable[[Request], Answer]
Difference = Callable[[Request, Forward], Answer]
"""Answers a request, and can get the emulator's own answer."""


@contextmanager
def other_endpoint(behind: Endpoint, difference: Difference) -> Iterator[Endpoint]:
    """Serve an endpoint that differs from the emulator behind it.

    Parameters
    ----------
    behind
        The emulator.
    difference
        The difference.
    """

    class Handler(ProxyHandler):
        def serve(self, request: Request) -> None:
            self.answer(difference(request, self.forward))

    with proxy(behind.url, Handler) as url:
        yield behind.at(url)


def operation(request: Request) -> str:
    """Return the operation of a request in one of the JSON protocols, for example ``PutRecords``.

    It is empty for the REST protocols, in which method and path name the operation.
    """
    return request.headers.get("x-amz-target", "").rpartition(".")[2]


def of(name: str) -> Callable[[Request], bool]:
    """Return a predicate for the requests of one operation."""
    return lambda request: operation(request) == name


def without_header(name: str, method: str) -> Difference:
    """S3 ignores a header of some requests."""

    def difference(request: Request, forward: Forward) -> Answer:
        if request.method == method:
            headers = {key: value for key, value in request.headers.items() if key != name}
            request = replace(request, headers=headers)
        return forward(request)

    return difference


def changed_answer(is_of: Callable[[Request], bool], change: Callable[[Any], None]) -> Difference:
    """Some JSON answers are changed in place."""

    def difference(request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        if not is_of(request) or answer.status // 100 != 2 or not answer.body:
            return answer
        content = json.loads(answer.body)
        change(content)
        return replace(answer, body=json.dumps(content).encode())

    return difference


def changed_request(name: str, change: Callable[[Any], None]) -> Difference:
    """The JSON requests of one operation are changed in place."""

    def difference(request: Request, forward: Forward) -> Answer:
        if operation(request) == name:
            content = json.loads(request.body)
            change(content)
            request = replace(request, body=json.dumps(content).encode())
        return forward(request)

    return difference


def replaced_text(pattern: bytes, by: bytes) -> Difference:
    """A text is replaced in every answer."""

    def difference(request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        return replace(answer, body=re.sub(pattern, by, answer.body))

    return difference


def not_implemented(is_of: Callable[[Request], bool]) -> Difference:
    """Some operations do not exist."""

    def difference(request: Request, forward: Forward) -> Answer:
        if not is_of(request):
            return forward(request)
        content = {"__type": "InternalFailure", "message": "not implemented\n<html>"}
        return Answer(
            501,
            [("Content-Type", "application/x-amz-json-1.1")],
            json.dumps(content).encode(),
        )

    return difference


class OwnFirehose:
    """The endpoint has a Firehose that delivers each record at once and unchanged.

    Parameters
    ----------
    behind
        The emulator.
    obstinate
        Whether it still delivers after a delivery stream is deleted.
    """

    def __init__(self, behind: Endpoint, *, obstinate: bool = False) -> None:
        self._s3 = behind.client("s3")
        self._obstinate = obstinate
        self._destinations: dict[str, tuple[str, str]] = {}
        self.delivered = 0

    def __call__(self, request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        match operation(request):
            case "CreateDeliveryStream":
                content = json.loads(request.body)
                settings = content["ExtendedS3DestinationConfiguration"]
                bucket = settings["BucketARN"].rpartition(":")[2]
                prefix = settings["Prefix"].partition("!{")[0]
                self._destinations[content["DeliveryStreamName"]] = (bucket, prefix)
            case "DeleteDeliveryStream" if not self._obstinate:
                self._destinations.pop(json.loads(request.body)["DeliveryStreamName"], None)
            case "PutRecords":
                for bucket, prefix in self._destinations.values():
                    key = f"{prefix}own-{self.delivered}"
                    # The bucket may be deleted. Firehose's clients get no error.
                    with suppress(ClientError):
                        self._s3.put_object(Bucket=bucket, Key=key, Body=request.body)
                        self.delivered += 1
        return answer
