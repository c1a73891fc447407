"""Collecting records into objects, by size and by time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from emulation.firehose.description import BufferingHints


@dataclass(frozen=True)
class Target:
    """What the records of one object have in common.

    Parameters
    ----------
    error_output_type
        Why they failed; empty for delivered records.
    partition
        The evaluated prefix of their partition; empty without dynamic partitioning.
    keys
        The names and values of the partition's keys.
    """

    error_output_type: str = ""
    partition: str = ""
    keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Contents:
    """The data of one object, and what its key and the counts need.

    ``oldest_arrival_millis`` is in milliseconds since the epoch. ``failures`` has the number of
    records for each error code; it is empty for delivered records.
    """

    data: bytes
    records: int
    oldest_arrival_millis: int
    failures: Mapping[str, int]
    target: Target


class ObjectBuffers:
    """Holds the data of each target's object until the size or the interval is reached.

    Source: docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html. The size
    is that of the data before compression.
    """

    def __init__(self, hints: BufferingHints) -> None:
        self._hints = hints
        self._buffers: dict[Target, _Buffer] = {}

    @property
    def waiting(self) -> int:
        """Return how many records wait."""
        return sum(len(each.data) for each in self._buffers.values())

    @property
    def targets(self) -> frozenset[Target]:
        """Return the targets for which records wait."""
        return frozenset(self._buffers)

    @property
    def oldest_arrival_millis(self) -> int | None:
        """Return when the oldest record that waits arrived; None if none waits."""
        return min((each.oldest_arrival_millis for each in self._buffers.values()), default=None)

    def add(
        self, target: Target, data: bytes, arrival_millis: int, now: float, failure: str = ""
    ) -> Contents | None:
        """Add the data of one record, with its error code if it failed.

        ``now`` is in seconds, ``arrival_millis`` in milliseconds since the epoch.

        Returns
        -------
        Contents or None
            The contents of the object that this record completes.
        """
        buffer = self._buffers.setdefault(target, _Buffer(now, arrival_millis))
        buffer.add(data, arrival_millis, failure)
        return self._take(target) if buffer.bytes >= self._hints.size_bytes else None

    def take_due(self, now: float) -> Iterator[Contents]:
        """Yield the contents whose oldest record has waited here for the interval."""
        interval = self._hints.interval_seconds
        due = [each for each, buffer in self._buffers.items() if now - buffer.since >= interval]
        return self._take_each(due)

    def take_all(self) -> Iterator[Contents]:
        """Yield the contents of all objects."""
        return self._take_each(list(self._buffers))

    def _take_each(self, targets: Iterable[Target]) -> Iterator[Contents]:
        return (self._take(target) for target in targets)

    def _take(self, target: Target) -> Contents:
        buffer = self._buffers.pop(target)
        return Contents(
            b"".join(buffer.data),
            len(buffer.data),
            buffer.oldest_arrival_millis,
            buffer.failures,
            target,
        )


class _Buffer:
    def __init__(self, since: float, arrival_millis: int) -> None:
        self.since = since
        self.oldest_arrival_millis = arrival_millis
        self.data: list[bytes] = []
        self.bytes = 0
        self.failures: Counter[str] = Counter()

    def add(self, data: bytes, arrival_millis: int, failure: str) -> None:
        self.data.append(data)
        self.bytes += len(data)
        self.oldest_arrival_millis = min(self.oldest_arrival_millis, arrival_millis)
        if failure:
            self.failures[failure] += 1
