"""What can go wrong in an operator's command, each with what to do about it."""

from __future__ import annotations

from console.errors import CommandError


class OpsError(CommandError):
    """An operator's command cannot do what was asked; the message names the remedy."""


class PackagingError(OpsError):
    """A function's package cannot be built."""


class GitError(OpsError):
    """Git cannot tell what was asked: there is no git, no repository, or no such commit."""
