"""S3 as the plan protocol needs it: few operations, every change conditional.

See docs/design.md#the-plan.

The protocol's correctness stands on these conditions and on nothing else, so this is the whole
interface between its decisions and S3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol


class Missing(Exception):
    """There is no object under the key."""


class Changed(Exception):
    """The object is not the one that the condition names (412)."""


class AlreadyThere(Exception):
    """An object is under the key already (412 on a create-only put)."""


class Refused(Exception):
    """S3 does not give an object, or does not let it be deleted, and will not do so in a moment.

    Parameters
    ----------
    key
        The object's.
    reason
        S3's code (``InvalidObjectState``), or the name of what broke each time.
    """

    def __init__(self, key: str, reason: str = "") -> None:
        super().__init__(key, reason)
        self.key = key
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.key}: {self.reason}"


@dataclass(frozen=True)
class LandedObject:
    """An object as a listing shows it.

    Parameters
    ----------
    key, etag
        Together its identity: Firehose may rewrite an object under the same key.
    size
        Bytes.
    last_modified
        S3's time of the object, aware.
    """

    key: str
    etag: str
    size: int
    last_modified: datetime


class Store(Protocol):
    """A bucket with conditional writes (docs/aws-contracts.md#s3-conditional-requests)."""

    def objects(self, prefix: str, after: str = "") -> Iterator[LandedObject]:
        """Yield the objects below a prefix in the order of their keys, a page at a time.

        Of keys up to ``after``, none; they cost nothing either.
        """

    def folders(self, prefix: str) -> list[str]:
        """Return what stands between the prefix and the next slash, once each, in order."""

    def read(self, key: str, etag: str) -> BinaryIO:
        """Return an object's bytes.

        Raises `Missing`, `Changed` if its ETag is another, or `Refused`.
        """

    def find(self, key: str) -> tuple[bytes, str] | None:
        """Return an object's bytes and ETag, or None if there is none."""

    def create(self, key: str, body: bytes | BinaryIO) -> str:
        """Put a new object and return its ETag. Raises `AlreadyThere`."""

    def replace(self, key: str, body: bytes, etag: str) -> str:
        """Put an object in place of the one with this ETag. Raises `Missing` or `Changed`."""

    def delete(self, key: str, etag: str) -> None:
        """Delete the object with this ETag. Raises `Missing`, `Changed` or `Refused`."""
