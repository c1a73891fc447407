"""How much of a run's time is left: for the run, for a lane's turn, for reading one plan."""

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
    """The end of a run, or of one lane's turn in it.

    Parameters
    ----------
    remaining
        Returns the seconds that the run has left.
    until
        The seconds left to the run at that end.
    run_seconds
        What the whole run has for its work; from now on, unless given.
    """

    def __init__(
        self,
        remaining: Callable[[], float],
        until: float = MARGIN,
        run_seconds: float | None = None,
    ) -> None:
        self._remaining = remaining
        self._until = until
        self._whole = remaining() - until
        self._run_seconds = self._whole if run_seconds is None else run_seconds

    @property
    def is_over(self) -> bool:
        """Whether there is no time for another step."""
        return self._remaining() < self._until

    def check(self) -> None:
        """Raise `OutOfTime` if there is no time for another step."""
        if self.is_over:
            raise OutOfTime

    def turn(self, others: int) -> Deadline:
        """Return the end of a lane's turn: where others wait, half of what is left is theirs.

        Parameters
        ----------
        others
            How many lanes wait.
        """
        if not others:
            return self
        left = self._remaining()
        return Deadline(
            self._remaining, max((left + self._until) / 2, self._until), self._run_seconds
        )

    def reading(self) -> ReadingTime:
        """Return the time that reading one plan's inputs may take, from now."""
        return ReadingTime(
            self._remaining,
            self._until,
            self._whole * _READING_SHARE,
            self._run_seconds * _READING_SHARE,
        )


class ReadingTime:
    """The part of a turn's time in which one plan's inputs are to be read; it begins when made.

    Parameters
    ----------
    remaining
        Returns the seconds that the run has left.
    until
        The seconds left to the run at the end of the turn.
    seconds
        How long it is.
    run_seconds
        How long it would be, were the turn a whole run.
    """

    def __init__(
        self, remaining: Callable[[], float], until: float, seconds: float, run_seconds: float
    ) -> None:
        self._remaining = remaining
        self._until = until
        self._seconds = seconds
        self._run_seconds = run_seconds
        self._began = self._last = remaining()
        self._longest = 0.0

    def check(self) -> None:
        """Raise `OutOfTime` if the turn has no time left; to be called often."""
        left = self._remaining()
        self._longest = max(self._longest, self._last - left)
        self._last = left
        if left < self._until:
            raise OutOfTime

    @property
    def over(self) -> bool:
        """Whether it is up."""
        return self._remaining() < self._began - self._seconds

    @property
    def was_used(self) -> bool:
        """Whether reading has really taken more than any run should give it.

        The longest step between two looks at the time does not count: it may be a request that
        hung, or a process that stood still, and says nothing of what is read.
        """
        return self._began - self._last - self._longest > self._run_seconds
