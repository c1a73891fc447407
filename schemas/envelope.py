"""The envelope: the columns at the beginning of every table.

See docs/design.md#the-envelope.
"""

from __future__ import annotations

from typing import Any

_OPTIONAL_STRING = ["null", "string"]

# SNAPSHOT is a backfilled row: the item as an export of the table has it. No change record has it.
CHANGE_TYPES = ("INSERT", "MODIFY", "REMOVE", "SNAPSHOT")

ENVELOPE: tuple[dict[str, Any], ...] = (
    {
        "name": "change_id",
        "type": "string",
        "doc": "Identifier of the change record (eventID); what to drop repeats by",
    },
    {
        "name": "change_type",
        "type": {"type": "enum", "name": "ChangeType", "symbols": [*CHANGE_TYPES]},
        "doc": "What happened to the item; SNAPSHOT: a row of an export, not of a change",
    },
    {
        "name": "changed_at",
        "type": {"type": "long", "logicalType": "timestamp-millis"},
        "doc": "When the item changed (UTC); partition_date is its date",
    },
    {
        "name": "changed_at_micros",
        "type": "long",
        "doc": "When the item changed, in microseconds since 1970: the order of changes",
    },
    {
        "name": "is_deleted",
        "type": "boolean",
        "doc": "The item was removed; the columns show it as it last was",
    },
    {
        "name": "is_expired",
        "type": "boolean",
        "doc": "The item was removed by DynamoDB's time to live",
    },
    {
        "name": "record_key",
        "type": "string",
        "doc": "Primary key of the item as canonical JSON: the identity of the record",
    },
    {
        "name": "table_name",
        "type": "string",
        "doc": "DynamoDB table that the item belongs to",
    },
    {
        "name": "sequence_number",
        "type": _OPTIONAL_STRING,
        "default": None,
        "doc": "Sequence number of the change record in the Kinesis stream",
    },
    {
        "name": "rescued_attributes",
        "type": _OPTIONAL_STRING,
        "default": None,
        "doc": "DynamoDB JSON of the attributes that no column holds exactly",
    },
    {
        # Firehose never lands it: rows without it have 0, and so have files without the column.
        "name": "revision",
        "type": "int",
        "default": 0,
        "doc": "0, or above for a row that corrects an earlier row of the same change",
    },
)

ENVELOPE_NAMES = frozenset(column["name"] for column in ENVELOPE)

# The partition key in Glue. Glue does not allow a column of the same name.
PARTITION_COLUMN = "partition_date"
