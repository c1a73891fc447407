"""Errors of the operator's commands."""

from __future__ import annotations

from console.errors import CommandError


class GitError(CommandError):
    """Git cannot answer: it is not installed, there is no repository, or no such commit."""


class DeploymentError(CommandError):
    """There is no such deployed stack, or the caller's credentials do not reach it."""


class ReplayError(CommandError):
    """A replay cannot begin or go on. The text says why, and what to do."""


class OptionError(CommandError):
    """The value of an option cannot be used. The text says what to write."""


class SmokeError(CommandError):
    """A smoke test cannot begin. The text says why, and what to do."""
