"""Errors that a row raises while DuckDB runs the query."""

from __future__ import annotations

from athena.values.trino_types import TrinoType, duckdb_type

# The engine finds the message after this prefix.
FAILURE = "dmd sql: "


def failure(message_sql: str, kind: TrinoType) -> str:
    """Return an expression that fails with a message, where Trino fails too: TRY makes it NULL."""
    return f"CAST(CAST(concat('{FAILURE}', {message_sql}) AS INTEGER) AS {duckdb_type(kind)})"


def refusal(message_sql: str, kind: TrinoType) -> str:
    """Return an expression that fails with a message, where Trino has an answer: TRY keeps it."""
    # DuckDB's TRY turns most errors into NULL, but not that of a time zone that does not exist.
    # Its function error() is not allowed inside TRY.
    zone = f"concat('{FAILURE}', {message_sql})"
    return f"CAST(CAST(timezone({zone}, TIMESTAMPTZ 'epoch') AS VARCHAR) AS {duckdb_type(kind)})"
