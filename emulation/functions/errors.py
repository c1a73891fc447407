"""Errors of the local set-up. Lambda's own errors are answers, in `invocation`."""

from __future__ import annotations

from console.errors import CommandError


class FunctionHostError(CommandError):
    """The host cannot run functions; the message says what to do."""


class PackageMismatchError(FunctionHostError):
    """A function was created from a package that is not among those built last."""
