"""One thing that a call needs permission for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Requirement:
    """An IAM action (``s3:PutObject``) on a resource (an ARN, or ``*``), with its condition keys.

    ``keys`` are the service's own condition keys; the global ones come from the session.
    """

    action: str
    resource: str
    keys: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
