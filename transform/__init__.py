"""The Firehose transform function: change record to row (design §4)."""
