"""The transform function's settings, from its environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from environment import VariableError, one_of, text
from schemas import RECORD_TYPES
from transform.generated import can_be_named


@dataclass(frozen=True)
class Settings:
    """The transform function's settings.

    Parameters
    ----------
    record_type
        The record type whose rows this function makes (``RECORD_TYPE``).
    type_attribute
        The item's attribute that names its record type (``TYPE_ATTRIBUTE``).
    claimed_types
        The record types that some function takes, if this one counts the records that nobody takes
        (``CLAIMED_TYPES``, with commas between them). None if another function counts them.
    metrics_namespace
        CloudWatch namespace of the function's metrics (``METRICS_NAMESPACE``).
    environment
        The stack, a dimension of every metric (``ENVIRONMENT``).
    log_level
        The lowest level that is logged (``LOG_LEVEL``).
    """

    record_type: str
    type_attribute: str
    claimed_types: tuple[str, ...] | None
    metrics_namespace: str
    environment: str
    log_level: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Return the settings that environment variables give.

        Raises
        ------
        VariableError
            A variable is missing, ``RECORD_TYPE`` is not a record type, or ``TYPE_ATTRIBUTE`` has
            a character that JSON escapes.
        """
        type_attribute = text(environment, "TYPE_ATTRIBUTE")
        if not can_be_named(type_attribute):
            raise VariableError(
                f"the environment variable TYPE_ATTRIBUTE is {type_attribute!r}; "
                'set it to a name without " and \\ and control characters'
            )
        return cls(
            record_type=one_of(environment, "RECORD_TYPE", RECORD_TYPES),
            type_attribute=type_attribute,
            claimed_types=_claimed_types(environment),
            metrics_namespace=text(environment, "METRICS_NAMESPACE"),
            environment=text(environment, "ENVIRONMENT"),
            log_level=text(environment, "LOG_LEVEL"),
        )


def _claimed_types(environment: Mapping[str, str]) -> tuple[str, ...] | None:
    if "CLAIMED_TYPES" not in environment:
        return None
    return tuple(text(environment, "CLAIMED_TYPES").split(","))
