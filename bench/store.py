"""The store that replaces S3, in the process of a peer and the same for all peers."""

from __future__ import annotations

import io
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import BinaryIO

from avro_writer.store import AlreadyThere, Changed, LandedObject, Missing

_LANDED_AT = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryStore:
    """Objects in a dictionary; implements `avro_writer.store.Store`.

    An object's ETag is a number that grows with each put, because S3's hash is not a peer's cost.
    """

    def __init__(self, objects: Mapping[str, bytes] | None = None) -> None:
        self._objects: dict[str, tuple[bytes, str]] = {}
        # Sorted, and may have deleted keys, so that a listing only costs what it lists.
        self._keys: list[str] = []
        self._puts = 0
        for key, body in (objects or {}).items():
            self.create(key, body)

    def items(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Yield key and bytes of each object below a prefix."""
        for key, (body, _) in self._objects.items():
            if key.startswith(prefix):
                yield key, body

    def objects(self, prefix: str, after: str = "") -> Iterator[LandedObject]:
        """Yield the objects below a prefix, in the order of their keys, that come after one."""
        if len(self._keys) > 2 * len(self._objects):
            self._keys = sorted(self._objects)
        for place in range(self._place(prefix, after), len(self._keys)):
            key = self._keys[place]
            if not key.startswith(prefix):
                return
            if key in self._objects:
                body, etag = self._objects[key]
                yield LandedObject(key, etag, len(body), _LANDED_AT)

    def folders(self, prefix: str) -> list[str]:
        """Return the names between the prefix and the next slash, once each, in order."""
        below = (each.key[len(prefix) :] for each in self.objects(prefix))
        return sorted({rest.split("/", 1)[0] for rest in below if "/" in rest})

    def read(self, key: str, etag: str) -> BinaryIO:
        """Return an object's bytes."""
        return io.BytesIO(self._held(key, etag))

    def find(self, key: str) -> tuple[bytes, str] | None:
        """Return an object's bytes and ETag, or None if there is none."""
        return self._objects.get(key)

    def create(self, key: str, body: bytes | BinaryIO) -> str:
        """Put a new object and return its ETag."""
        if key in self._objects:
            raise AlreadyThere(key)
        return self._put(key, body if isinstance(body, bytes) else body.read())

    def replace(self, key: str, body: bytes, etag: str) -> str:
        """Put an object in place of the one with this ETag."""
        self._held(key, etag)
        return self._put(key, body)

    def delete(self, key: str, etag: str) -> None:
        """Delete the object with this ETag."""
        self._held(key, etag)
        del self._objects[key]

    def _place(self, prefix: str, after: str) -> int:
        return max(bisect_left(self._keys, prefix), bisect_right(self._keys, after))

    def _put(self, key: str, body: bytes) -> str:
        self._puts += 1
        if key not in self._objects:
            insort(self._keys, key)
        etag = f'"{self._puts}"'
        self._objects[key] = (body, etag)
        return etag

    def _held(self, key: str, etag: str) -> bytes:
        if key not in self._objects:
            raise Missing(key)
        body, found = self._objects[key]
        if found != etag:
            raise Changed(key)
        return body
