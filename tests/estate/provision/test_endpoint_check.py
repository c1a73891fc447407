"""AWS itself is refused, with a pointer to what is meant for it."""

import re
from pathlib import Path

import pytest

from emulation.endpoint import Endpoint
from estate.provision import EndpointRefusedError, check_endpoint, local_settings
from tests.support.proxy import Answer, ProxyHandler, Request, proxy


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.us-east-1.amazonaws.com",
        "https://lambda.us-east-1.amazonaws.com:443/",
        "https://LAMBDA.US-EAST-1.AMAZONAWS.COM.",
        "https://sts.cn-north-1.amazonaws.com.cn",
        "https://s3.eusc-de-east-1.amazonaws.eu",
        "https://lambda.us-east-1.api.aws",
        "https://glue.global.aws",
        "http://user@firehose.us-east-1.amazonaws.com/path",
    ],
)
def test_aws_is_refused(url: str) -> None:
    with pytest.raises(EndpointRefusedError, match="is AWS itself: deploy to AWS with `pulumi up`"):
        check_endpoint(url)


@pytest.mark.parametrize("url", ["", "localhost:5000", "ftp://localhost", "http://", "127.0.0.1"])
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    with pytest.raises(EndpointRefusedError, match="pulumi up"):
        check_endpoint(url)


@pytest.mark.parametrize("url", ["http://localhost:x", "http://[::1"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(EndpointRefusedError, match="is not a URL"):
        check_endpoint(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:5000",
        "http://localhost",
        "http://[::1]:4566",
        "https://emulator.example.com/aws",
        "http://amazonaws.com.example.com",
        "http://notamazonaws.com",
    ],
)
def test_an_emulator_is_accepted(url: str) -> None:
    check_endpoint(url)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (501, b"<!DOCTYPE html>\n<p>no POST\n<br></p>"),
        (200, b"<!DOCTYPE html>\n<p>welcome\n<br></p>"),
        (200, b"<GetCallerIdentityResponse/>"),
        (404, b""),
    ],
)
def test_a_web_server_that_is_no_emulator_is_refused_in_one_line(
    status: int, body: bytes, tmp_path: Path
) -> None:
    class Handler(ProxyHandler):
        def serve(self, request: Request) -> None:
            self.answer(Answer(status, [("Content-Type", "text/html")], body))

    with proxy("http://127.0.0.1:9", Handler) as url:
        said = f"endpoint {re.escape(url)} is not an AWS-compatible emulator: it does not answer"
        with pytest.raises(EndpointRefusedError, match=said) as refused:
            local_settings(Endpoint(url), "dev1", packages=tmp_path)
    assert "\n" not in str(refused.value)
