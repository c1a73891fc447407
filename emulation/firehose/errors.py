"""The errors of emulated delivery streams."""

from __future__ import annotations

from console.errors import CommandError


class FirehoseError(CommandError):
    """A delivery stream cannot be run, or cannot go on."""


class InvalidSetting(FirehoseError):
    """A setting of the delivery stream that Amazon Data Firehose would refuse too."""


class NotEmulated(FirehoseError):
    """A setting that Amazon Data Firehose supports and this emulation does not."""


class DeliveryStalled(FirehoseError):
    """Draining has made no progress for too long; the records in flight are still held."""
