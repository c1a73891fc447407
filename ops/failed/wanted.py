"""Which failed records a command is about, from its options."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from infra.deliveries import ALL_TYPES
from ops.errors import OptionError
from ops.failed.records import AREAS, Area, FailedObject, FailedRecord

_AGO = re.compile(r"(\d{1,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Wanted:
    """What to look for; what is None or empty is not asked for.

    Parameters
    ----------
    types
        Record types.
    areas
        Where the records are kept.
    reason
        A part of the reason with which they are kept.
    first_day, last_day
        UTC dates of arrival, YYYY-MM-DD, both inclusive.
    key
        The record key of the item, or the value of one of its key attributes.
    source
        A part of the key of the object that the record was in.
    """

    types: tuple[str, ...]
    areas: tuple[Area, ...] = AREAS
    reason: str | None = None
    first_day: str | None = None
    last_day: str | None = None
    key: str | None = None
    source: str | None = None

    def has_object(self, found: FailedObject) -> bool:
        """Say whether an object may have such records.

        One of no type may have records of any type.
        """
        if found.record_type not in (*self.types, ALL_TYPES):
            return False
        if self.source is not None and self.source not in found.name:
            return False
        # The day of its name is that of its oldest record.
        return not (self.last_day and found.day and found.day > self.last_day)

    def has_record(self, record: FailedRecord) -> bool:
        """Say whether it is about a record, as far as its row is not needed to know."""
        if self.reason is not None and self.reason.lower() not in record.reason.lower():
            return False
        if self.first_day and record.day < self.first_day:
            return False
        return not (self.last_day and record.day > self.last_day)

    def has_row(self, line: bytes) -> bool:
        """Say whether it is about the record that becomes this row, a landed line."""
        if self.key is None:
            return True
        found = str(msgspec.json.decode(line)["record_key"])
        return self.key == found or self.key in map(str, _values(found))


def _values(record_key: str) -> Iterable[Any]:
    key = msgspec.json.decode(record_key)
    return key.values() if isinstance(key, dict) else (key,)


def first_day(text: str | None, now: datetime) -> str | None:
    """Return the first day that ``--since`` means: a date, or a time ago such as ``36h``.

    Raises
    ------
    OptionError
        It is neither.
    """
    if text is None:
        return None
    if _AGO.fullmatch(text):
        return ago(text, now).astimezone(UTC).date().isoformat()
    return day(text)


def ago(text: str, now: datetime) -> datetime:
    """Return the time that so long ago means, for example ``36h``.

    Raises
    ------
    OptionError
        It is no such time.
    """
    found = _AGO.fullmatch(text)
    if found is None:
        raise OptionError(f"{text!r} is not a time ago: write 90m, 36h or 7d")
    return now - timedelta(**{_UNITS[found[2]]: int(found[1])})


def day(text: str | None) -> str | None:
    """Return a day of the options, YYYY-MM-DD.

    Raises
    ------
    OptionError
        It is no date.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise OptionError(
            f"{text!r} is not a day: write 2026-11-28, or a time ago: 30m, 36h, 7d"
        ) from None
