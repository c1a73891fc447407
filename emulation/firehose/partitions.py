"""Which object a delivered record goes into: the one of its partition, if there are partitions."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from emulation.firehose.buffer import Target
from emulation.firehose.description import Destination
from emulation.firehose.prefix import MAX_CHARACTERS
from emulation.firehose.response import Failed

# A new delivery stream's. https://docs.aws.amazon.com/firehose/latest/dev/limits.html
ACTIVE_PARTITIONS_LIMIT = 500

# Codes, message and the first output type were seen on AWS, for keys from a query. Whether they are
# the same for keys from a function is unconfirmed. The second output type is from AWS's page, whose
# message is not known. See docs/aws-contracts.md#dynamic-partitioning.
NO_PARTITION_KEYS = Failed(
    "DynamicPartitioning.MetadataExtractionFailed",
    "partitionKeys values must not be null or empty",
    "metadata-extraction-failed",
)
TOO_MANY_PARTITIONS = Failed(
    "DynamicPartitioning.ActivePartitionsLimitExceeded",
    "The limit of active partitions is exceeded.",
    "activePartitionExceeded",
)

_EVERYTHING = Target()


def target_of(
    destination: Destination,
    keys: Any,
    arrival_millis: int,
    active: Callable[[], Collection[Target]],
    limit: int,
) -> Target | Failed:
    """Return the partition that a delivered record belongs to, or why it fails.

    A partition is what AWS says: one value of the prefix, evaluated for the record. Whether AWS
    evaluates dates for each record is unconfirmed. If it does not, an object can have records of
    two hours, as without partitions. Its key has the date of the oldest either way.

    Parameters
    ----------
    destination
        The destination.
    keys
        What the function gave as the record's keys, unchecked. Keys that the prefix does not have
        are ignored; what AWS does with them is unconfirmed.
    arrival_millis
        The record's arrival, in milliseconds since the epoch.
    active
        Returns the partitions that are active now.
    limit
        The most partitions that may be active.

    Sources: docs.aws.amazon.com/firehose/latest/dev/buffering.html and
    dynamic-partitioning-error-handling.html.
    """
    names = destination.prefix.partition_keys
    if not names:
        return _EVERYTHING
    found = {name: keys.get(name) for name in names} if isinstance(keys, dict) else {}
    values = {name: value for name, value in found.items() if isinstance(value, str) and value}
    if len(values) < len(set(names)):
        return NO_PARTITION_KEYS
    partition = destination.prefix.evaluate(
        destination.local_time(arrival_millis),
        # A random string is one of the object, not of the partition.
        new_uuid=lambda: "",
        partition_keys=values,
    )
    if len(partition) > MAX_CHARACTERS:
        return NO_PARTITION_KEYS
    target = Target(partition=partition, keys=tuple(values.items()))
    others = active()
    return target if target in others or len(others) < limit else TOO_MANY_PARTITIONS
