"""The types of Athena SQL (Trino's), and their names in Glue, DuckDB and Arrow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa  # type: ignore[import-untyped]

from athena.errors import SqlError

MAX_PRECISION = 38
INTEGERS = ("tinyint", "smallint", "integer", "bigint")
NUMBERS = (*INTEGERS, "decimal", "real", "double")


@dataclass(frozen=True)
class TrinoType:
    """One type.

    Parameters
    ----------
    name
        Trino's name without parameters: ``decimal``, ``array``, ``timestamp with time zone``.
    numbers
        Precision and scale of a decimal, or fraction digits of a timestamp. In the signature of
        a function they may be variables, such as ``p``.
    members
        The types of an array's elements, a map's key and value, a row's fields, or a function's
        parameters and result.
    names
        A row's field names; None for a field without one.
    """

    name: str
    numbers: tuple[int | str, ...] = ()
    members: tuple[TrinoType, ...] = ()
    names: tuple[str | None, ...] = ()

    def __str__(self) -> str:
        if self.name == "row":
            fields = zip(self.names, self.members, strict=True)
            return f"row({', '.join(str(t) if n is None else f'{n} {t}' for n, t in fields)})"
        if self.members:
            return f"{self.name}({', '.join(map(str, self.members))})"
        numbers = f"({','.join(map(str, self.numbers))})" if self.numbers else ""
        head, *tail = self.name.split(" ", 1)
        return " ".join([head + numbers, *tail])

    @property
    def is_number(self) -> bool:
        """Whether one can calculate with it."""
        return self.name in NUMBERS

    @property
    def is_integer(self) -> bool:
        """Whether it is one of the whole-number types (decimals with scale 0 are not)."""
        return self.name in INTEGERS

    @property
    def is_time(self) -> bool:
        """Whether it is a date or a timestamp of either kind."""
        return self.name in ("date", "timestamp", "timestamp with time zone")

    @property
    def precision(self) -> int:
        """Digits of a decimal."""
        return int(self.numbers[0])

    @property
    def scale(self) -> int:
        """Fraction digits of a decimal."""
        return int(self.numbers[1])

    def field(self, name: str) -> TrinoType | None:
        """Return the type of a row's field, whatever the case of its name."""
        for own, member in zip(self.names, self.members, strict=True):
            if own is not None and own.lower() == name.lower():
                return member
        return None


UNKNOWN = TrinoType("unknown")
BOOLEAN = TrinoType("boolean")
INTEGER = TrinoType("integer")
BIGINT = TrinoType("bigint")
REAL = TrinoType("real")
DOUBLE = TrinoType("double")
VARCHAR = TrinoType("varchar")
VARBINARY = TrinoType("varbinary")
JSON = TrinoType("json")
DATE = TrinoType("date")
DAYS = TrinoType("interval day to second")
MONTHS = TrinoType("interval year to month")
# A timestamp AT TIME ZONE. It can be read and cast, but not shown: DuckDB does not keep its zone.
CLOCK_ELSEWHERE = TrinoType("timestamp at another zone")


def decimal(precision: int, scale: int) -> TrinoType:
    """Return ``decimal(precision, scale)``."""
    return TrinoType("decimal", (precision, scale))


def timestamp(digits: int = 3) -> TrinoType:
    """Return ``timestamp(digits)``."""
    return TrinoType("timestamp", (digits,))


def timestamp_with_zone(digits: int = 3) -> TrinoType:
    """Return ``timestamp(digits) with time zone``."""
    return TrinoType("timestamp with time zone", (digits,))


def array(element: TrinoType) -> TrinoType:
    """Return ``array(element)``."""
    return TrinoType("array", members=(element,))


def row(names: tuple[str | None, ...], members: tuple[TrinoType, ...]) -> TrinoType:
    """Return a row type."""
    return TrinoType("row", members=members, names=names)


_DUCKDB = {
    "unknown": '"NULL"',
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double": "DOUBLE",
    "varchar": "VARCHAR",
    "json": "JSON",
    "varbinary": "BLOB",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
    "interval day to second": "INTERVAL",
    "interval year to month": "INTERVAL",
    "timestamp at another zone": "TIMESTAMP",
}


def quoted(name: str) -> str:
    """Return an identifier as SQL text."""
    return '"' + name.replace('"', '""') + '"'


def member_name(kind: TrinoType, index: int) -> str:
    """Return the name of a row's field in DuckDB, where each field needs one."""
    return kind.names[index] or f"field{index}"


def duckdb_type(kind: TrinoType) -> str:
    """Return the name of the DuckDB type that holds the values of ``kind``."""
    if kind.name == "decimal":
        return f"DECIMAL({kind.precision},{kind.scale})"
    if kind.name == "array":
        return f"{duckdb_type(kind.members[0])}[]"
    if kind.name == "map":
        return f"MAP({duckdb_type(kind.members[0])}, {duckdb_type(kind.members[1])})"
    if kind.name == "row":
        fields = (
            f"{quoted(member_name(kind, index))} {duckdb_type(member)}"
            for index, member in enumerate(kind.members)
        )
        return f"STRUCT({', '.join(fields)})"
    return _DUCKDB[kind.name]


_ARROW = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "double": pa.float64(),
    "varchar": pa.string(),
    "varbinary": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}


def arrow_type(kind: TrinoType) -> pa.DataType:
    """Return the Arrow type in which DuckDB gets a table's column of this type."""
    if kind.name == "decimal":
        return pa.decimal128(kind.precision, kind.scale)
    if kind.name == "array":
        return pa.list_(arrow_type(kind.members[0]))
    if kind.name == "map":
        return pa.map_(arrow_type(kind.members[0]), arrow_type(kind.members[1]))
    if kind.name == "row":
        return pa.struct(
            [
                pa.field(member_name(kind, index), arrow_type(member))
                for index, member in enumerate(kind.members)
            ]
        )
    return _ARROW[kind.name]


_ONLY_GLUE = {
    "string": "varchar",
    "float": "real",
    "binary": "varbinary",
    "struct": "row",
}
_OTHER_DIALECTS = {
    **dict.fromkeys(("text", "str", "varchar2", "clob"), "varchar"),
    **dict.fromkeys(("float4", "single"), "real"),
    **dict.fromkeys(("float8", "number"), "double"),
    **dict.fromkeys(("numeric", "dec", "money"), "decimal"),
    **dict.fromkeys(("datetime", "timestamptz"), "timestamp"),
    **dict.fromkeys(("blob", "bytea", "bytes"), "varbinary"),
    **dict.fromkeys(("long", "int64", "int8"), "bigint"),
    **dict.fromkeys(("bool",), "boolean"),
}
_SYNONYMS = {"int": "integer"}
_KNOWN = frozenset(
    {*_DUCKDB, "decimal", "array", "map", "row", "function", "timestamp with time zone"}
)
_TOKEN = re.compile(r'\s*("(?:[^"]|"")*"|[\w$]+|[(),<>:])')


class _TypeText:
    """A parser of types: Trino's ``array(row("a" bigint))``, Glue's ``array<struct<a:int>>``."""

    def __init__(self, text: str, synonyms: Mapping[str, str]) -> None:
        self.text = text
        self.synonyms = synonyms
        self.tokens: list[str] = _TOKEN.findall(text)
        if _TOKEN.sub("", text).strip():
            raise self._wrong()
        self.position = 0

    def _wrong(self) -> SqlError:
        own = {**_ONLY_GLUE, **_OTHER_DIALECTS}
        hints = [f"; write {own[word.lower()]}" for word in self.tokens if word.lower() in own]
        return SqlError(f"dmd sql does not know the type {self.text!r}{''.join(hints[:1])}")

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        token = self.peek()
        if not token or (expected and token not in expected):
            raise self._wrong()
        self.position += 1
        return token

    def whole(self) -> TrinoType:
        kind = self.one()
        if self.peek():
            raise self._wrong()
        return kind

    def one(self) -> TrinoType:
        word = self.take()
        if len(word) == 1 and word.isupper():
            return TrinoType(word)
        name = self.synonyms.get(word.lower(), word.lower())
        if name == "interval":
            name = " ".join([name, self.take(), self.take(), self.take()]).lower()
        if name == "double" and self.peek().lower() == "precision":
            self.take()
        members: list[TrinoType] = []
        names: list[str | None] = []
        numbers: list[int | str] = []
        if self.peek() in ("(", "<"):
            close = {"(": ")", "<": ">"}[self.take()]
            while self.peek() != close:
                if name in ("array", "map", "function"):
                    members.append(self.one())
                elif name == "row":
                    names.append(self._field_name())
                    members.append(self.one())
                else:
                    number = self.take()
                    numbers.append(int(number) if number.isdigit() else number)
                if self.peek() != close:
                    self.take(",")
            self.take(close)
        if name == "timestamp":
            if self.peek().lower() == "with":
                self.position += 3
                name = "timestamp with time zone"
            numbers = numbers or [3]
        if name == "decimal":
            numbers = [*(numbers or [MAX_PRECISION]), 0][:2]
        if name == "varchar":
            numbers = []
        if name not in _KNOWN or (name in ("array", "map", "row") and not members):
            raise self._wrong()
        return TrinoType(name, tuple(numbers), tuple(members), tuple(names))

    def _field_name(self) -> str | None:
        """Take a row field's name, if it has one: the token before its type."""
        following = self.tokens[self.position + 1]
        if following in (",", ")", "(", "<"):
            return None
        name = self.take()
        if self.peek() == ":":
            self.take()
        return name[1:-1].replace('""', '"') if name.startswith('"') else name


def parse_type(text: str, *, athena: bool = False) -> TrinoType:
    """Return the type that a text names, in Trino's syntax or in Glue's.

    The length of a ``varchar`` is ignored. A ``timestamp`` without digits has three.

    Parameters
    ----------
    text
        The name.
    athena
        Whether it stands in a query, where Glue's own names are unknown.

    Raises
    ------
    SqlError
        The text is not a type that dmd sql knows.
    """
    return _TypeText(text, _SYNONYMS if athena else {**_SYNONYMS, **_ONLY_GLUE}).whole()
