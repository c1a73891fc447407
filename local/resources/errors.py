"""What can go wrong while a resource graph is made."""

from __future__ import annotations

from console.errors import CommandError


class ResourceGraphError(CommandError):
    """The program's graph cannot be told without AWS; the message says which part, and why."""
