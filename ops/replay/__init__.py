"""Brings failed records back into the tables, each exactly once (``dmd replay``)."""
