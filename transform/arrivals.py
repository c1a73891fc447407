"""Decides by its time of arrival whether this function or another one answers for a record.

While a stack changes its delivery streams, two functions read each record. A time, the border,
says which of them makes the row. See docs/design.md#the-transform.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Arrivals:
    """A span of arrival times.

    Parameters
    ----------
    since, before
        It has the times from ``since`` on that are earlier than ``before``. Both have a time zone.
        None means no limit.
    """

    def __init__(self, since: datetime | None = None, before: datetime | None = None) -> None:
        self._since = None if since is None else _millis(since)
        self._before = None if before is None else _millis(before)

    @property
    def limited(self) -> bool:
        """Whether it leaves out any time."""
        return self._since is not None or self._before is not None

    def __contains__(self, millis: int) -> bool:
        """Return whether it has a time, in milliseconds since 1970."""
        return (self._since is None or millis >= self._since) and (
            self._before is None or millis < self._before
        )


ALWAYS = Arrivals()


def _millis(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(milliseconds=1)
