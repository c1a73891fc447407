"""The tables as Glue, Athena and analysts see them, derived from their schemas.

The functions do not import this package, so that an edit of a view does not change a function.
"""

from catalog.columns import GlueColumn, glue_columns
from catalog.documentation import documentation
from catalog.limits import check_limits
from catalog.types import hive_type, trino_type
from catalog.views import CurrentStateView, current_state_sql, current_state_view, latest

__all__ = [
    "CurrentStateView",
    "GlueColumn",
    "check_limits",
    "current_state_sql",
    "current_state_view",
    "documentation",
    "glue_columns",
    "hive_type",
    "latest",
    "trino_type",
]
