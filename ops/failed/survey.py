"""Counts failed records by type, place, reason and day, and what each would become now."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from avro_writer.store import Store
from infra.deliveries import ALL_TYPES
from ops.failed.current import Code, Now, NowFails, NowOther, NowRow, with_column
from ops.failed.owners import Owners
from ops.failed.records import (
    Area,
    FailedObject,
    FailedRecord,
    Place,
    UnreadableObject,
    failed_places,
    together,
)
from ops.failed.wanted import Wanted

_TOGETHER = 200
# A reason may quote a value, so there can be as many as there are records.
_MOST_GROUPS = 1_000
_OTHER_REASONS = "(other reasons)"


@dataclass(frozen=True, order=True)
class Group:
    """Records that are counted together.

    Parameters
    ----------
    record_type, area, reason, day
        As of `FailedRecord`.
    now, column
        What they become now, and the column that they do not fit; empty if nobody asked.
    replayed
        Whether an earlier replay has brought them back.
    """

    record_type: str
    area: Area
    day: str
    reason: str
    now: str = ""
    column: str = ""
    replayed: bool = False


@dataclass
class Survey:
    """What was found.

    Parameters
    ----------
    counts
        Records by group.
    examples
        One record of each group.
    unreadable
        Objects that could not be read, one line each.
    """

    counts: Counter[Group] = field(default_factory=Counter)
    examples: dict[Group, FailedRecord] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)

    @property
    def records(self) -> int:
        """Records that wait to be replayed or corrected."""
        return sum(count for group, count in self.counts.items() if not group.replayed)

    def rows(self) -> int:
        """Return how many records become rows now."""
        return self.rows_by_type().total()

    def rows_by_type(self) -> Counter[str]:
        """Return how many records become rows now, by record type."""
        found: Counter[str] = Counter()
        for group, count in self.counts.items():
            if group.now == NOW_ROW and not group.replayed:
                found[group.record_type] += count
        return found

    def not_rows(self) -> Counter[str]:
        """Return how many records that wait become no rows now, by what they become."""
        found: Counter[str] = Counter()
        for group, count in self.counts.items():
            if group.now != NOW_ROW and not group.replayed:
                found[with_column(group.now, group.column)] += count
        return found

    def add(self, group: Group, record: FailedRecord) -> None:
        """Count a record."""
        if group not in self.counts and len(self.counts) >= _MOST_GROUPS:
            group = Group(group.record_type, group.area, "", _OTHER_REASONS, group.now)
        self.counts[group] += 1
        self.examples.setdefault(group, record)


NOW_ROW = "a row"

Marks = Callable[[FailedObject], frozenset[str]]
"""Returns the marks of an object's records that were replayed."""


def places(store: Store, prefix: str, wanted: Wanted, owners: Owners) -> list[Place]:
    """Return where failed records are, of the types and areas that are wanted.

    The errors of both kinds of delivery streams are looked at: the stack may have had the other.
    """
    wished = [(each, area) for each in wanted.types for area in wanted.areas]
    if "errors" in wanted.areas:
        wished.append((ALL_TYPES, "errors"))
    return [
        place for name, area in wished for place in failed_places(store, prefix, name, area, owners)
    ]


def survey(
    found: Sequence[Place],
    wanted: Wanted,
    replayed: Marks,
    codes: Mapping[str, Code],
    progress: Callable[[int, int], None],
) -> Survey:
    """Count the failed records that are wanted.

    Parameters
    ----------
    found
        Where to look.
    wanted
        Which records.
    replayed
        What an earlier replay has brought back.
    codes
        By record type, what the records become now; without one it is not asked.
    progress
        Called with the number of places that were read, and of all.
    """
    result = Survey()
    for number, place in enumerate(found, 1):
        try:
            for each in place.objects():
                if wanted.has_object(each):
                    _count(result, each, wanted, replayed(each), codes.get(each.record_type))
        except UnreadableObject as error:
            result.unreadable.append(str(error))
        progress(number, len(found))
    return result


def _count(
    result: Survey,
    found: FailedObject,
    wanted: Wanted,
    replayed: frozenset[str],
    code: Code | None,
) -> None:
    records = (each for each in found.read() if wanted.has_record(each))
    for some in together(records, _TOGETHER):
        for record, now in zip(some, _now(code, some), strict=True):
            if isinstance(now, NowRow) and not wanted.has_row(now.line):
                continue
            if wanted.key is not None and not isinstance(now, NowRow):
                # Without a row, nobody knows its key.
                continue
            text, column = _described(now)
            result.add(
                Group(
                    found.record_type,
                    found.area,
                    record.day,
                    record.reason,
                    text,
                    column,
                    record.mark in replayed,
                ),
                record,
            )


def _now(code: Code | None, records: Sequence[FailedRecord]) -> Iterator[Now | None]:
    return itertools.repeat(None, len(records)) if code is None else iter(code.now(records))


def _described(now: Now | None) -> tuple[str, str]:
    match now:
        case None:
            return "", ""
        case NowRow():
            return NOW_ROW, ""
        case NowOther(whose):
            return whose, ""
        case NowFails(reason, column):
            return reason, column or ""
