"""The only source of the tables' definitions, see docs/design.md#the-schemas.

``schemas/<type>.json`` describes a record type. This package derives all else about its table.
"""

from schemas.envelope import ENVELOPE_NAMES, PARTITION_COLUMN
from schemas.errors import SchemaError, UnknownRecordType
from schemas.parse import parse_record, parse_stored_record
from schemas.table import RECORD_TYPES, Table, avro_schema, parse_table, removed_columns, table

__all__ = [
    "ENVELOPE_NAMES",
    "PARTITION_COLUMN",
    "RECORD_TYPES",
    "SchemaError",
    "Table",
    "UnknownRecordType",
    "avro_schema",
    "parse_record",
    "parse_stored_record",
    "parse_table",
    "removed_columns",
    "table",
]
