"""Which delivery streams a stack has: one for each record type, or one that all types share.

While a running stack changes from one to the other, it has both. The border, a time, then says
which of them answers for a change record (docs/deploying.md#change-the-delivery-streams).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from infra.settings import Settings

# No record type can have this name: their names have no hyphens.
ALL_TYPES = "all-types"

REST = timedelta(hours=1)
"""How long after its border a change may be ended.

Within this time, Firehose has transformed (with all retries) and written what it read before.
"""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A delivery stream with its transform.

    Parameters
    ----------
    name
        The record type, or ``ALL_TYPES``. It is part of the names of the delivery stream, the
        function and the role, of the prefix of its error output, and it is the dimension
        ``RecordType`` of its metrics.
    record_types
        The record types whose rows it lands.
    since, before
        It answers for the change records that arrive in the Kinesis stream at ``since`` or later
        and earlier than ``before``. None means no limit.
    """

    name: str
    record_types: tuple[str, ...]
    since: datetime | None = None
    before: datetime | None = None

    @property
    def shared(self) -> bool:
        """Whether the delivery stream lands several record types, by dynamic partitioning."""
        return self.name == ALL_TYPES

    def answers(self, begin: datetime, end: datetime) -> bool:
        """Return whether it answers for any records that arrive from one time to another."""
        return (self.since is None or self.since <= end) and (
            self.before is None or begin < self.before
        )


def other_kind(kind: str) -> str:
    """Return the value of the setting ``delivery`` that is not this one."""
    return "per_type" if kind == "shared" else "shared"


def types_in_words(delivery: str) -> str:
    """Return whose records a delivery stream lands, of `Delivery.name`, as people read it."""
    return "all types" if delivery == ALL_TYPES else delivery


def deliveries_of(settings: Settings) -> tuple[Delivery, ...]:
    """Return the delivery streams of a stack. Those that answer from now on come first."""
    kind, border = settings.delivery, settings.delivery_border
    current = _of_kind(kind, settings, since=border, before=None)
    if border is None:
        return current
    return current + _of_kind(other_kind(kind), settings, since=None, before=border)


def _of_kind(
    kind: str, settings: Settings, *, since: datetime | None, before: datetime | None
) -> tuple[Delivery, ...]:
    types = settings.demand_data_types
    groups = {ALL_TYPES: types} if kind == "shared" else {each: (each,) for each in types}
    return tuple(
        Delivery(name=name, record_types=group, since=since, before=before)
        for name, group in groups.items()
    )
