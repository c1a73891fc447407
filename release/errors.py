"""The error of building a package."""

from __future__ import annotations

from console.errors import CommandError


class PackagingError(CommandError):
    """A function's package cannot be built."""
