"""The `Store` that is S3: botocore's client behind the protocol's few operations."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

from botocore.exceptions import (
    ClientError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)
from botocore.exceptions import (
    ConnectionError as NoConnection,
)

from avro_writer.deadline import MARGIN
from avro_writer.errors import OutOfTime
from avro_writer.store import AlreadyThere, Changed, LandedObject, Missing, Refused

_MEMORY_BYTES = 8 * 1024 * 1024
_PIECE = 256 * 1024

_ATTEMPTS = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds
# After a failed request a run still has to give its report; a request may hang for 20 seconds
# (the handler's client), and is not begun anew with less than this left.
_LEAST_LEFT = 5.0
# To be read or deleted, one object may take this share of what a run has left, all attempts
# together, so that an object which hangs holds up no other; but so many seconds it may always take.
_SHARE, _LEAST_PATIENCE = 1 / 4, 20.0
# S3's own names for: slow down, try again. Conflicts (409) are of concurrent conditional writes.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_TRANSIENT_STATUS = frozenset({409, 429, 500, 502, 503, 504})
_TRANSIENT_CODES = frozenset({"RequestTimeout", "SlowDown", "InternalError"})
# What S3 says of the caller or the bucket, whatever the object.
_NOT_OF_THE_OBJECT = frozenset({
    "NoSuchBucket", "ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "SignatureDoesNotMatch",
    "RequestTimeTooSkewed",
})  # fmt: skip
_BROKEN = (
    NoConnection,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)


class S3Store:
    """A bucket in S3; what fails in passing is tried again while there is time.

    The client should not try again itself: it knows no deadline.

    Parameters
    ----------
    client
        botocore's S3 client.
    bucket
        The bucket's name.
    remaining
        Returns the seconds that the run has left.
    sleep
        Waits so many seconds.
    """

    def __init__(
        self,
        client: Any,
        bucket: str,
        remaining: Callable[[], float],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._remaining = remaining
        self._sleep = sleep

    def objects(self, prefix: str, after: str = "") -> Iterator[LandedObject]:
        begin = {"StartAfter": after} if after else {}
        for page in self._pages(Prefix=prefix, **begin):
            for each in page.get("Contents", ()):
                yield LandedObject(each["Key"], each["ETag"], each["Size"], each["LastModified"])

    def folders(self, prefix: str) -> list[str]:
        return [
            each["Prefix"][len(prefix) :].rstrip("/")
            for page in self._pages(Prefix=prefix, Delimiter="/")
            for each in page.get("CommonPrefixes", ())
        ]

    def _pages(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        token: dict[str, Any] = {}
        while True:
            self._check_time(0.0)
            page = self._call("list_objects_v2", **arguments, **token)
            yield page
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def read(self, key: str, etag: str) -> BinaryIO:
        return cast(BinaryIO, self._of_landed("get_object", key, etag)["Body"])

    def find(self, key: str) -> tuple[bytes, str] | None:
        try:
            answer = self._call("get_object", Key=key)
        except Missing:
            return None
        with answer["Body"] as body:
            return body.read(), answer["ETag"]

    def create(self, key: str, body: bytes | BinaryIO) -> str:
        try:
            return str(self._call("put_object", Key=key, Body=body, IfNoneMatch="*")["ETag"])
        except Changed:
            raise AlreadyThere(key) from None

    def replace(self, key: str, body: bytes, etag: str) -> str:
        return str(self._call("put_object", Key=key, Body=body, IfMatch=etag)["ETag"])

    def delete(self, key: str, etag: str) -> None:
        # One by one: docs/decisions/deletes-one-by-one.md
        self._of_landed("delete_object", key, etag)

    def _of_landed(self, operation: str, key: str, etag: str) -> Any:
        """Ask for something that may be refused of one object; raises `Refused`."""
        left = self._remaining()
        until = left - max(left * _SHARE, _LEAST_PATIENCE)
        if until < MARGIN:
            # No other would have time: then it is not the object that is late.
            until = 0.0
        try:
            return self._call(operation, until=until, Key=key, IfMatch=etag)
        except ClientError as error:
            if _code(error) in _NOT_OF_THE_OBJECT:
                raise
            raise Refused(key, _code(error)) from error
        except (*_BROKEN, TimeoutError) as error:
            raise Refused(key, type(error).__name__) from error

    def _call(self, operation: str, *, until: float = 0.0, **arguments: Any) -> Any:
        """Ask S3, again and again if need be.

        Parameters
        ----------
        operation, arguments
            As botocore names them.
        until
            Seconds that the run has left when it is time to give up.
        """
        listed = False
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = getattr(self._client, operation)(Bucket=self._bucket, **arguments)
                if operation == "get_object":
                    answer["Body"] = _whole(answer["Body"], lambda: self._check_time(until))
            except ClientError as error:
                status, code = _status(error), _code(error)
                if status == 404 and code != "NoSuchBucket":
                    raise Missing(arguments["Key"]) from None
                if status == 412:
                    raise Changed(arguments["Key"]) from None
                if code == "AccessDenied" and operation in ("get_object", "delete_object"):
                    if not self._is_there(arguments["Key"]):
                        raise Missing(arguments["Key"]) from None
                    if not listed and attempt < _ATTEMPTS:
                        # Not there when it was asked for, it may have come since: once more.
                        listed = True
                        continue
                transient = status in _TRANSIENT_STATUS or code in _TRANSIENT_CODES
                if not transient or attempt == _ATTEMPTS:
                    _name(error, operation, arguments)
                    raise
                self._pause(attempt, error, until)
            except _BROKEN as error:
                if attempt == _ATTEMPTS:
                    _name(error, operation, arguments)
                    raise
                self._pause(attempt, error, until)
            else:
                return answer
            if hasattr(arguments.get("Body"), "seek"):
                arguments["Body"].seek(0)
        raise AssertionError("unreachable")

    def _is_there(self, key: str) -> bool:
        """Look for a key in a listing.

        S3 says 404 of a missing key only to who may list it, and AWS does not document whether a
        permission to list that asks for a prefix counts.
        """
        page = self._call("list_objects_v2", Prefix=key, MaxKeys=1)
        return any(each["Key"] == key for each in page.get("Contents", ()))

    def _pause(self, attempt: int, error: Exception, until: float) -> None:
        most = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)
        # Not all runs at once: S3 sheds load by asking each to wait.
        seconds = random.uniform(most / 2, most)  # noqa: S311
        left = self._remaining() - seconds
        if left < _LEAST_LEFT:
            raise OutOfTime from error
        if left < until:
            raise error
        self._sleep(seconds)

    def _check_time(self, until: float) -> None:
        left = self._remaining()
        if left < _LEAST_LEFT:
            raise OutOfTime
        if left < until:
            raise TimeoutError


def _status(error: ClientError) -> int | None:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))


def _name(error: Exception, operation: str, arguments: dict[str, Any]) -> None:
    """Have an error say what was asked for: botocore's names the operation alone."""
    reason = _code(error) if isinstance(error, ClientError) else type(error).__name__
    error.add_note(f"{operation} {arguments.get('Key', arguments.get('Prefix'))}: {reason}")


def _whole(stream: Any, check_time: Callable[[], None]) -> BinaryIO:
    """Return an answer's body when all of it has come, in memory if it is small."""
    body = cast(BinaryIO, SpooledTemporaryFile(max_size=_MEMORY_BYTES))  # noqa: SIM115
    # Not `with stream`: that is the raw stream, which checks neither the length nor the checksum
    # of what it gives.
    with contextlib.closing(stream):
        try:
            while piece := stream.read(_PIECE):
                check_time()
                body.write(piece)
        except BaseException:
            body.close()
            raise
    body.seek(0)
    return body
