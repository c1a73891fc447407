"""The tables of an export: definitions as Glue has them, and their Avro files as Arrow."""
