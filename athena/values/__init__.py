"""Typed expressions: types, and what may be made of values of them, as Trino has it."""
