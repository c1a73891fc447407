"""The records of a run that failed, by reason: each once, however many delivery streams read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from avro_writer.store import Store
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
    store: Store, prefix: str, record_types: Iterable[str], type_attribute: str
) -> FailedRecords:
    """Count the records in the error output.

    Parameters
    ----------
    store
        The bucket.
    prefix
        The pipeline's key prefix, without a slash at its end.
    record_types
        The types of the delivery streams.
    type_attribute
        The item's attribute that names its record type.
    """
    # A record that is not JSON fails in each delivery stream.
    most: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    for record_type in record_types:
        counts: Counter[str] = Counter()
        with CurrentCode(record_type, type_attribute) as code:
            for records in together(_of_type(store, prefix, record_type), _TOGETHER):
                new = [each for each in records if each.mark not in reasons]
                for record, now in zip(new, code.now(new), strict=True):
                    reason = now.reason if isinstance(now, NowFails) else record.reason
                    column = now.column if isinstance(now, NowFails) else None
                    reasons[record.mark] = with_column(reason, column)
                counts.update(each.mark for each in records)
        most |= counts
    by_reason: Counter[str] = Counter()
    for mark, count in most.items():
        by_reason[reasons[mark]] += count
    return FailedRecords(most.total(), dict(by_reason.most_common()))


def _of_type(store: Store, prefix: str, record_type: str) -> Iterator[FailedRecord]:
    for place in failed_places(store, prefix, record_type, "errors"):
        for each in place.objects():
            yield from each.read()
