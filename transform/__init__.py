"""The Firehose transform function: change record to row.

See docs/design.md#the-transform.
"""
