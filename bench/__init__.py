"""Measures the pipeline next to the worker that it replaces, and calculates costs and limits."""
