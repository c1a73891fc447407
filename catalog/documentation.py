"""The documentation of a table for analysts, made from its schema."""

from __future__ import annotations

from catalog.types import hive_type
from schemas.columns import Column, Enum, Nullable, Timestamp
from schemas.table import table


def documentation(record_type: str) -> str:
    """Return a table's documentation as Markdown.

    Raises
    ------
    SchemaError
        The type is unknown or its schema cannot be used.
    """
    described = table(record_type)
    own = {column.name: column for column in described.columns}
    lines = [
        f"## {record_type}",
        "",
        described.doc,
        "",
        "| column | type | null | attribute | meaning |",
        "|---|---|---|---|---|",
    ]
    for column in described.record.columns:
        source = own.get(column.name)
        lines.append(
            f"| `{column.name}` | `{hive_type(column.type)}` "
            f"| {'yes' if column.nullable else 'no'} "
            f"| {_attribute(source) if source else ''} | {_meaning(column)} |"
        )
    lines.append("| `partition_date` | `string` | no |  | UTC date of `changed_at`, YYYY-MM-DD |")
    return "\n".join(lines) + "\n"


def _attribute(column: Column) -> str:
    inner = column.type.of if isinstance(column.type, Nullable) else column.type
    if isinstance(inner, Timestamp):
        unit = f"number, {inner.epoch}" if inner.epoch else "ISO 8601 text"
        return f"`{column.attribute}` ({unit})"
    return f"`{column.attribute}`"


def _meaning(column: Column) -> str:
    meaning = column.doc
    if isinstance(column.value_type, Enum):
        meaning = f"{meaning}: {', '.join(column.value_type.symbols)}"
    return meaning.replace("|", "\\|")
