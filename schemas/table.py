"""Derives a record type's table from its schema file: envelope, then the type's own columns.

See docs/design.md#the-schemas.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from schemas.columns import Column, Record
from schemas.envelope import ENVELOPE, ENVELOPE_NAMES, PARTITION_COLUMN
from schemas.errors import SchemaError, UnknownRecordType
from schemas.names import check_record_type
from schemas.parse import parse_record, parse_stored_record

_FOLDER = Path(__file__).parent

RECORD_TYPES: tuple[str, ...] = tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))

# Maximum characters of a table's parameter.
# https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
_MOST_IN_PARAMETER = 512_000

# Properties of a field that only this pipeline defines. Avro readers do not know them.
_OWN_PROPERTIES = ("attribute", "epoch")


@dataclass(frozen=True)
class Table:
    """The table of one record type.

    Parameters
    ----------
    record_type
        For example ``demand``: the value of the item's type attribute and the table's name.
    doc
        What a row stands for.
    columns
        The type's own columns, without the envelope.
    avro
        The full Avro schema as JSON values: envelope first, without the pipeline's own properties.
    removed
        Names of removed columns, which rows landed earlier may still have.
    """

    record_type: str
    doc: str
    columns: tuple[Column, ...]
    avro: dict[str, Any]
    removed: tuple[str, ...] = ()

    @cached_property
    def record(self) -> Record:
        """All columns of the table, the envelope first."""
        return parse_stored_record(self.avro, self.record_type)

    @cached_property
    def literal(self) -> str:
        """The full Avro schema as text: the ``avro.schema.literal`` of the table in Glue."""
        return json.dumps(self.avro)


def parse_table(record_type: str, text: str | bytes, file: str, *, stored: bool = False) -> Table:
    """Return the table that a schema file describes.

    Parameters
    ----------
    record_type
        The type's name.
    text
        The schema file's content, JSON.
    file
        The file's name for errors.
    stored
        Whether a table has or had this schema. The rules for authors then do not apply
        (`schemas.parse.parse_stored_record`).

    Raises
    ------
    SchemaError
        The text is not JSON, or the type's name or the schema cannot be used.
    """
    parse = parse_stored_record if stored else parse_record
    if not stored:
        check_record_type(record_type, file)
    try:
        source = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise SchemaError(file, "", f"it is not JSON ({error})", "Correct the file") from None
    removed = _take_removed(source, file)
    record = parse(source, file)
    for column in record.columns:
        if column.name in ENVELOPE_NAMES or column.name == PARTITION_COLUMN:
            raise SchemaError(
                file,
                column.name,
                "every table already has a column of this name",
                'Rename it, and put the attribute\'s own name into "attribute"',
            )
    avro = _without_own_properties(source)
    avro["fields"] = [*ENVELOPE, *avro["fields"]]
    # Parsing the whole finds a named type that both the envelope and the schema define.
    parse(avro, file)
    names = {column.name for column in record.columns} | ENVELOPE_NAMES
    for name in removed:
        if name in names:
            raise SchemaError(
                file, name, '"removed" names a column of the schema', "Delete one of the two"
            )
    found = Table(record_type, source.get("doc", ""), record.columns, avro, removed)
    if (size := len(found.literal)) > _MOST_IN_PARAMETER and not stored:
        raise SchemaError(
            file,
            "",
            f"the schema has {size} characters in one line, with envelope and escapes, but a "
            f"parameter of a Glue table can have at most {_MOST_IN_PARAMETER}",
            "Use fewer columns or shorter docs",
        )
    return found


@cache
def table(record_type: str) -> Table:
    """Return the table of a record type, read from ``schemas/<record_type>.json``.

    Raises
    ------
    UnknownRecordType
        There is no such file.
    SchemaError
        The schema cannot be used.
    """
    if record_type not in RECORD_TYPES:
        raise UnknownRecordType(record_type, RECORD_TYPES)
    path = _FOLDER / f"{record_type}.json"
    return parse_table(record_type, path.read_bytes(), f"schemas/{path.name}")


def avro_schema(record_type: str) -> dict[str, Any]:
    """Return a new copy of a record type's full Avro schema, as JSON values.

    Raises
    ------
    SchemaError
        As `table`.
    """
    copy: dict[str, Any] = json.loads(table(record_type).literal)
    return copy


def removed_columns(record_type: str) -> tuple[str, ...]:
    """Return the columns that were removed from a record type's table.

    Raises
    ------
    SchemaError
        As `table`.
    """
    return table(record_type).removed


def _take_removed(source: Any, file: str) -> tuple[str, ...]:
    """Remove the list of removed columns from a schema file: it is not part of the Avro schema."""
    found = source.pop("removed", []) if isinstance(source, dict) else []
    if not isinstance(found, list) or not all(isinstance(name, str) and name for name in found):
        raise SchemaError(
            file, "", '"removed" is not a list of names', 'Use "removed": ["column", ...]'
        )
    return tuple(found)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _without_own_properties(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_own_properties(each) for each in schema]
    if isinstance(schema, dict):
        own = _OWN_PROPERTIES if "name" in schema and "type" in schema else ()
        return {k: _without_own_properties(v) for k, v in schema.items() if k not in own}
    return schema
