"""Collecting records into one object, by size and by time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from emulation.firehose.description import BufferingHints


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


class ObjectBuffer:
    """Holds the data of one object until the size or the interval is reached.

    Source: docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html. The size
    is that of the data before compression.
    """

    def __init__(self, hints: BufferingHints) -> None:
        self._hints = hints
        self._clear()

    @property
    def waiting(self) -> int:
        """Return how many records wait."""
        return len(self._data)

    def add(self, data: bytes, arrival_millis: int, now: float, failure: str = "") -> None:
        """Add the data of one record, with its error code if it failed.

        ``now`` is in seconds, ``arrival_millis`` in milliseconds since the epoch.
        """
        if not self._data:
            self._since = now
            self._oldest_arrival_millis = arrival_millis
        self._data.append(data)
        self._bytes += len(data)
        self._oldest_arrival_millis = min(self._oldest_arrival_millis, arrival_millis)
        if failure:
            self._failures[failure] += 1

    @property
    def oldest_arrival_millis(self) -> int | None:
        """Return when the oldest record that waits arrived; None if none waits."""
        return self._oldest_arrival_millis if self._data else None

    @property
    def full(self) -> bool:
        """Return whether the size is reached."""
        return self._bytes >= self._hints.size_bytes

    def due(self, now: float) -> bool:
        """Return whether the oldest record has waited here for the interval."""
        return bool(self._data) and now - self._since >= self._hints.interval_seconds

    def take(self) -> Contents:
        """Return the contents, at least one record, and begin the next object."""
        contents = Contents(
            b"".join(self._data), len(self._data), self._oldest_arrival_millis, self._failures
        )
        self._clear()
        return contents

    def _clear(self) -> None:
        self._data: list[bytes] = []
        self._bytes = 0
        self._since = 0.0
        self._oldest_arrival_millis = 0
        self._failures: Counter[str] = Counter()
