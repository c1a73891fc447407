"""What `ops.status.collect` finds out about a stack, and nothing about what it means.

A fact that could not be asked for is None, and is named in ``unknown``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Pile:
    """Objects below a prefix.

    Parameters
    ----------
    objects, bytes
        Their number and size.
    oldest, newest
        When the first and the last of them were put; None if there is none.
    waiting
        Records of the window that no replay has brought back; None if nobody has counted them, or
        they are too many to read.
    complete
        Whether all were counted. Otherwise there are at least so many.
    """

    objects: int = 0
    bytes: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    waiting: int | None = None
    complete: bool = True


@dataclass(frozen=True)
class PlanInFlight:
    """A plan of the Avro writer.

    Parameters
    ----------
    key, state
        Its object, and its state.
    since
        When its object was last put.
    aside
        Number of plans that are set aside in its lane.
    """

    key: str
    state: str
    since: datetime
    aside: int


@dataclass(frozen=True)
class Partition:
    """The last partition of a table that queries see.

    Parameters
    ----------
    date
        Its date, YYYY-MM-DD.
    files, bytes
        Of its Avro files.
    rows
        Their rows; None if there are too many files to read, or one is not the Avro writer's.
    complete
        Whether all files were counted. Otherwise there are at least so many.
    """

    date: str
    files: int
    bytes: int
    rows: int | None
    complete: bool = True


@dataclass(frozen=True)
class Replays:
    """What ``dmd replay`` has brought back.

    Parameters
    ----------
    sources
        Objects of which a replay has taken records.
    rows
        The rows that they became.
    unfinished
        Sources with a choice that is not finished: a replay is at work, or was killed.
    complete
        Whether all were counted. Otherwise there are at least so many.
    """

    sources: int = 0
    rows: int = 0
    unfinished: int = 0
    complete: bool = True


@dataclass(frozen=True)
class Unknown:
    """A question that was not answered.

    Parameters
    ----------
    what
        What was asked for.
    action
        The action that the caller is not allowed; empty if something else is wrong.
    error
        The error's text.
    """

    what: str
    action: str
    error: str


@dataclass(frozen=True)
class DeliveryFacts:
    """The facts about one delivery stream and its transform.

    Parameters
    ----------
    name
        `infra.deliveries.Delivery.name`: a record type, or all types.
    since, before
        Between which times of arrival it answers for records; None if there is no such limit.
    state
        As Firehose says it, or ``missing``.
    freshness_seconds, behind_seconds
        Age of the oldest record in Firehose, and how far Firehose reads behind the Kinesis stream:
        the highest of the last quarter of an hour.
    outcomes
        Records of the window that failed or that nobody takes, from the transform's metrics.
    reasons
        Failed records of the window by reason, from the transform's logs.
    failed
        Objects of its error output.
    """

    name: str
    since: datetime | None = None
    before: datetime | None = None
    state: str | None = None
    freshness_seconds: float | None = None
    behind_seconds: float | None = None
    outcomes: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    failed: Pile | None = None


@dataclass(frozen=True)
class TypeFacts:
    """The facts about one record type.

    Parameters
    ----------
    rows_ok
        Rows that a transform has made in the window.
    written
        ``RowsWritten`` and other metrics of the Avro writer in the window.
    landed, quarantined
        Objects below ``landing/`` and ``quarantine/``.
    plans
        The plans of its lanes.
    partition
        The last partition of its table.
    replays
        What was replayed.
    table
        ``same``, ``differs`` or ``missing``, compared with this checkout's schema.
    """

    record_type: str
    rows_ok: int | None = None
    written: Mapping[str, int] = field(default_factory=dict)
    landed: Pile | None = None
    quarantined: Pile | None = None
    plans: tuple[PlanInFlight, ...] | None = None
    partition: Partition | None = None
    replays: Replays | None = None
    table: str | None = None


@dataclass(frozen=True)
class StackFacts:
    """The facts about a stack.

    Parameters
    ----------
    stack, where
        Its name, and where it is.
    option
        The option with which another command finds it, after a space; empty if it needs none.
    now, since
        The time of asking, and the beginning of the window.
    deliveries
        Facts by delivery stream.
    types
        Facts by record type, in the order of the settings.
    former
        Error output of delivery streams that the stack does not have, by their names.
    alarms
        Symptoms of the alarms that are on.
    reads_throttled
        Share of the Kinesis stream's reads that were throttled, the highest of the last quarter of
        an hour.
    dead_letters
        Messages in the dead-letter queue.
    schedules
        State by name.
    functions
        By name: ``same``, ``differs`` or ``missing``, compared with this checkout's packages,
        ``not compared`` if these are not built, or ``other border`` if it answers for other times
        of arrival than the settings say.
    unknown
        What could not be asked.
    """

    stack: str
    where: str
    now: datetime
    since: datetime
    types: tuple[TypeFacts, ...]
    deliveries: tuple[DeliveryFacts, ...] = ()
    former: Mapping[str, Pile] = field(default_factory=dict)
    alarms: tuple[str, ...] | None = None
    reads_throttled: float | None = None
    dead_letters: int | None = None
    schedules: Mapping[str, str] | None = None
    functions: Mapping[str, str] | None = None
    unknown: tuple[Unknown, ...] = ()
    option: str = ""
