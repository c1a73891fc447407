"""The store that is S3, against an S3 that we did not write; and the tests' own store beside it."""

from __future__ import annotations

import base64
import io
import socket
import struct
import threading
import uuid
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from avro_writer.errors import OutOfTime
from avro_writer.s3_store import S3Store
from avro_writer.store import AlreadyThere, Changed, Missing, Refused, Store
from emulation.emulator import embedded_emulator
from emulation.endpoint import Endpoint
from tests.support.memory_store import MemoryStore


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with embedded_emulator() as endpoint:
        yield endpoint.client("s3")


@pytest.fixture(params=["s3", "memory"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return MemoryStore()
    client = request.getfixturevalue("client")
    bucket = f"b.{uuid.uuid4()}"
    client.create_bucket(Bucket=bucket)
    return S3Store(client, bucket, remaining=lambda: 300, sleep=lambda seconds: None)


def test_create_is_once_only(store: Store) -> None:
    etag = store.create("k", b"one")
    with pytest.raises(AlreadyThere):
        store.create("k", io.BytesIO(b"two"))
    assert store.find("k") == (b"one", etag)
    assert store.create("file", io.BytesIO(b"two")) != etag


def test_replace_needs_the_etag(store: Store) -> None:
    with pytest.raises(Missing):
        store.replace("k", b"x", '"etag"')
    first = store.create("k", b"one")
    second = store.replace("k", b"two", first)
    with pytest.raises(Changed):
        store.replace("k", b"three", first)
    assert store.find("k") == (b"two", second)


def test_read_needs_the_etag(store: Store) -> None:
    etag = store.create("k", b"one")
    assert store.read("k", etag).read() == b"one"
    with pytest.raises(Changed):
        store.read("k", '"another"')
    with pytest.raises(Missing):
        store.read("none", etag)


def test_delete_needs_the_etag(store: Store) -> None:
    etag = store.create("k", b"one")
    with pytest.raises(Changed):
        store.delete("k", '"another"')
    store.delete("k", etag)
    with pytest.raises(Missing):
        store.delete("k", etag)
    assert store.find("k") is None


def test_listings_are_in_order_and_show_identity_and_size(store: Store) -> None:
    etags = {key: store.create(key, key.encode()) for key in ("a/2", "a/1", "a/b/3", "c/4", "a0")}
    listed = list(store.objects("a/"))
    assert [each.key for each in listed] == ["a/1", "a/2", "a/b/3"]
    assert [each.etag for each in listed] == [etags[each.key] for each in listed]
    assert [each.size for each in listed] == [3, 3, 5]
    assert all(each.last_modified.tzinfo for each in listed)
    assert store.folders("") == ["a", "c"]
    assert store.folders("a/") == ["b"]
    assert list(store.objects("none/")) == []


class Flaky:
    """An S3 client that fails some times before it works."""

    def __init__(self, times: int, error: Exception) -> None:
        self.times, self.error, self.bodies = times, error, list[bytes]()

    def put_object(self, **arguments: Any) -> dict[str, str]:
        body = arguments["Body"]
        self.bodies.append(body if isinstance(body, bytes) else body.read())
        if self.times:
            self.times -= 1
            raise self.error
        return {"ETag": '"e"'}


def answer(status: int, code: str) -> ClientError:
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "PutObject",
    )


def test_a_conflict_is_tried_again_with_the_whole_body() -> None:
    client = Flaky(2, answer(409, "ConditionalRequestConflict"))
    store = S3Store(client, "b", remaining=lambda: 300, sleep=lambda seconds: None)
    assert store.create("k", io.BytesIO(b"body")) == '"e"'
    assert client.bodies == [b"body"] * 3


def test_a_conflict_that_stays_and_a_denial_are_errors() -> None:
    store = S3Store(
        Flaky(99, answer(409, "Conflict")), "b", remaining=lambda: 300, sleep=lambda seconds: None
    )
    with pytest.raises(ClientError, match="Conflict"):
        store.create("k", b"")
    store = S3Store(
        Flaky(1, answer(403, "AccessDenied")),
        "b",
        remaining=lambda: 300,
        sleep=lambda seconds: None,
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        store.create("k", b"")


def test_a_missing_bucket_is_no_missing_key() -> None:
    store = S3Store(Flaky(1, answer(404, "NoSuchBucket")), "b", remaining=lambda: 300)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        store.replace("k", b"", '"e"')


BODY = bytes(range(256)) * 1000


class BreakingServer(BaseHTTPRequestHandler):
    """An S3 whose first answers break: cut off, damaged, or reset; then it gives the whole body."""

    breakages: ClassVar[list[str]] = []
    requests: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.requests.append(self.headers["If-Match"])
        breakage = self.breakages.pop(0) if self.breakages else "none"
        body = BODY
        if breakage == "damaged":
            body = BODY[:1000] + b"?" + BODY[1001:]
        self.send_response(200)
        self.send_header("ETag", '"e"')
        self.send_header("Content-Length", str(len(BODY)))
        crc = zlib.crc32(BODY).to_bytes(4, "big")
        self.send_header("x-amz-checksum-crc32", base64.b64encode(crc).decode())
        self.end_headers()
        if breakage == "cut off":
            body = BODY[:90_000]
        if breakage == "reset":
            self.wfile.write(BODY[:90_000])
            option = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
            self.connection.close()
            return
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def breaking() -> Iterator[tuple[S3Store, type[BreakingServer]]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BreakingServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = Endpoint(f"http://127.0.0.1:{server.server_port}").client("s3")
    BreakingServer.requests.clear()
    yield S3Store(client, "b", remaining=lambda: 300, sleep=lambda seconds: None), BreakingServer
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("breakage", ["cut off", "damaged", "reset"])
def test_a_body_that_breaks_is_read_again_and_never_taken_for_whole(
    breaking: tuple[S3Store, type[BreakingServer]], breakage: str
) -> None:
    store, server = breaking
    server.breakages[:] = [breakage, breakage]
    assert store.read("k", '"e"').read() == BODY
    assert server.requests == ['"e"'] * 3
    server.breakages[:] = [breakage]
    assert store.find("k") == (BODY, '"e"')


def test_a_body_that_breaks_every_time_is_an_error(
    breaking: tuple[S3Store, type[BreakingServer]],
) -> None:
    store, server = breaking
    server.breakages[:] = ["cut off"] * 9
    with pytest.raises(Refused) as refused:
        store.read("k", '"e"')
    assert isinstance(refused.value.__cause__, BotoCoreError)
    server.breakages[:] = ["cut off"] * 9
    with pytest.raises(BotoCoreError):
        store.find("k")
    server.breakages.clear()


KEYS = ("k/a", "k/b", "k/c/d")
STEP = st.tuples(
    st.sampled_from(["create", "replace", "delete", "read", "find", "objects", "folders"]),
    st.sampled_from(KEYS),
    st.sampled_from([b"one", b"two"]),
    st.booleans(),
)


@settings(max_examples=40)
@given(st.lists(STEP, max_size=25))
def test_the_model_answers_as_s3_does(
    client: Any, steps: list[tuple[str, str, bytes, bool]]
) -> None:
    """The explorations stand on the model: it is held to an S3 that we did not write."""
    bucket = f"b.{uuid.uuid4()}"
    client.create_bucket(Bucket=bucket)
    real = S3Store(client, bucket, remaining=lambda: 300, sleep=lambda seconds: None)
    model = MemoryStore(page_size=1)
    for method, key, body, current in steps:
        found = model.find(key)
        etag = found[1] if found and current else '"00000000000000000000000000000000"'
        arguments: dict[str, tuple[Any, ...]] = {
            "create": (key, body),
            "replace": (key, body, etag),
            "delete": (key, etag),
            "read": (key, etag),
            "find": (key,),
            "objects": ("k/", key if current else ""),
            "folders": ("k/",),
        }
        assert outcome(real, method, arguments[method]) == outcome(
            model, method, arguments[method]
        ), (method, arguments[method])


def outcome(store: Store, method: str, arguments: tuple[Any, ...]) -> object:
    try:
        answer = getattr(store, method)(*arguments)
    except (AlreadyThere, Changed, Missing) as refusal:
        return type(refusal)
    if method == "read":
        return answer.read()
    if method == "objects":
        return [(each.key, each.etag, each.size) for each in answer]
    return answer


class Refusing:
    """An S3 client that answers nothing but one error, while time goes by."""

    def __init__(self, error: Exception) -> None:
        self.error, self.calls = error, 0
        self.pauses: list[float] = []

    @property
    def slept(self) -> float:
        return sum(self.pauses)

    def get_object(self, **_: Any) -> Any:
        self.calls += 1
        raise self.error

    list_objects_v2 = delete_object = put_object = get_object

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


PASSING = [
    pytest.param(answer(503, "SlowDown"), id="throttled"),
    pytest.param(answer(500, "InternalError"), id="500"),
    pytest.param(answer(400, "RequestTimeout"), id="slow connection"),
    *(pytest.param(answer(status, ""), id=f"{status}") for status in (409, 429, 502, 503, 504)),
    pytest.param(EndpointConnectionError(endpoint_url="x"), id="no connection"),
    pytest.param(ReadTimeoutError(endpoint_url="x"), id="no answer"),
    pytest.param(ConnectionClosedError(endpoint_url="x"), id="connection closed"),
]


@pytest.mark.parametrize("error", PASSING)
@pytest.mark.parametrize("method", ["find", "objects", "create", "replace", "read", "delete"])
def test_what_passes_is_tried_again_with_longer_pauses_and_then_left(
    error: Exception, method: str
) -> None:
    client = Refusing(error)
    store = S3Store(client, "b", remaining=lambda: 300, sleep=client.sleep)
    rest = {"create": (b"",), "replace": (b"", "e"), "read": ("e",), "delete": ("e",)}
    # What may be one object's fault is told as that.
    of_one = method in ("read", "delete")
    with pytest.raises(Refused if of_one else type(error)) as raised:
        list(getattr(store, method)("k", *rest.get(method, ())))
    assert (raised.value.__cause__ if of_one else raised.value) is error
    assert client.calls == 8
    assert error.__notes__[-1].split(": ")[0].endswith(" k")
    assert 5 < client.slept < 30
    assert 0.1 <= min(client.pauses) <= max(client.pauses) <= 5, "longer, but not ever longer"
    assert client.pauses[-1] > client.pauses[0]


@pytest.mark.parametrize("error", PASSING)
def test_no_request_is_tried_again_when_the_time_is_up(error: Exception) -> None:
    client = Refusing(error)
    store = S3Store(client, "b", remaining=lambda: 6 - client.slept, sleep=client.sleep)
    with pytest.raises(OutOfTime):
        store.delete("k", '"e"')
    assert client.slept < 1


class Forbidding:
    """A client that S3 tells 403 of a key that is not there, or of one that it may not read."""

    def __init__(self, client: Any, secret: str = "") -> None:
        self._client = client
        self._secret = secret
        self.asked = list[str]()

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)

    def get_object(self, **arguments: Any) -> Any:
        refused = answer(403, "AccessDenied")
        self.asked.append(arguments["Key"])
        if arguments["Key"] == self._secret:
            raise refused
        try:
            return self._client.get_object(**arguments)
        except ClientError:
            raise refused from None


def test_a_missing_key_is_told_from_a_forbidden_one_by_a_listing(client: Any) -> None:
    bucket = f"b.{uuid.uuid4()}"
    client.create_bucket(Bucket=bucket)
    forbidding = Forbidding(client, secret="secret")
    store = S3Store(forbidding, bucket, remaining=lambda: 300)
    store.create("secret", b"x")
    store.create("missing-but-a-prefix-of-this", b"x")
    assert store.find("missing") is None
    with pytest.raises(Missing):
        store.read("missing", "etag")
    with pytest.raises(ClientError, match="AccessDenied"):
        store.find("secret")
    with pytest.raises(Refused, match="secret: AccessDenied"):
        store.read("secret", "etag")
    assert forbidding.asked == ["missing", "missing", *["secret"] * 4], "once more if it is there"


def test_a_key_that_is_forbidden_at_the_last_attempt_is_told_as_that() -> None:
    class Tired(Refusing):
        def get_object(self, **arguments: Any) -> Any:
            if self.calls == 7:
                self.error = answer(403, "AccessDenied")
            return super().get_object(**arguments)

        def list_objects_v2(self, **_: Any) -> Any:
            return {"Contents": [{"Key": "k"}]}

    client = Tired(answer(503, "SlowDown"))
    with pytest.raises(ClientError, match="AccessDenied"):
        S3Store(client, "b", lambda: 300, client.sleep).find("k")


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(answer(403, "InvalidObjectState"), id="archived"),
        pytest.param(answer(400, "KMS.DisabledException"), id="its key is disabled"),
    ],
)
@pytest.mark.parametrize("method", ["read", "delete"])
def test_what_is_refused_of_one_object_is_told_with_key_and_code(
    error: ClientError, method: str
) -> None:
    client = Refusing(error)
    store = S3Store(client, "b", remaining=lambda: 300)
    with pytest.raises(Refused) as refused:
        getattr(store, method)("k", "e")
    assert (refused.value.key, refused.value.reason) == ("k", error.response["Error"]["Code"])
    assert client.calls == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "NoSuchBucket"), (400, "ExpiredToken"), (403, "InvalidAccessKeyId")],
)
def test_what_is_wrong_with_the_caller_or_the_bucket_is_no_objects_fault(
    status: int, code: str
) -> None:
    store = S3Store(Refusing(answer(status, code)), "b", remaining=lambda: 300)
    with pytest.raises(ClientError, match=code) as raised:
        store.read("some/key", "e")
    assert raised.value.__notes__ == [f"get_object some/key: {code}"]


class Appearing:
    """A client for which a key is missing, and comes before it is looked for in a listing."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client, self._bucket, self.refused = client, bucket, 0

    def __getattr__(self, operation: str) -> Any:
        return getattr(self._client, operation)

    def get_object(self, **arguments: Any) -> Any:
        return self._first_refused(self._client.get_object, arguments)

    def delete_object(self, **arguments: Any) -> Any:
        return self._first_refused(self._client.delete_object, arguments)

    def _first_refused(self, operation: Any, arguments: Any) -> Any:
        if not self.refused:
            self.refused += 1
            self._client.put_object(Bucket=self._bucket, Key=arguments["Key"], Body=b"new")
            raise answer(403, "AccessDenied")
        return operation(**arguments)


def test_a_forbidden_key_that_appears_meanwhile_is_asked_for_again(client: Any) -> None:
    bucket = f"b.{uuid.uuid4()}"
    client.create_bucket(Bucket=bucket)

    def store() -> S3Store:
        return S3Store(Appearing(client, bucket), bucket, remaining=lambda: 300)

    found = store().find("plan")
    assert found is not None
    assert found[0] == b"new"
    with pytest.raises(Changed):
        store().read("landed", '"of the one before"')
    with pytest.raises(Changed):
        store().delete("landed", '"of the one before"')
    assert client.get_object(Bucket=bucket, Key="landed")["Body"].read() == b"new"


class Hanging(Refusing):
    """A client whose every answer is a time-out, after a while."""

    def __init__(self) -> None:
        super().__init__(ReadTimeoutError(endpoint_url="x"))

    def get_object(self, **arguments: Any) -> Any:
        self.pauses.append(15)
        return super().get_object(**arguments)

    delete_object = get_object


@pytest.mark.parametrize("method", ["read", "delete"])
@pytest.mark.parametrize("seconds", [44, 26])
def test_where_no_other_would_have_time_the_object_is_not_to_blame(
    method: str, seconds: float
) -> None:
    client = Hanging()
    store = S3Store(client, "b", lambda: seconds - client.slept, client.sleep)
    with pytest.raises(OutOfTime):
        getattr(store, method)("k", "e")


def test_a_listing_of_many_pages_is_whole(client: Any) -> None:
    class Paging(Forbidding):
        def list_objects_v2(self, **arguments: Any) -> Any:
            return self._client.list_objects_v2(**arguments, MaxKeys=2)

    bucket = f"b.{uuid.uuid4()}"
    client.create_bucket(Bucket=bucket)
    left = iter(range(60, 0, -1))
    store = S3Store(Paging(client), bucket, remaining=left.__next__)
    keys = [f"{name}/{number}" for name in "abcde" for number in range(2)]
    for key in keys:
        store.create(key, b"")
    assert [each.key for each in store.objects("")] == keys
    assert [each.key for each in store.objects("", keys[2])] == keys[3:]
    assert store.folders("") == [*"abcde"]


def test_a_listing_of_many_pages_looks_at_the_time() -> None:
    class Endless(Refusing):
        def list_objects_v2(self, **_: Any) -> Any:
            self.pauses.append(1)
            return {"IsTruncated": True, "NextContinuationToken": "t"}

    client = Endless(Exception())
    store = S3Store(client, "b", lambda: 300 - client.slept)
    with pytest.raises(OutOfTime):
        list(store.objects("k"))


@pytest.mark.parametrize("method", ["read", "delete"])
@pytest.mark.parametrize(
    ("seconds", "least", "most"), [(60, 15, 35), (300, 60, 90), (900, 120, 225)]
)
def test_an_object_that_hangs_leaves_time_for_the_others(
    method: str, seconds: float, least: float, most: float
) -> None:
    client = Hanging()
    store = S3Store(client, "b", lambda: seconds - client.slept, client.sleep)
    with pytest.raises(Refused, match="ReadTimeoutError"):
        getattr(store, method)("k", "e")
    assert least <= client.slept <= most


@pytest.mark.parametrize(("left", "most", "raised"), [(300, 76, Refused), (40, 36, OutOfTime)])
def test_an_answer_that_comes_drop_by_drop_is_waited_for_no_longer(
    left: float, most: float, raised: type[Exception]
) -> None:
    class Dripping(Refusing):
        def get_object(self, **_: Any) -> Any:
            return {"Body": self}

        def read(self, size: int) -> bytes:
            self.pauses.append(1)
            return b"x"

        def close(self) -> None:
            """Nothing is open."""

    client = Dripping(Exception())
    store = S3Store(client, "b", lambda: left - client.slept, client.sleep)
    with pytest.raises(raised):
        store.read("k", "e")
    assert client.slept <= most
