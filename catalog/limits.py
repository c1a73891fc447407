"""Glue's limits for a table and its view, besides the rules for the schema itself."""

from __future__ import annotations

from catalog.types import hive_type
from catalog.views import view_of
from schemas import SchemaError, Table

# https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
_MOST_IN_COLUMN_TYPE = 131_072
# https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
_MOST_IN_VIEW_TEXT = 409_600
# A view's text contains the name of its database, so it is checked with the longest name.
_LONGEST_DATABASE = "d" * 255


def check_limits(described: Table, file: str) -> None:
    """Refuse a table that exceeds a limit of Glue, or whose view does.

    Parameters
    ----------
    described
        The table.
    file
        The schema's file, for the error.

    Raises
    ------
    SchemaError
        The type of a column, or the view's definition, is too long.
    """

    def check(field: str, what: str, text: str, most: int) -> None:
        if len(text) > most:
            raise SchemaError(
                file,
                field,
                f"{what} has {len(text)} characters, but Glue allows {most}",
                "Use fewer columns or shorter names",
            )

    for column in described.columns:
        check(column.name, "its type", hive_type(column.type), _MOST_IN_COLUMN_TYPE)
    view = view_of(described)
    text = view.original_text(_LONGEST_DATABASE)
    check("", f"the definition of the view {view.name}", text, _MOST_IN_VIEW_TEXT)
