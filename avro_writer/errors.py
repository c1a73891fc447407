"""What can go wrong in the Avro writer, apart from bad rows."""

from __future__ import annotations


class WriterError(Exception):
    """The root of the writer's own errors."""


class EventError(WriterError):
    """The event of a run has another shape, or names a type or lane that does not exist."""


class OutOfTime(WriterError):
    """The run's time is nearly up: the plan in flight is left to the next run."""


class UnreadablePlan(WriterError):
    """A plan object that this version of the writer cannot read."""


class DiskFull(WriterError):
    """Local disk is too small for one landed object, or for a plan that is fixed already."""


class ObjectsSetAside(WriterError):
    """S3 refuses some landed objects, which are left where they are; all others are written."""


class AwaitsNewerCode(WriterError):
    """A landed object has rows that do not fit this run's schema, and newer code may take them.

    Parameters
    ----------
    key
        The object's.
    """

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} has rows that do not fit the schema of this version")
        self.key = key


class Overtaken(WriterError):
    """Another run has taken the plan's next step first."""
