"""The current state of a record type as an Iceberg table, which Athena refreshes.

`statements` has the queries, `machine` the state machine that runs them, `keys` what the state
machine and those who put Avro files tell each other, and `view` the view for analysts. Nothing
here does I/O. See docs/design.md#the-current-state and docs/decisions/current-state.md.
"""
