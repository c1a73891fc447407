"""A query of Athena SQL as a query of DuckDB: names, clauses and expressions."""
