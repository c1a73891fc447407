"""What the writer is told: by its environment variables, and by the event of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from avro_writer.errors import SettingsError
from schemas import RECORD_TYPES

_MIB = 1024 * 1024


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
    metrics_namespace, environment, log_level
        As the transform's (``METRICS_NAMESPACE``, ``ENVIRONMENT``, ``LOG_LEVEL``).
    """

    bucket: str
    prefix: str = "data-pipeline"
    lanes: int = 2
    max_plan_objects: int = 1000
    max_plan_bytes: int = 64 * _MIB
    min_plan_bytes: int = 16 * _MIB
    max_wait_seconds: int = 900
    settle_seconds: int = 60
    metrics_namespace: str = "dmd-pipeline"
    environment: str = "local"
    log_level: str = "INFO"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Return the settings that environment variables give.

        Raises
        ------
        SettingsError
            ``BUCKET`` is missing, or a number is none or too small.
        """
        if not environment.get("BUCKET"):
            raise SettingsError("the environment variable BUCKET is missing: name the bucket there")
        texts = {
            "prefix": environment.get("DATA_PREFIX", "").strip("/"),
            "metrics_namespace": environment.get("METRICS_NAMESPACE", ""),
            "environment": environment.get("ENVIRONMENT", ""),
            "log_level": environment.get("LOG_LEVEL", ""),
        }
        given: dict[str, Any] = {name: text for name, text in texts.items() if text}
        numbers: dict[str, Any] = {
            name.lower(): _number(environment, name, least)
            for name, least in (
                ("LANES", 1),
                ("MAX_PLAN_OBJECTS", 1),
                ("MAX_PLAN_BYTES", 1),
                ("MIN_PLAN_BYTES", 0),
                ("MAX_WAIT_SECONDS", 0),
                ("SETTLE_SECONDS", 0),
            )
            if environment.get(name)
        }
        return cls(environment["BUCKET"], **given, **numbers)


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
        SettingsError
            The event is of another shape, or names a type or lane that there is not.
        """
        record_type = event.get("type") if isinstance(event, dict) else None
        lane = event.get("lane") if isinstance(event, dict) else None
        if record_type not in RECORD_TYPES:
            raise SettingsError(
                f"the event's type is {record_type!r}; use one of {', '.join(RECORD_TYPES)}"
            )
        if type(lane) is not int or not 0 <= lane < lanes:
            raise SettingsError(f"the event's lane is {lane!r}; use 0 to {lanes - 1}")
        return cls(record_type, lane)


def _number(environment: Mapping[str, str], name: str, least: int) -> int:
    text = environment[name]
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise SettingsError(
            f"the environment variable {name} is {text!r}; set it to a whole number from {least}"
        )
    return int(text)
