"""Tells whose a record of Firehose's error output is: of which type, and of which delivery stream.

An object below ``errors/all-types/`` has records of several record types. A replay treats it as one
object for each type. A record's type depends on its data alone, so each record is in one of them.
"""

from __future__ import annotations

from infra.deliveries import ALL_TYPES, deliveries_of
from infra.settings import Settings
from transform.arrivals import ALWAYS, Arrivals
from transform.change_record import ChangeRecordReader, NotAChangeRecord

# With these codes, the transform has answered for the record, so it looked at the border itself.
# Other codes are of batches that failed as a whole.
_ANSWERED = ("Lambda.ProcessingFailedStatus", "DynamicPartitioning.")


class Owners:
    """Tells whose a record of Firehose's error output is.

    Parameters
    ----------
    settings
        The stack's settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._types = settings.demand_data_types
        self._reader = ChangeRecordReader(settings.type_attribute)
        self._arrivals = {
            each.name: Arrivals(each.since, each.before) for each in deliveries_of(settings)
        }

    def parts(self, delivery: str) -> tuple[str, ...]:
        """Return the record types into which the objects of a delivery stream are parted.

        The last of them is `ALL_TYPES`. It has the records of no type of the stack, and those whose
        type nobody can tell. An object of one type's delivery stream is not parted.
        """
        return (*self._types, ALL_TYPES) if delivery == ALL_TYPES else (delivery,)

    def type_of(self, data: bytes) -> str:
        """Return the record type of a change record, `ALL_TYPES` if it has none of the stack."""
        record_type, _ = self._glance(data)
        return ALL_TYPES if record_type is None else record_type

    def why_without_type(self, data: bytes) -> str:
        """Return why a record has no type of the stack, in the words of the transform's log."""
        _, reason = self._glance(data)
        return reason

    def answers(self, delivery: str, code: str, arrived: int | None) -> bool:
        """Return whether a delivery stream answers for a record of its error output.

        While a stack changes its delivery streams, both kinds of them read each record. If a batch
        fails as a whole, nobody has left out the records of the other kind.

        Parameters
        ----------
        delivery
            `infra.deliveries.Delivery.name`; it may be of the kind that the stack has no more.
        code
            Firehose's error code.
        arrived
            When the record arrived, in milliseconds since 1970, if that is known.
        """
        if arrived is None or code.startswith(_ANSWERED):
            return True
        return arrived in self._arrivals.get(delivery, ALWAYS)

    def _glance(self, data: bytes) -> tuple[str | None, str]:
        try:
            _, record_type = self._reader.glance(data)
        except NotAChangeRecord as error:
            return None, error.reason
        if record_type is None:
            return None, "no_type"
        return (record_type, "") if record_type in self._types else (None, "unclaimed_type")
