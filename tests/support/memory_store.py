"""A bucket in memory that keeps S3's promises about conditional requests.

See docs/aws-contracts.md#s3-conditional-requests.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import BinaryIO

from avro_writer.store import AlreadyThere, Changed, LandedObject, Missing, Refused

_REFUSED = "refused/"


@dataclass
class MemoryStore:
    """Implements `avro_writer.store.Store`. ``requests`` lists the requests so far."""

    now: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)
    kept: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    page_size: int = 1000

    def objects(self, prefix: str, after: str = "") -> Iterator[LandedObject]:
        more = True
        while more:
            page, more = self.page(prefix, after)
            yield from page
            after = page[-1].key if page else after

    def page(self, prefix: str, after: str) -> tuple[tuple[LandedObject, ...], bool]:
        """Return one page of a listing, and whether there are more."""
        self.requests.append(("list", prefix))
        keys = [key for key in self.keys(prefix) if key > after]
        page = tuple(
            LandedObject(key, etag_of(body), len(body), modified)
            for key in keys[: self.page_size]
            for body, modified in (self.kept[key],)
        )
        return page, len(keys) > self.page_size

    def folders(self, prefix: str) -> list[str]:
        self.requests.append(("list", prefix))
        below = (key[len(prefix) :] for key in self.kept if key.startswith(prefix))
        return sorted({rest.split("/", 1)[0] for rest in below if "/" in rest})

    def read(self, key: str, etag: str) -> BinaryIO:
        self.requests.append(("get", key))
        body = self._held(key, etag)
        self._give("read", key)
        return io.BytesIO(body)

    def find(self, key: str) -> tuple[bytes, str] | None:
        self.requests.append(("get", key))
        if key not in self.kept:
            return None
        body = self.kept[key][0]
        return body, etag_of(body)

    def create(self, key: str, body: bytes | BinaryIO) -> str:
        self.requests.append(("put", key))
        if key in self.kept:
            raise AlreadyThere(key)
        return self.put(key, whole(body))

    def replace(self, key: str, body: bytes, etag: str) -> str:
        self.requests.append(("put", key))
        self._held(key, etag)
        return self.put(key, body)

    def delete(self, key: str, etag: str) -> None:
        self.requests.append(("delete", key))
        self._held(key, etag)
        self._give("delete", key)
        del self.kept[key]

    def overwrite(self, key: str, body: bytes) -> str:
        """Put without a condition, which the writer must never do."""
        self.requests.append(("put", key))
        return self.put(key, body)

    def remove(self, key: str) -> None:
        """Delete without a condition, which the writer must never do."""
        self.requests.append(("delete", key))
        self.kept.pop(key, None)

    def put(self, key: str, body: bytes, modified: datetime | None = None) -> str:
        """Put without a condition, as Firehose does."""
        self.kept[key] = (body, modified or self.now)
        return etag_of(body)

    def refuse(self, method: str, key: str) -> None:
        """Refuse to read, or to delete, what is under a key; kept in the bucket as all state is."""
        self.put(f"{_REFUSED}{method}/{key}", b"")

    def give(self, method: str = "", key: str = "") -> None:
        """Refuse it no longer; with nothing given, nothing is refused any more."""
        for each in self.keys(f"{_REFUSED}{method}/{key}" if method else _REFUSED):
            del self.kept[each]

    def refused(self, method: str) -> list[str]:
        """Return the keys of what is refused."""
        prefix = f"{_REFUSED}{method}/"
        return [key.removeprefix(prefix) for key in self.keys(prefix)]

    def _give(self, method: str, key: str) -> None:
        if f"{_REFUSED}{method}/{key}" in self.kept:
            raise Refused(key, "InvalidObjectState")

    def keys(self, prefix: str) -> list[str]:
        """Return the keys below a prefix, in order."""
        return sorted(key for key in self.kept if key.startswith(prefix))

    def _held(self, key: str, etag: str) -> bytes:
        if key not in self.kept:
            raise Missing(key)
        body = self.kept[key][0]
        if etag_of(body) != etag:
            raise Changed(key)
        return body


@cache
def etag_of(body: bytes) -> str:
    """Return S3's ETag of an object. For a put in one part, it depends only on the bytes."""
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def whole(body: bytes | BinaryIO) -> bytes:
    """Return the bytes that a request sends."""
    return body if isinstance(body, bytes) else body.read()
