"""Converts ISO 8601 text and epoch numbers to milliseconds since 1970, UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from schemas.columns import MAX_MILLIS, MIN_MILLIS, Epoch
from transform.numbers import exact, integer

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY_MILLIS = 86_400_000
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,32}))?)?"
    r"(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2})?)?)?"
)
# Factor and divisor that convert each unit to milliseconds.
_UNITS: dict[Epoch, tuple[int, int]] = {
    "seconds": (1000, 1),
    "milliseconds": (1, 1),
    "microseconds": (1, 1000),
}


def days(text: str) -> int | None:
    """Return the days since 1970-01-01 of a date ``YYYY-MM-DD``, or None if it is not a date."""
    # fromisoformat also accepts other forms of ISO 8601 (20261122, 2026-W47-7).
    if len(text) != 10 or text[4:8:3] != "--":
        return None
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH_DAY
    except ValueError:
        return None


def from_javascript(text: str) -> int | None:
    """Return the milliseconds since 1970 of a time as JavaScript writes it, or None.

    Most times in text have this form: ``2026-11-22T10:00:00.250Z``.
    """
    if len(text) != 24 or text[4:20:3] != "--T::." or text[23] != "Z" or text[11:13] == "24":
        return None
    try:
        found = datetime.fromisoformat(text) - _EPOCH
    except ValueError:
        return None
    return found.days * _DAY_MILLIS + found.seconds * 1000 + found.microseconds // 1000


def from_iso(text: str) -> tuple[int, bool] | None:
    """Return the milliseconds since 1970 of an ISO 8601 time, and whether they are exact.

    A time finer than a millisecond is rounded down and not exact. A date alone means its midnight;
    a time without an offset is UTC. The result is None if the text is not a time in the years 1 to
    9999.
    """
    found = from_javascript(text)
    if found is not None:
        return found, True
    match = _TIME.fullmatch(text)
    if not match:
        return None
    day, hour, minute, second, fraction, _, sign, offset_hour, offset_minute = match.groups()
    since = days(day)
    if since is None:
        return None
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    east, east_minutes = int(offset_hour or 0), int(offset_minute or 0)
    # Second 60 is a leap second, which milliseconds since 1970 cannot express.
    if hours > 23 or minutes > 59 or seconds > 59 or east > 23 or east_minutes > 59:
        return None
    offset = (east * 60 + east_minutes) * (-1 if sign == "-" else 1)
    whole = ((since * 24 + hours) * 60 + minutes - offset) * 60 + seconds
    digits = (fraction or "").ljust(3, "0")
    millis = whole * 1000 + int(digits[:3])
    if not MIN_MILLIS <= millis <= MAX_MILLIS:
        return None
    return millis, not digits[3:].strip("0")


def from_epoch(text: str, unit: Epoch) -> tuple[int, bool] | None:
    """Return the milliseconds since 1970 of an epoch number, and whether they are exact.

    Parameters
    ----------
    text
        The text of an ``N`` attribute.
    unit
        The number's unit.
    """
    multiplier, divisor = _UNITS[unit]
    whole = integer(text)
    if whole is not None:
        millis, rest = divmod(whole * multiplier, divisor)
    else:
        number = exact(text)
        if number is None:
            return None
        numerator, denominator = number.as_integer_ratio()
        millis, rest = divmod(numerator * multiplier, denominator * divisor)
    if not MIN_MILLIS <= millis <= MAX_MILLIS:
        return None
    return millis, rest == 0
