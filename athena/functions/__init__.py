"""Athena's functions, in DuckDB's words."""
