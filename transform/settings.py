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
    type_attribute: str
    metrics_namespace: str
    environment: str
    log_level: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Return the settings that environment variables give.

        There are no defaults here: they stand in ``Pulumi.yaml``, once.

        Raises
        ------
        SettingsError
            A variable is missing, or ``RECORD_TYPE`` is no record type.
        """

        def text(name: str) -> str:
            value = environment.get(name)
            if not value:
                raise SettingsError(f"the environment variable {name} is missing: set it")
            return value

        record_type = text("RECORD_TYPE")
        if record_type not in RECORD_TYPES:
            raise SettingsError(
                f"the environment variable RECORD_TYPE is {record_type!r}; "
                f"set it to one of {', '.join(RECORD_TYPES)}"
            )
        return cls(
            record_type=record_type,
            type_attribute=text("TYPE_ATTRIBUTE"),
            metrics_namespace=text("METRICS_NAMESPACE"),
            environment=text("ENVIRONMENT"),
            log_level=text("LOG_LEVEL"),
        )
