from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from emulation.endpoint import Endpoint
from emulation.gateway import Gateway, GatewayError
from tests.emulation.gateway.conftest import MakeRole, allow

OPERATOR = (
    "AWS4-HMAC-SHA256 Credential=operator/20261122/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
)


class _Echo(BaseHTTPRequestHandler):
    """Keeps what it received, and answers with a body that no client could produce itself."""

    protocol_version = "HTTP/1.1"
    received: ClassVar[list[tuple[str, list[tuple[str, str]], bytes]]] = []

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self._chunks()
        self.received.append((self.requestline, self.headers.items(), body))
        if self.path == "/redirected":
            self.send_response(307)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("X-Twice", "a")
        self.send_header("X-Twice", "b")
        self.send_header("Content-Length", "9")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"not\x00gzip!")

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def echo() -> Iterator[tuple[str, int]]:
    """A gateway in front of a server that shows what it was sent."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Gateway(Endpoint(f"http://127.0.0.1:{server.server_address[1]}")) as gateway:
        host, _, port = gateway.endpoint.url.removeprefix("http://").partition(":")
        yield host, int(port)
    server.shutdown()


def ask(
    at: tuple[str, int], method: str, target: str, body: Any = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(*at, timeout=30)
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": "as.sent:1", "Authorization": OPERATOR, **headers}.items():
        connection.putheader(name, value)
    connection.endheaders(body, encode_chunked=headers.get("Transfer-Encoding") == "chunked")
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


@pytest.mark.parametrize(
    "target",
    [
        "/bucket/a%20b+c=%252F//%C3%A9",
        "/bucket/a/../b/./c",
        "/bucket/%2e%2e/%2F?partNumber=1&uploadId=a%2Fb+c%20d",
        "/bucket/dt=2026-11-22/x~'()*!,;:@&$",
        "/bucket?delete",
        "/bucket/k?versionId=&x-id=GetObject",
    ],
)
def test_a_path_is_forwarded_byte_for_byte(echo: tuple[str, int], target: str) -> None:
    ask(echo, "PUT", target, b"x", **{"Content-Length": "1"})
    assert _Echo.received[-1][0] == f"PUT {target} HTTP/1.1"


def test_headers_and_bodies_are_unchanged_in_both_directions(echo: tuple[str, int]) -> None:
    sent = {"Content-Length": "3", "Content-Encoding": "aws-chunked,gzip", "X-Amz-Meta-A": " b  c"}
    response, content = ask(echo, "PUT", "/bucket/k", b"\x1f\x8b\x00", **sent)
    _, headers, body = _Echo.received[-1]
    assert body == b"\x1f\x8b\x00"
    received = dict(headers)
    assert received.pop("X-Amz-Meta-A").strip() == "b  c"
    assert received == {
        "Host": "as.sent:1",
        "Authorization": OPERATOR,
        "Content-Length": "3",
        "Content-Encoding": "aws-chunked,gzip",
    }
    assert (response.status, content) == (206, b"not\x00gzip!")
    assert response.headers.get_all("X-Twice") == ["a", "b"]
    assert response.headers["Content-Encoding"] == "gzip"


def test_a_compressed_body_is_not_decompressed(echo: tuple[str, int]) -> None:
    body = gzip.compress(b"rows")
    headers = {"Content-Length": str(len(body)), "Content-Encoding": "gzip"}
    ask(echo, "PUT", "/bucket/k", body, **headers)
    assert _Echo.received[-1][2] == body


def test_a_redirect_is_returned_to_the_client(echo: tuple[str, int]) -> None:
    response, _ = ask(echo, "GET", "/redirected")
    assert (response.status, response.headers["Location"]) == (307, "/elsewhere")


def upload_when_told(at: tuple[str, int], authorization: str) -> tuple[bytes, bytes]:
    """Send a PUT as SDKs do, the body only after "100 Continue"; return both answers."""
    with socket.create_connection(at, timeout=10) as connection:
        connection.sendall(
            f"PUT /bucket/k HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {authorization}\r\n"
            "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        first = connection.recv(65536)
        if not first.startswith(b"HTTP/1.1 100 "):
            return first, b""
        connection.sendall(b"body")
        return first, connection.recv(65536)


def test_a_body_is_asked_for_when_the_request_is_allowed(echo: tuple[str, int]) -> None:
    first, last = upload_when_told(echo, OPERATOR)
    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert last.startswith(b"HTTP/1.1 206 ")
    _, headers, body = _Echo.received[-1]
    assert body == b"body"
    assert "Expect" not in dict(headers)


def test_a_body_is_not_asked_for_when_the_request_is_refused(echo: tuple[str, int]) -> None:
    first, _ = upload_when_told(echo, OPERATOR.replace("operator", "ASIAUNKNOWN"))
    assert first.startswith(b"HTTP/1.1 403 ")
    assert b"Connection: close" in first


def test_a_body_of_unknown_length_is_forwarded(echo: tuple[str, int]) -> None:
    chunks = iter([b"one", b"two"])
    ask(echo, "PUT", "/bucket/k", chunks, **{"Transfer-Encoding": "chunked"})
    assert _Echo.received[-1][2] == b"onetwo"


def test_the_answer_to_head_keeps_the_length_of_the_object(echo: tuple[str, int]) -> None:
    response, content = ask(echo, "HEAD", "/bucket/k")
    assert (response.headers["Content-Length"], content) == ("9", b"")


def test_a_connection_is_used_again(echo: tuple[str, int]) -> None:
    connection = http.client.HTTPConnection(*echo, timeout=30)
    connection.connect()
    used = connection.sock
    for _ in range(3):
        connection.request("GET", "/bucket/k", headers={"Authorization": OPERATOR})
        connection.getresponse().read()
    assert connection.sock is used


def test_an_unsigned_request_is_refused(echo: tuple[str, int]) -> None:
    before = len(_Echo.received)
    response, content = ask(echo, "GET", "/bucket/k", Authorization="Bearer x")
    assert (response.status, b"AccessDenied" in content) == (403, True)
    assert len(_Echo.received) == before


def test_an_endpoint_that_does_not_answer_is_unavailable() -> None:
    with Gateway(Endpoint("http://127.0.0.1:9")) as gateway:
        host, _, port = gateway.endpoint.url.removeprefix("http://").partition(":")
        response, content = ask((host, int(port)), "GET", "/bucket/k")
    assert (response.status, b"ServiceUnavailable" in content) == (503, True)


def test_a_role_cannot_be_authorized_without_the_endpoints_iam(
    gateway: Gateway, make_role: MakeRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = make_role(allow("s3:ListAllMyBuckets", "*"))
    gateway._roles.forget()

    def broken(**_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="http://iam")

    monkeypatch.setattr(gateway._roles._iam, "get_role", broken)
    with pytest.raises(ClientError) as refused:
        role.endpoint.client("s3").list_buckets()
    assert refused.value.response["Error"]["Code"] == "ServiceUnavailable"


def test_a_gateway_that_is_not_started_has_no_endpoint() -> None:
    with pytest.raises(GatewayError, match="before it is started"):
        _ = Gateway(Endpoint("http://127.0.0.1:9")).endpoint


def test_a_large_object_is_passed_whole_in_both_directions(
    upstream: Endpoint, make_role: MakeRole, unique: str
) -> None:
    upstream.client("s3").create_bucket(Bucket=unique)
    role = make_role(allow(["s3:PutObject", "s3:GetObject"], f"arn:aws:s3:::{unique}/*"))
    s3 = role.client("s3")
    body = bytes(range(256)) * (64 * 4096)
    s3.put_object(Bucket=unique, Key="large", Body=body)
    read = s3.get_object(Bucket=unique, Key="large")["Body"].read()
    assert hashlib.sha256(read).digest() == hashlib.sha256(body).digest()


@pytest.mark.parametrize("key", ["a b+c=%2F//é", "a/../b", "a?b&c#d", "日本/~'()*!"])
def test_objects_with_odd_keys_keep_them(
    upstream: Endpoint, make_role: MakeRole, unique: str, key: str
) -> None:
    upstream.client("s3").create_bucket(Bucket=unique)
    role = make_role(allow(["s3:PutObject", "s3:GetObject"], f"arn:aws:s3:::{unique}/*"))
    s3 = role.client("s3")
    s3.put_object(Bucket=unique, Key=key, Body=b"x")
    assert s3.get_object(Bucket=unique, Key=key)["Body"].read() == b"x"
    (listed,) = upstream.client("s3").list_objects_v2(Bucket=unique)["Contents"]
    assert listed["Key"] == key
    assert f"arn:aws:s3:::{unique}/{key}" in {entry.resource for entry in role.activity()}


def test_a_client_can_go_on_after_a_refused_upload(make_role: MakeRole, unique: str) -> None:
    role = make_role(allow("s3:ListAllMyBuckets", "*"))
    s3 = role.client("s3")
    for _ in range(3):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=unique, Key="a", Body=b"x" * 500_000)
        s3.list_buckets()


def test_twenty_clients_at_once_each_get_their_own_answer(
    upstream: Endpoint, make_role: MakeRole, unique: str
) -> None:
    upstream.client("s3").create_bucket(Bucket=unique)
    role = make_role(allow(["s3:PutObject", "s3:GetObject"], f"arn:aws:s3:::{unique}/*"))
    s3 = role.client("s3")

    def round_trip(number: int) -> bool:
        key, body = f"key-{number}", str(number).encode() * 1000
        s3.put_object(Bucket=unique, Key=key, Body=body)
        return bool(s3.get_object(Bucket=unique, Key=key)["Body"].read() == body)

    with ThreadPoolExecutor(20) as clients:
        assert all(clients.map(round_trip, range(60)))
    assert sum(entry.count for entry in role.activity()) == 120


def test_stopping_does_not_wait_for_idle_connections(upstream: Endpoint) -> None:
    with Gateway(upstream) as gateway:
        gateway.endpoint.client("s3").list_buckets()
        started = time.monotonic()
    assert time.monotonic() - started < 1.5


def test_a_json_denial_has_the_form_that_other_sdks_expect(make_role: MakeRole) -> None:
    role = make_role()
    key = role.endpoint.credentials.access_key_id
    host, _, port = role.endpoint.url.removeprefix("http://").partition(":")
    response, content = ask(
        (host, int(port)),
        "POST",
        "/",
        b"{}",
        **{
            "Content-Length": "2",
            "X-Amz-Target": "Kinesis_20131202.ListStreams",
            "Authorization": OPERATOR.replace("operator", key).replace("/s3/", "/kinesis/"),
        },
    )
    assert response.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert json.loads(content)["__type"] == "AccessDeniedException"
