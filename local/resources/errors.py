"""What can go wrong while a resource graph is made."""

from __future__ import annotations

from local.errors import LocalError


class ResourceGraphError(LocalError):
    """The program's graph cannot be told without AWS; the message says which part, and why."""
