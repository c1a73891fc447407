"""What the transform function is told by its environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas import RECORD_TYPES


class SettingsError(Exception):
    """An environment variable that is missing or wrong."""


@dataclass(frozen=True)
class Settings:
    """The transform function's settings.

    Parameters
    ----------
    record_type
        The record type whose rows this function makes (``RECORD_TYPE``).
    type_attribute
        The item's attribute that names its record type (``TYPE_ATTRIBUTE``).
    metrics_namespace
        CloudWatch namespace of the function's metrics (``METRICS_NAMESPACE``).
    environment
        The stack, a dimension of every metric (``ENVIRONMENT``).
    log_level
        The least level that is logged (``LOG_LEVEL``).
    """

    record_type: str
    type_attribute: str = "type"
    metrics_namespace: str = "dmd-pipeline"
    environment: str = "local"
    log_level: str = "INFO"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Return the settings that environment variables give.

        Raises
        ------
        SettingsError
            ``RECORD_TYPE`` is missing or no record type.
        """
        record_type = environment.get("RECORD_TYPE", "")
        if record_type not in RECORD_TYPES:
            raise SettingsError(
                f"the environment variable RECORD_TYPE is {record_type!r}; "
                f"set it to one of {', '.join(RECORD_TYPES)}"
            )
        named = {
            "type_attribute": environment.get("TYPE_ATTRIBUTE"),
            "metrics_namespace": environment.get("METRICS_NAMESPACE"),
            "environment": environment.get("ENVIRONMENT"),
            "log_level": environment.get("LOG_LEVEL"),
        }
        return cls(record_type, **{name: value for name, value in named.items() if value})
