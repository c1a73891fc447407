"""One permission that a call needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Requirement:
    """An IAM action (``s3:PutObject``) on a resource (an ARN, or ``*``), with its condition keys.

    ``keys`` are the service's own condition keys. The global keys come from the session.
    """

    action: str
    resource: str
    keys: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
