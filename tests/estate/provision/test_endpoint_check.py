"""AWS itself is refused, with a pointer to what is meant for it."""

import pytest

from estate.provision import EndpointRefusedError, check_endpoint


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
