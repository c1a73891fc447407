"""Errors of ``dmd backfill``."""

from __future__ import annotations

from console.errors import CommandError


class BackfillError(CommandError):
    """A backfill cannot start or continue."""


class ExportError(BackfillError):
    """There is no such export, it is not complete, or it contradicts itself."""


class DataFileError(BackfillError):
    """One data file of an export cannot be used; the others can."""
