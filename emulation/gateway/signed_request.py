"""An HTTP request as received, and the credential scope of its signature."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl

_SCOPE = re.compile(
    r"(?P<key>[^/\s]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request",
)


@dataclass(frozen=True)
class HttpRequest:
    """A request as received: raw target, headers by lower-case name, body if it was read."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @cached_property
    def path(self) -> str:
        """The path, percent-encoded as sent."""
        return self.target.partition("?")[0]

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The query parameters, decoded; the first of each name."""
        pairs = parse_qsl(self.target.partition("?")[2], keep_blank_values=True)
        return dict(reversed(pairs))


@dataclass(frozen=True)
class Signature:
    """The credential scope of a signed request (Signature Version 4)."""

    access_key_id: str
    region: str
    signing_name: str


def signature(request: HttpRequest) -> Signature | None:
    """Return the signature of a request, or None if it is not signed with Version 4."""
    authorization = request.headers.get("authorization", "")
    if authorization.startswith("AWS4-HMAC-SHA256"):
        scope = authorization.partition("Credential=")[2].partition(",")[0]
    else:
        scope = request.query.get("X-Amz-Credential", "")
    found = _SCOPE.fullmatch(scope.strip())
    if found is None:
        return None
    return Signature(found["key"], found["region"], found["service"])
