"""What the writer is told: by its environment variables, and by the event of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from avro_writer.errors import EventError
from environment import day, text, whole_number
from schemas import RECORD_TYPES


@dataclass(frozen=True)
class Settings:
    """The writer's settings.

    Parameters
    ----------
    bucket, prefix
        Where everything lies: the bucket, and the key prefix without a slash (``BUCKET``,
        ``DATA_PREFIX``).
    lanes
        Number of lanes of each type (``LANES``).
    max_plan_objects, max_plan_bytes
        Most landed objects, and most landed bytes, in one plan (``MAX_PLAN_OBJECTS``,
        ``MAX_PLAN_BYTES``).
    min_plan_bytes, max_wait_seconds
        A plan is made of at least so many landed bytes, or when the oldest landed object has waited
        so long (``MIN_PLAN_BYTES``, ``MAX_WAIT_SECONDS``).
    settle_seconds
        How old a landed object has to be before it is taken; Firehose may rewrite a young one
        (``SETTLE_SECONDS``).
    first_partition_date
        The first date that the tables' partition projection covers; the last is tomorrow
        (``FIRST_PARTITION_DATE``, YYYY-MM-DD).
    metrics_namespace, environment, log_level
        As the transform's (``METRICS_NAMESPACE``, ``ENVIRONMENT``, ``LOG_LEVEL``).
    """

    bucket: str
    prefix: str
    lanes: int
    max_plan_objects: int
    max_plan_bytes: int
    min_plan_bytes: int
    max_wait_seconds: int
    settle_seconds: int
    first_partition_date: date
    metrics_namespace: str
    environment: str
    log_level: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Return the settings that environment variables give.

        Raises
        ------
        VariableError
            A variable is missing, or its value is not allowed.
        """
        return cls(
            bucket=text(environment, "BUCKET"),
            prefix=text(environment, "DATA_PREFIX").strip("/"),
            lanes=whole_number(environment, "LANES", 1),
            max_plan_objects=whole_number(environment, "MAX_PLAN_OBJECTS", 1),
            max_plan_bytes=whole_number(environment, "MAX_PLAN_BYTES", 1),
            min_plan_bytes=whole_number(environment, "MIN_PLAN_BYTES", 0),
            max_wait_seconds=whole_number(environment, "MAX_WAIT_SECONDS", 0),
            settle_seconds=whole_number(environment, "SETTLE_SECONDS", 0),
            first_partition_date=day(environment, "FIRST_PARTITION_DATE"),
            metrics_namespace=text(environment, "METRICS_NAMESPACE"),
            environment=text(environment, "ENVIRONMENT"),
            log_level=text(environment, "LOG_LEVEL"),
        )


@dataclass(frozen=True)
class Assignment:
    """What one run works on: a record type, and one of its lanes."""

    record_type: str
    lane: int

    @classmethod
    def from_event(cls, event: Any, lanes: int) -> Assignment:
        """Return the assignment that a run's event gives, ``{"type": "demand", "lane": 0}``.

        Raises
        ------
        EventError
            The event is of another shape, or names a type or lane that there is not.
        """
        record_type = event.get("type") if isinstance(event, dict) else None
        lane = event.get("lane") if isinstance(event, dict) else None
        if record_type not in RECORD_TYPES:
            raise EventError(
                f"the event's type is {record_type!r}; use one of {', '.join(RECORD_TYPES)}"
            )
        if type(lane) is not int or not 0 <= lane < lanes:
            raise EventError(f"the event's lane is {lane!r}; use 0 to {lanes - 1}")
        return cls(record_type, lane)
