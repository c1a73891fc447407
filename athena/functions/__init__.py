"""Athena's functions, written for DuckDB."""
