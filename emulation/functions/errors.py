"""What is wrong with the local set-up, as opposed to what Lambda itself would answer."""

from __future__ import annotations

from console.errors import CommandError


class FunctionHostError(CommandError):
    """The host cannot run functions; the message says what to do."""


class PackageMismatchError(FunctionHostError):
    """A function was created from another package than those that were built last."""
