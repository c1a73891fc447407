"""The transform function's settings, from its environment variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from environment import VariableError, moment, one_of, text
from schemas import RECORD_TYPES
from transform.arrivals import Arrivals
from transform.generated import can_be_named

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Settings:
    """The transform function's settings.

    A function has ``RECORD_TYPE`` if it makes the rows of one record type, or ``RECORD_TYPES`` if
    it makes those of all types that share a delivery stream.

    Parameters
    ----------
    record_types
        The record types whose rows it makes (``RECORD_TYPE``, or ``RECORD_TYPES`` with commas
        between them). Of ``RECORD_TYPES``, those for which this code has a schema.
    delivery
        Name of its delivery stream's metrics (``DELIVERY``). That of one record type is the type.
    partition_key
        The key for dynamic partitioning that has each row's record type (``PARTITION_KEY``). None
        for a function of one record type.
    type_attribute
        The item's attribute that names its record type (``TYPE_ATTRIBUTE``).
    claimed_types
        The record types that some function takes, if this one counts the records that nobody takes.
        A function of one record type has them in ``CLAIMED_TYPES``, or None if another function
        counts those records. Those of a shared delivery stream are all of ``RECORD_TYPES``.
    arrivals
        When the records arrived in the Kinesis stream that it answers for (``ARRIVED_SINCE`` and
        ``ARRIVED_BEFORE``, each only if there is such a limit).
    metrics_namespace
        CloudWatch namespace of the function's metrics (``METRICS_NAMESPACE``).
    environment
        The stack, a dimension of every metric (``ENVIRONMENT``).
    log_level
        The lowest level that is logged (``LOG_LEVEL``).
    """

    record_types: tuple[str, ...]
    delivery: str
    partition_key: str | None
    type_attribute: str
    claimed_types: tuple[str, ...] | None
    arrivals: Arrivals
    metrics_namespace: str
    environment: str
    log_level: str

    @property
    def shared(self) -> bool:
        """Whether its delivery stream is shared by several record types."""
        return self.partition_key is not None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Return the settings that environment variables give.

        Raises
        ------
        VariableError
            A variable is missing, or has a value that it cannot have. ``TYPE_ATTRIBUTE`` cannot
            have a character that JSON escapes.
        """
        type_attribute = text(environment, "TYPE_ATTRIBUTE")
        if not can_be_named(type_attribute):
            raise VariableError(
                f"the environment variable TYPE_ATTRIBUTE is {type_attribute!r}; "
                'set it to a name without " and \\ and control characters'
            )
        shared = "RECORD_TYPES" in environment
        if shared == ("RECORD_TYPE" in environment):
            raise VariableError(
                "set one of the environment variables RECORD_TYPE and RECORD_TYPES, "
                f"{'not both' if shared else 'neither is set'}"
            )
        several = _several(environment) if shared else ()
        # Adding a type gives the function this variable before the code that has its schema.
        known = tuple(each for each in several if each in RECORD_TYPES)
        return cls(
            record_types=known if shared else (_one(environment),),
            delivery=text(environment, "DELIVERY") if shared else _one(environment),
            partition_key=text(environment, "PARTITION_KEY") if shared else None,
            type_attribute=type_attribute,
            claimed_types=several if shared else _claimed_types(environment),
            arrivals=Arrivals(
                since=_limit(environment, "ARRIVED_SINCE"),
                before=_limit(environment, "ARRIVED_BEFORE"),
            ),
            metrics_namespace=text(environment, "METRICS_NAMESPACE"),
            environment=text(environment, "ENVIRONMENT"),
            log_level=text(environment, "LOG_LEVEL"),
        )


def _one(environment: Mapping[str, str]) -> str:
    return one_of(environment, "RECORD_TYPE", RECORD_TYPES)


def _several(environment: Mapping[str, str]) -> tuple[str, ...]:
    types = tuple(text(environment, "RECORD_TYPES").split(","))
    named = all(map(_NAME.fullmatch, types))
    if not named or len(set(types)) < len(types) or not set(types) & set(RECORD_TYPES):
        raise VariableError(
            f"the environment variable RECORD_TYPES is {','.join(types)!r}; "
            f"set it to some of {', '.join(RECORD_TYPES)}, each once, with commas between them"
        )
    return types


def _claimed_types(environment: Mapping[str, str]) -> tuple[str, ...] | None:
    if "CLAIMED_TYPES" not in environment:
        return None
    return tuple(text(environment, "CLAIMED_TYPES").split(","))


def _limit(environment: Mapping[str, str], name: str) -> datetime | None:
    return moment(environment, name) if name in environment else None
