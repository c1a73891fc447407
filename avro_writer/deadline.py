"""How much of a run's time is left, and how much of it one plan may take to be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from avro_writer.errors import OutOfTime

# What finishing a step, writing the report and returning may take, a hanging request included
# (the handler's client waits 15 seconds for an answer). Seconds.
MARGIN = 25.0
# A run that takes up a plan in a later state reads its inputs again: what was read in a third of a
# run's time leaves it two thirds to put and delete in, on a machine as slow as twice the first.
_READING_SHARE = 1 / 3


@dataclass(frozen=True)
class Clock:
    """Time as a run needs it.

    Parameters
    ----------
    now
        Returns the time, aware.
    remaining
        Returns the seconds that the run has left.
    """

    now: Callable[[], datetime]
    remaining: Callable[[], float]


class Deadline:
    """The end of a run, from its clock.

    Parameters
    ----------
    remaining
        Returns the seconds that the run has left.
    """

    def __init__(self, remaining: Callable[[], float]) -> None:
        self._remaining = remaining
        self._whole = max(remaining() - MARGIN, 0.0)

    def check(self) -> None:
        """Raise `OutOfTime` if there is no time for another step."""
        if self._remaining() < MARGIN:
            raise OutOfTime

    def reading(self) -> ReadingTime:
        """Return the time that reading one plan's inputs may take, from now."""
        return ReadingTime(self._remaining, self._remaining() - self._whole * _READING_SHARE)


@dataclass(frozen=True)
class ReadingTime:
    """The part of a run's time in which one plan's inputs are to be read.

    Parameters
    ----------
    remaining
        Returns the seconds that the run has left.
    until
        The seconds left to the run when this time is up.
    """

    remaining: Callable[[], float]
    until: float

    @property
    def over(self) -> bool:
        """Whether it is up."""
        return self.remaining() < self.until
