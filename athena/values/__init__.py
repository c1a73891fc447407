"""Typed expressions, and the types, casts, comparisons and arithmetic of Trino."""
