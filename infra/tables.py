"""The schemas of a stack's record types, read before anything is registered."""

from __future__ import annotations

import pulumi

from infra.settings import PROJECT, Settings
from schemas import SchemaError, table


class UnusableSchemaError(pulumi.RunError):
    """Schemas that no table can be made of; the engine shows the message without a traceback."""


def check_schemas(settings: Settings) -> None:
    """Refuse to go on where a record type's schema cannot be used.

    Raises
    ------
    UnusableSchemaError
        Names each such schema, the field at fault and the remedy.
    """
    problems = []
    for record_type in settings.demand_data_types:
        try:
            table(record_type)
        except SchemaError as error:
            problems.append(f"  - {error}")
    if problems:
        count = f"{len(problems)} of the schemas in {PROJECT}:demand_data_types cannot be used"
        raise UnusableSchemaError("\n".join([f"stack {settings.environment}: {count}", *problems]))
