"""The compaction function: landed rows to partitioned Avro, each in one file.

See docs/design.md#the-avro-writer.
"""
