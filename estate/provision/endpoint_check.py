"""Checks where a stack may be provisioned without Pulumi: any endpoint except AWS's own."""

from __future__ import annotations

from urllib.parse import urlsplit

from estate.errors import EndpointRefusedError

_AWS_DOMAINS = ("amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws", "aws")
_REMEDY = "deploy to AWS with `pulumi up`"


def check_endpoint(url: str) -> None:
    """Refuse an endpoint that is AWS, or whose URL is not valid.

    Resources that this package creates have no state, no preview and no protection. On AWS, only
    `pulumi up` may create them.

    Raises
    ------
    EndpointRefusedError
        ``url`` belongs to AWS, or is not an ``http`` or ``https`` URL with a host.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise EndpointRefusedError(f"endpoint {url!r} is not a URL: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise EndpointRefusedError(
            f"endpoint {url!r} is not a URL of an AWS-compatible emulator such as "
            f"http://127.0.0.1:5000; without one, {_REMEDY}"
        )
    host = host.rstrip(".")
    if any(host == domain or host.endswith(f".{domain}") for domain in _AWS_DOMAINS):
        raise EndpointRefusedError(f"endpoint {url!r} is AWS itself: {_REMEDY}")
