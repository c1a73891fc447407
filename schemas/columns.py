"""The columns of a table and their types, as this pipeline understands a schema's Avro types.

See docs/design.md#the-schemas.

A *row* travels from the transform to the Avro writer as one line of JSON. Each type below says
how that line holds its values ("landed as"). A null column is left out or ``null``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Epoch = Literal["seconds", "milliseconds", "microseconds"]

# Athena reads times of the years 1 to 9999 correctly (docs/aws-contracts.md#seen-on-trino). In
# milliseconds and days since 1970.
MIN_MILLIS, MAX_MILLIS = -62_135_596_800_000, 253_402_300_799_999
MIN_DAYS, MAX_DAYS = -719_162, 2_932_896


@dataclass(frozen=True)
class String:
    """Avro ``string``, landed as a JSON string."""


@dataclass(frozen=True)
class Boolean:
    """Avro ``boolean``, landed as a JSON boolean."""


@dataclass(frozen=True)
class Integer:
    """Avro ``int`` (32 bits) or ``long`` (64 bits), landed as a JSON integer."""

    bits: Literal[32, 64]


@dataclass(frozen=True)
class Double:
    """Avro ``double``, landed as a JSON number."""


@dataclass(frozen=True)
class Bytes:
    """Avro ``bytes``, landed as base64 text."""


@dataclass(frozen=True)
class Decimal:
    """Avro ``bytes`` with logical type ``decimal``, landed as text with exactly ``scale`` decimals.

    ``precision`` and ``scale`` count decimal digits; precision is at most 38.
    """

    precision: int
    scale: int


@dataclass(frozen=True)
class Timestamp:
    """Avro ``long`` with ``timestamp-millis``, landed as an integer: milliseconds since 1970, UTC.

    ``epoch`` is the unit of the attribute's number, or None if the attribute is ISO 8601 text.
    """

    epoch: Epoch | None = None


@dataclass(frozen=True)
class Date:
    """Avro ``int`` with logical type ``date``, landed as an integer: days since 1970-01-01."""


@dataclass(frozen=True)
class Enum:
    """Avro ``enum``, landed as a JSON string that is one of ``symbols``."""

    name: str
    symbols: tuple[str, ...]


@dataclass(frozen=True)
class Nullable:
    """The Avro union ``["null", of]``."""

    of: ColumnType


@dataclass(frozen=True)
class Array:
    """Avro ``array``, landed as a JSON array."""

    items: ColumnType


@dataclass(frozen=True)
class Map:
    """Avro ``map``, landed as a JSON object."""

    values: ColumnType


@dataclass(frozen=True)
class Record:
    """Avro ``record``, landed as a JSON object keyed by column name."""

    name: str
    columns: tuple[Column, ...]


ColumnType = (
    String
    | Boolean
    | Integer
    | Double
    | Bytes
    | Decimal
    | Timestamp
    | Date
    | Enum
    | Nullable
    | Array
    | Map
    | Record
)


@dataclass(frozen=True)
class Column:
    """One column of a table, or one field of a nested record.

    Parameters
    ----------
    name
        Name in the table, snake_case.
    attribute
        Name of the attribute, of the item or of the nested map, that the value comes from.
    type
        The type of the values; ``Nullable`` if they may be null.
    has_default, default
        Whether the column has a default for an absent attribute, and the default in Avro's form.
    doc
        What the column means: the column's comment in Glue.
    """

    name: str
    attribute: str
    type: ColumnType
    has_default: bool = False
    default: Any = None
    doc: str = ""

    @property
    def nullable(self) -> bool:
        """Whether the column may be null."""
        return isinstance(self.type, Nullable)

    @property
    def value_type(self) -> ColumnType:
        """The type of the column's values other than null."""
        return self.type.of if isinstance(self.type, Nullable) else self.type
