"""What AWS's API asks of a destination with dynamic partitioning.

Its pages name some of these rules only. The others, and the messages, were seen on AWS: see
docs/aws-contracts.md#dynamic-partitioning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulation.firehose.errors import InvalidSetting
from emulation.firehose.prefix import Prefix

_LEAST_MB, _LEAST_SECONDS, _MOST_RETRY_SECONDS = 64, 60, 7200
_SETTING = "DynamicPartitioningConfiguration"


def is_partitioned(settings: Mapping[str, Any]) -> bool:
    """Return whether an extended S3 destination has dynamic partitioning."""
    return bool((settings.get(_SETTING) or {}).get("Enabled"))


def check_partitioning(
    settings: Mapping[str, Any],
    prefix: Prefix,
    *,
    transformed: bool,
    size_mb: float,
    interval_seconds: int,
) -> None:
    """Refuse what AWS's API refuses with dynamic partitioning, or without it.

    Parameters
    ----------
    settings
        An ``ExtendedS3DestinationConfiguration``, or the description or update of one.
    prefix
        Its prefix.
    transformed
        Whether a function transforms the records.
    size_mb, interval_seconds
        The buffer of each object, in MB, and its interval.

    Raises
    ------
    InvalidSetting
        With AWS's message.
    """
    if not is_partitioned(settings):
        if prefix.partition_keys:
            raise InvalidSetting(
                "Dynamic Partitioning Namespaces can only be part of a prefix expression when "
                "Dynamic Partitioning is enabled."
            )
        return
    seconds = (settings[_SETTING].get("RetryOptions") or {}).get("DurationInSeconds", 0)
    if not 0 <= seconds <= _MOST_RETRY_SECONDS:
        raise InvalidSetting(
            f"{_SETTING}: DurationInSeconds is {seconds}; it must be from 0 to "
            f"{_MOST_RETRY_SECONDS}"
        )
    if not prefix.partition_keys:
        raise InvalidSetting(
            "S3 Prefix should contain Dynamic Partitioning namespaces when Dynamic Partitioning is "
            "enabled"
        )
    if not transformed:
        raise InvalidSetting(
            "Processing Configuration is not enabled when DataPartitioning is enabled"
        )
    if size_mb < _LEAST_MB:
        raise InvalidSetting(
            f"BufferingHints.SizeInMBs must be at least {_LEAST_MB} when Dynamic Partitioning is "
            "enabled."
        )
    if interval_seconds < _LEAST_SECONDS:
        raise InvalidSetting(
            f"BufferingHints.IntervalInSeconds must be at least {_LEAST_SECONDS} seconds when "
            "Dynamic Partitioning is enabled."
        )


def check_partitioning_kept(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuse an update that switches dynamic partitioning on or off. AWS's message is not known.

    Parameters
    ----------
    before, after
        The destination as it is, and as the update would make it.

    Raises
    ------
    InvalidSetting
        The two differ.

    Source: docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-enable.html
    """
    if is_partitioned(before) != is_partitioned(after):
        raise InvalidSetting(
            "dynamic partitioning cannot be switched on or off for a delivery stream that exists; "
            "make a new delivery stream"
        )
