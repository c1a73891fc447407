"""The records of a run that failed, by reason: each once, however many delivery streams read it."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from avro_writer.store import Store
from infra.deliveries import Delivery
from ops.failed.current import CurrentCode, NowFails, with_column
from ops.failed.records import FailedRecord, failed_places, together

_TOGETHER = 500


@dataclass(frozen=True)
class FailedRecords:
    """How many records failed in at least one delivery stream, and why.

    Parameters
    ----------
    count
        Their number.
    reasons
        Their numbers by reason.
    """

    count: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


def failed_records(
    store: Store, prefix: str, deliveries: Iterable[Delivery], type_attribute: str
) -> FailedRecords:
    """Count the records in the error output.

    Parameters
    ----------
    store
        The bucket.
    prefix
        The pipeline's key prefix, without a slash at its end.
    deliveries
        The delivery streams.
    type_attribute
        The item's attribute that names its record type.
    """
    # A record that is not JSON fails in each delivery stream.
    most: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    for delivery in deliveries:
        counts: Counter[str] = Counter()
        with contextlib.ExitStack() as stack:
            codes = [
                stack.enter_context(CurrentCode(each, type_attribute))
                for each in delivery.record_types
            ]
            for records in together(_of_delivery(store, prefix, delivery.name), _TOGETHER):
                new = [each for each in records if each.mark not in reasons]
                for record in new:
                    reasons[record.mark] = record.reason
                for code in codes:
                    for record, now in zip(new, code.now(new), strict=True):
                        # All other types say that the record is none of theirs.
                        if isinstance(now, NowFails):
                            reasons[record.mark] = with_column(now.reason, now.column)
                counts.update(each.mark for each in records)
        most |= counts
    by_reason: Counter[str] = Counter()
    for mark, count in most.items():
        by_reason[reasons[mark]] += count
    return FailedRecords(most.total(), dict(by_reason.most_common()))


def _of_delivery(store: Store, prefix: str, name: str) -> Iterator[FailedRecord]:
    for place in failed_places(store, prefix, name, "errors"):
        for each in place.objects():
            yield from each.read()
