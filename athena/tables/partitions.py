"""The partitions of a table: the range of dates that partition projection gives it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping

from athena.errors import SqlError

_NOW = re.compile(
    r"NOW\s*(?:([+-])\s*(\d+)\s*(YEARS?|MONTHS?|WEEKS?|DAYS?|HOURS?|MINUTES?|SECONDS?))?"
)


def projected_range(
    parameters: Mapping[str, str], key: str, now: dt.datetime
) -> Callable[[str], bool]:
    """Return a function that says whether partition projection includes a partition's value.

    Parameters and errors are those of `projected_ends`.
    """
    first, last = projected_ends(parameters, key, now)

    def projected(value: str) -> bool:
        try:
            return first <= dt.date.fromisoformat(value) <= last
        except ValueError:
            return False

    return projected


def projected_ends(
    parameters: Mapping[str, str], key: str, now: dt.datetime
) -> tuple[dt.date, dt.date]:
    """Return the first and the last date of a partition projection.

    Parameters
    ----------
    parameters
        The table's parameters: ``projection.<key>.type``, ``.range`` and ``.format``.
    key
        The partition key.
    now
        The time that ``NOW`` means, in UTC.

    Raises
    ------
    SqlError
        There is no projection, or dmd sql does not support it.

    Notes
    -----
    https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
    """
    kind = parameters.get(f"projection.{key}.type")
    if parameters.get("projection.enabled", "").lower() != "true" or kind is None:
        raise SqlError(
            f"the partition key {key} has no projection, and no partitions are registered:"
            " Athena would find no rows"
        )
    form = parameters.get(f"projection.{key}.format", "")
    if kind != "date" or form != "yyyy-MM-dd":
        raise SqlError(
            "dmd sql supports only partitions of type date and format yyyy-MM-dd;"
            f" {key} has type {kind} and format {form}"
        )
    ends = [end.strip() for end in parameters.get(f"projection.{key}.range", "").split(",")]
    if len(ends) != 2:
        raise SqlError(f"projection.{key}.range must be two dates, such as 2024-01-01,NOW+1DAYS")
    first, last = (_end(end, now) for end in ends)
    return first, last


def _end(text: str, now: dt.datetime) -> dt.date:
    found = _NOW.fullmatch(text)
    if found is None:
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            raise SqlError(
                f"{text!r} is not an end of a partition range; write 2024-01-01 or NOW"
            ) from None
    if found[1] is None:
        return now.date()
    count = int(found[1] + found[2])
    unit = found[3].rstrip("S")
    if unit in ("YEAR", "MONTH"):
        months = now.year * 12 + now.month - 1 + count * (12 if unit == "YEAR" else 1)
        year, month = divmod(months, 12)
        last_day = (dt.date(year + (month == 11), (month + 1) % 12 + 1, 1) - dt.timedelta(1)).day
        return dt.date(year, month + 1, min(now.day, last_day))
    return (now + dt.timedelta(**{f"{unit.lower()}s": count})).date()
