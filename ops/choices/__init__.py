"""Exactly once without a plan: choices that are written down before the rows that they become."""
