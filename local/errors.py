"""What can go wrong on one machine: the root of the errors that a command shows and ends with."""

from __future__ import annotations


class LocalError(Exception):
    """Says what is wrong, where, and what to do."""
