"""What a delivery stream has done so far, in numbers that must add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class DeliveryCounts:
    """Counts since the start, with ``received == delivered + dropped + failed + in_flight``.

    Records are counted after de-aggregation, and as delivered or failed only when the object
    that holds them is in the bucket. Sizes are in bytes: ``received_bytes`` of record data,
    ``delivered_bytes`` of transformed data before compression, ``stored_bytes`` of all objects
    as they were put.

    ``in_flight`` counts the records that are held: waiting for the transform, in a buffer, or in
    an object that could not be put yet.
    """

    received: int = 0
    delivered: int = 0
    dropped: int = 0
    failed: int = 0
    in_flight: int = 0
    failed_by_code: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    batches: int = 0
    retries: int = 0
    unknown_ids: int = 0
    objects: int = 0
    error_objects: int = 0
    put_retries: int = 0
    received_bytes: int = 0
    delivered_bytes: int = 0
    stored_bytes: int = 0

    @property
    def reconciled(self) -> bool:
        """Return whether every record received is accounted for."""
        return (
            self.received == self.delivered + self.dropped + self.failed + self.in_flight
            and self.failed == sum(self.failed_by_code.values())
        )
