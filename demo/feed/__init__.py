"""Change records for a local run: generated, carried over from the table, or a user's own."""
