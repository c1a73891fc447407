"""What can go wrong with a delivery stream on this machine, as one small tree."""

from __future__ import annotations

from console.errors import CommandError


class FirehoseError(CommandError):
    """A delivery stream cannot be run, or cannot go on."""


class InvalidSetting(FirehoseError):
    """A setting of the delivery stream that Amazon Data Firehose would refuse too."""


class NotEmulated(FirehoseError):
    """A setting that Amazon Data Firehose knows and this stand-in does not."""


class DeliveryStalled(FirehoseError):
    """Draining has made no progress for too long; what is in flight is still held."""
