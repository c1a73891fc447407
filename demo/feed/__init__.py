"""Change records for a local run: generated, from the table's stream, or from a user's file."""
