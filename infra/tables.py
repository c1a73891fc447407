"""Checks the schemas of a stack's record types before anything is registered."""

from __future__ import annotations

import pulumi

from catalog import check_limits
from infra.naming import ENVIRONMENTS, Naming
from infra.settings import PROJECT, Settings
from schemas import SchemaError, table

# The limit for the name of a function, which is also the name of its role.
# https://docs.aws.amazon.com/lambda/latest/dg/API_CreateFunction.html
_MOST_IN_NAME = 64


class UnusableSchemaError(pulumi.RunError):
    """Schemas cannot be used. The engine shows the message without a traceback."""


def check_schemas(settings: Settings) -> None:
    """Check that each record type's schema and name can be used.

    Raises
    ------
    UnusableSchemaError
        The error names each schema that cannot be used, the field and the remedy.
    """
    problems = []
    for record_type in settings.demand_data_types:
        file = f"schemas/{record_type}.json"
        try:
            check_limits(table(record_type), file)
            _check_name(record_type, settings, file)
        except SchemaError as error:
            problems.append(f"  - {error}")
    if problems:
        count = f"{len(problems)} of the schemas in {PROJECT}:demand_data_types cannot be used"
        raise UnusableSchemaError("\n".join([f"stack {settings.environment}: {count}", *problems]))


def _check_name(record_type: str, settings: Settings, file: str) -> None:
    """Refuse a type whose longest resource name is too long in any environment.

    A name that is valid in the first environment must not fail in the last.
    """
    for environment in ENVIRONMENTS:
        naming = Naming(settings.product_code, environment, settings.inventory_code)
        name = naming.transform_function(record_type)
        if len(name) > _MOST_IN_NAME:
            raise SchemaError(
                file,
                "",
                f"a function of the type would be called {name} in {environment}: that has "
                f"{len(name)} characters, and AWS takes {_MOST_IN_NAME}",
                f"Shorten the name of the type, {PROJECT}:product_code or {PROJECT}:inventory_code",
            )
