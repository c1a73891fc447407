"""The `Store` that is S3: botocore's client behind the protocol's few operations."""

from __future__ import annotations

import contextlib
import shutil
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

from avro_writer.store import AlreadyThere, Changed, LandedObject, Missing

_MEMORY_BYTES = 8 * 1024 * 1024

# Concurrent conditional writes of one key answer 409: S3 asks to try again.
_CONFLICT_ATTEMPTS = 6
_READ_ATTEMPTS = 4
_BROKEN_BODIES = (
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)
_FIRST_PAUSE = 0.05  # seconds, doubled each time


class S3Store:
    """A bucket in S3.

    Parameters
    ----------
    client
        botocore's S3 client.
    bucket
        The bucket's name.
    sleep
        Waits so many seconds.
    """

    def __init__(
        self, client: Any, bucket: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._sleep = sleep

    def objects(self, prefix: str) -> Iterator[LandedObject]:
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
            for each in page.get("Contents", ()):
                yield LandedObject(each["Key"], each["ETag"], each["Size"], each["LastModified"])

    def folders(self, prefix: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2")
        return [
            each["Prefix"][len(prefix) :].rstrip("/")
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix, Delimiter="/")
            for each in page.get("CommonPrefixes", ())
        ]

    def read(self, key: str, etag: str) -> BinaryIO:
        return self._get(key, IfMatch=etag)[0]

    def find(self, key: str) -> tuple[bytes, str] | None:
        try:
            body, etag = self._get(key)
        except Missing:
            return None
        with body:
            return body.read(), etag

    def _get(self, key: str, **condition: str) -> tuple[BinaryIO, str]:
        for attempt in range(1, _READ_ATTEMPTS + 1):
            answer = self._call("get_object", Key=key, **condition)
            body = cast(BinaryIO, SpooledTemporaryFile(max_size=_MEMORY_BYTES))  # noqa: SIM115
            # Not `with answer["Body"]`: that is the raw stream, which checks neither the length
            # nor the checksum of what it gives.
            with contextlib.closing(answer["Body"]) as stream:
                try:
                    shutil.copyfileobj(stream, body)
                except _BROKEN_BODIES:
                    # botocore retries a request, not a body that breaks off on its way.
                    body.close()
                    if attempt == _READ_ATTEMPTS:
                        raise
                    self._pause(attempt)
                    continue
            body.seek(0)
            return body, answer["ETag"]
        raise AssertionError("unreachable")

    def create(self, key: str, body: bytes | BinaryIO) -> str:
        try:
            return str(self._call("put_object", Key=key, Body=body, IfNoneMatch="*")["ETag"])
        except Changed:
            raise AlreadyThere(key) from None

    def replace(self, key: str, body: bytes, etag: str) -> str:
        return str(self._call("put_object", Key=key, Body=body, IfMatch=etag)["ETag"])

    def delete(self, key: str, etag: str) -> None:
        self._call("delete_object", Key=key, IfMatch=etag)

    def _call(self, operation: str, **arguments: Any) -> Any:
        for attempt in range(1, _CONFLICT_ATTEMPTS + 1):
            try:
                return getattr(self._client, operation)(Bucket=self._bucket, **arguments)
            except ClientError as error:
                status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
                if status == 404 and error.response.get("Error", {}).get("Code") != "NoSuchBucket":
                    raise Missing(arguments["Key"]) from None
                if status == 412:
                    raise Changed(arguments["Key"]) from None
                if status != 409 or attempt == _CONFLICT_ATTEMPTS:
                    raise
            if hasattr(arguments.get("Body"), "seek"):
                arguments["Body"].seek(0)
            self._pause(attempt)
        raise AssertionError("unreachable")

    def _pause(self, attempt: int) -> None:
        self._sleep(_FIRST_PAUSE * 2**attempt)
