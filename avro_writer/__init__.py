"""The compaction function: landed rows to partitioned Avro, each in one file (design §5)."""
