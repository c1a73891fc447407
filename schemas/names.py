"""Rules for the names of tables and columns."""

from __future__ import annotations

import re

from schemas.errors import SchemaError
from schemas.reserved import RESERVED_WORDS

# Athena folds case. In SQL, names that begin with an underscore are reserved for this program.
_SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

# Glue's limit: https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
_MOST_IN_COLUMN = 255

MOST_IN_TYPE = 40
"""Most characters of a record type's name.

A function is called ``<product>-<environment>-<inventory>-transform-<type>``, and Lambda allows 64
characters. A longer type would not fit in every environment, even with the shortest codes.
"""

VIEW_SUFFIX = "_latest"
"""The end of the name of a type's view of the current state over all changes."""

CURRENT_SUFFIX = "_current"
"""The end of the name of a type's view of the current state as it was last refreshed."""


def is_column_name(name: str) -> bool:
    """Return whether a column can have this name, `RESERVED_WORDS` aside."""
    return len(name) <= _MOST_IN_COLUMN and _SNAKE_CASE.fullmatch(name) is not None


def check_record_type(record_type: str, file: str) -> None:
    """Refuse a record type that cannot name a table, its view and the resources of the type.

    Parameters
    ----------
    record_type
        The type's name: the name of the schema file without its extension.
    file
        The file's name for errors.

    Raises
    ------
    SchemaError
        The name cannot be used.
    """
    if not _SNAKE_CASE.fullmatch(record_type):
        problem = "it is not snake_case, and Athena folds case"
    elif record_type in RESERVED_WORDS:
        problem = "it is a reserved word of Athena"
    elif record_type.endswith((VIEW_SUFFIX, CURRENT_SUFFIX)):
        problem = (
            f"names that end in {VIEW_SUFFIX} or {CURRENT_SUFFIX} belong to the views of the "
            "current state"
        )
    elif len(record_type) > MOST_IN_TYPE:
        problem = (
            f"it has {len(record_type)} characters, and more than {MOST_IN_TYPE} do not fit into "
            "the names of the type's resources, for which AWS allows 64"
        )
    else:
        return
    raise SchemaError(
        file,
        "",
        f"the record type cannot be called {record_type!r}: {problem}",
        "Rename the file, and write the new name into the items' type attribute",
    )
