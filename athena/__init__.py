"""Athena SQL over the tables of a local run."""
