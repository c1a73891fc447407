"""What can go wrong in an operator's command."""

from __future__ import annotations

from console.errors import CommandError


class GitError(CommandError):
    """Git cannot tell what was asked: there is no git, no repository, or no such commit."""
