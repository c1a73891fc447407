"""Parses an Avro schema into columns; refuses what Athena's Avro SerDe cannot read.

See docs/aws-contracts.md#avro-types-as-columns.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import Any, cast, get_args

from schemas.columns import (
    Array,
    Boolean,
    Bytes,
    Column,
    ColumnType,
    Date,
    Decimal,
    Double,
    Enum,
    Epoch,
    Integer,
    Map,
    Nullable,
    Record,
    String,
    Timestamp,
)
from schemas.errors import SchemaError
from schemas.names import is_column_name
from schemas.reserved import RESERVED_WORDS

_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NAMESPACE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_AVRO_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Maximum bytes of UTF-8 that the AWS provider accepts in a column's comment (a field's doc) and a
# table's description (the schema's doc).
# https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
# https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
_MOST_IN_COMMENT = 255
_MOST_IN_DESCRIPTION = 2048

_PRIMITIVES: dict[str, ColumnType] = {
    "string": String(),
    "boolean": Boolean(),
    "int": Integer(32),
    "long": Integer(64),
    "double": Double(),
    "bytes": Bytes(),
}

# The properties that each kind of definition may have. Avro ignores unknown properties, so a
# misspelt or misplaced one would silently change a column.
_PROPERTIES = {
    "field": {"name", "type", "doc", "default", "attribute", "epoch"},
    "record": {"type", "name", "doc", "fields"},
    "table": {"type", "name", "namespace", "doc", "fields"},
    "enum": {"type", "name", "doc", "symbols"},
    "array": {"type", "items"},
    "map": {"type", "values"},
    "decimal": {"type", "logicalType", "precision", "scale"},
    "logical": {"type", "logicalType"},
    "primitive": {"type"},
}
# Deep enough for any table. The encoder is generated code, and Python's parser limits its depth.
_MOST_DEPTH = 12
# What Glue allows in one line of text, without the tab: no surrogates, and neither U+FFFE nor
# U+FFFF, which are not characters.
_DOC = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]*")

_REFUSED_TYPES = {
    "float": ("float keeps 7 digits of DynamoDB's 38", "Use double, or bytes with decimal"),
    "fixed": ("Athena reads a decimal in fixed wrongly", "Use bytes"),
    "null": ("the type null holds no values", 'Use ["null", <type>]'),
    "error": ("the type error is only for Avro protocols", "Use record"),
}

_REFUSED_LOGICAL_TYPES = {
    "timestamp-micros": "Use long with timestamp-millis",
    "timestamp-nanos": "Use long with timestamp-millis",
    "local-timestamp-millis": "Use long with timestamp-millis",
    "local-timestamp-micros": "Use long with timestamp-millis",
    "local-timestamp-nanos": "Use long with timestamp-millis",
    "time-millis": "Use int or string without a logical type",
    "time-micros": "Use long or string without a logical type",
    "uuid": "Use string without a logical type",
    "duration": "Use long without a logical type and say the unit in its doc",
    "big-decimal": "Use bytes with decimal, precision and scale",
}

_LOGICAL_BASE = {"decimal": "bytes", "timestamp-millis": "long", "date": "int"}

_DEFAULT_TYPES: dict[type, tuple[type, ...]] = {
    String: (str,),
    Boolean: (bool,),
    Integer: (int,),
    Double: (int, float),
    Enum: (str,),
}


@dataclass
class _Parser:
    """Parses one schema; keeps the named types that it has defined so far.

    A schema that a table has or had (``stored``) is not checked against the rules for authors,
    because a rule may be newer than the schema.
    """

    file: str
    stored: bool = False
    named: dict[str, ColumnType] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    depth: int = 0

    def fail(self, where: str, problem: str, remedy: str) -> SchemaError:
        return SchemaError(self.file, where, problem, remedy)

    def check_properties(self, schema: dict[str, Any], kind: str, where: str) -> None:
        unknown = sorted(map(str, schema.keys() - _PROPERTIES[kind]))
        if unknown and not self.stored:
            raise self.fail(
                where,
                f"{', '.join(unknown)} has no meaning here",
                f"Use {', '.join(sorted(_PROPERTIES[kind]))}; a logicalType belongs in the type",
            )

    def check_doc(self, schema: dict[str, Any], where: str) -> str:
        doc = schema.get("doc", "")
        if self.stored:
            return str(doc)
        most = _MOST_IN_COMMENT if where else _MOST_IN_DESCRIPTION
        if not isinstance(doc, str) or not _DOC.fullmatch(doc):
            raise self.fail(
                where,
                '"doc" is not one line of text, or has a character that Glue does not take',
                "Write it in one line without control characters, U+FFFE, U+FFFF and surrogates",
            )
        if (size := len(doc.encode())) > most:
            raise self.fail(
                where,
                f'"doc" has {size} bytes in UTF-8, and Glue and its provider take {most}',
                "Shorten it",
            )
        return doc

    def record(self, schema: Any, where: str) -> Record:
        self.check_properties(schema, "record" if where else "table", where)
        self.check_doc(schema, where)
        name = self._name(schema, where)
        fields = schema.get("fields")
        if not isinstance(fields, list) or not fields:
            raise self.fail(where, "a record without fields", 'Give it "fields": [...]')
        self.open.add(name)
        columns: list[Column] = []
        for number, each in enumerate(fields, 1):
            column = self._column(each, where, number)
            if any(column.name == other.name for other in columns):
                raise self.fail(_path(where, column.name), "the name is used twice", "Rename one")
            columns.append(column)
        self.open.discard(name)
        record = Record(name, tuple(columns))
        self.named[name] = record
        return record

    def _name(self, schema: dict[str, Any], where: str) -> str:
        name = schema.get("name")
        if (
            not isinstance(name, str)
            or not _AVRO_NAME.fullmatch(name)
            or name in {*_PRIMITIVES, *_REFUSED_TYPES}
        ):
            raise self.fail(
                where,
                f"the type cannot be called {name!r}",
                "Give it a name of letters, digits and underscores that is not an Avro type",
            )
        if name in self.named or name in self.open:
            raise self.fail(where, f"the type {name} is defined twice", "Define it once")
        return name

    def _column(self, each: Any, where: str, number: int) -> Column:
        name = each.get("name") if isinstance(each, dict) else None
        if not isinstance(name, str):
            raise self.fail(
                _path(where, f"#{number}"), "a field without a name", 'Give it "name" and "type"'
            )
        here = _path(where, name)
        self._check_name(name, here)
        self.check_properties(each, "field", here)
        if "type" not in each:
            raise self.fail(here, "there is no type", 'Give it "type"')
        attribute = each.get("attribute", name)
        if not isinstance(attribute, str) or not attribute or _SURROGATE.search(attribute):
            raise self.fail(here, '"attribute" is not a name', "Name the item's attribute there")
        doc = self.check_doc(each, here)
        epoch = each.get("epoch")
        if epoch is not None and epoch not in get_args(Epoch):
            raise self.fail(
                here, f'"epoch" is {epoch!r}', f"Use one of {', '.join(get_args(Epoch))}"
            )
        column_type = self.type(each["type"], here, cast("Epoch | None", epoch))
        if epoch is not None and not _holds_timestamp(column_type):
            raise self.fail(
                here,
                '"epoch" on a field that is not a timestamp-millis',
                'Give the type "logicalType": "timestamp-millis", or remove "epoch"',
            )
        self._check_default(each, column_type, here)
        return Column(name, attribute, column_type, "default" in each, each.get("default"), doc)

    def _check_name(self, name: str, here: str) -> None:
        if self.stored:
            return
        if not is_column_name(name):
            raise self.fail(
                here,
                "the name is not snake_case of at most 255 characters, and Athena folds case",
                'Rename it, and put the attribute\'s own name into "attribute"',
            )
        if name in RESERVED_WORDS:
            raise self.fail(
                here,
                "the name is a reserved word of Athena",
                'Rename it, and put the attribute\'s own name into "attribute"',
            )

    def _check_default(self, each: dict[str, Any], column_type: ColumnType, here: str) -> None:
        if self.stored:
            return
        if isinstance(column_type, Nullable):
            if each.get("default", 0) is not None:
                raise self.fail(
                    here,
                    "a nullable field whose default is not null: Athena could not read older files",
                    'Give it "default": null',
                )
            return
        if "default" not in each:
            return
        default = each["default"]
        allowed = _DEFAULT_TYPES.get(type(column_type), ())
        fits = isinstance(default, allowed) and (
            isinstance(default, bool) == isinstance(column_type, Boolean)
        )
        if fits and isinstance(column_type, Integer):
            fits = -(1 << (column_type.bits - 1)) <= default < 1 << (column_type.bits - 1)
        if fits and isinstance(column_type, Enum):
            fits = default in column_type.symbols
        if fits and isinstance(column_type, Double):
            fits = abs(default) <= sys.float_info.max
        if fits and isinstance(column_type, String):
            fits = not _SURROGATE.search(default)
        if not fits:
            raise self.fail(
                here,
                "the default is not a value of the type, or the type cannot have one here",
                "Give a string, boolean, int, long, double or enum a value of its type, "
                "or make the field nullable",
            )

    def type(self, schema: Any, where: str, epoch: Epoch | None) -> ColumnType:
        self.depth += 1
        if self.depth > _MOST_DEPTH and not self.stored:
            raise self.fail(
                where, f"types within types, more than {_MOST_DEPTH} deep", "Flatten them"
            )
        found = self._type(schema, where, epoch)
        self.depth -= 1
        return found

    def _type(self, schema: Any, where: str, epoch: Epoch | None) -> ColumnType:
        if isinstance(schema, list):
            return self._union(schema, where, epoch)
        if isinstance(schema, str):
            return self._by_name(schema, where)
        if not isinstance(schema, dict):
            raise self.fail(where, f"{schema!r} is not an Avro type", "See the Avro specification")
        name = schema.get("type")
        if "logicalType" in schema:
            return self._logical(schema, where, epoch)
        if name == "record":
            return self.record(schema, where)
        if name == "enum":
            return self._enum(schema, where)
        if name == "array":
            self.check_properties(schema, "array", where)
            return Array(self.type(schema.get("items"), where, epoch))
        if name == "map":
            self.check_properties(schema, "map", where)
            return Map(self.type(schema.get("values"), where, epoch))
        if not isinstance(name, str) or name in self.named or name in self.open:
            raise self.fail(
                where,
                "an object around a type, without other properties",
                'Write the inner type itself: {"type": {"type": ...}} is not valid Avro',
            )
        if name in _PRIMITIVES:
            self.check_properties(schema, "primitive", where)
        return self._by_name(name, where)

    def _union(self, schema: list[Any], where: str, epoch: Epoch | None) -> Nullable:
        if len(schema) != 2 or schema[0] != "null" or schema[1] == "null":
            raise self.fail(
                where,
                "a union that Athena's Avro SerDe cannot read as a column",
                'Use ["null", <type>] with the null first',
            )
        inner = self.type(schema[1], where, epoch)
        if isinstance(inner, Nullable):
            raise self.fail(where, "a union within a union", 'Use ["null", <type>]')
        return Nullable(inner)

    def _by_name(self, name: str, where: str) -> ColumnType:
        if name in _PRIMITIVES:
            return _PRIMITIVES[name]
        if name in _REFUSED_TYPES:
            problem, remedy = _REFUSED_TYPES[name]
            raise self.fail(where, problem, remedy)
        if name in self.open:
            raise self.fail(
                where, f"the type {name} contains itself", "Athena has no recursive types: flatten"
            )
        if name in self.named:
            return self.named[name]
        raise self.fail(
            where,
            f"there is no type {name!r}",
            f"Use {', '.join(_PRIMITIVES)}, enum, array, map, record, or a type defined above",
        )

    def _enum(self, schema: dict[str, Any], where: str) -> Enum:
        self.check_properties(schema, "enum", where)
        self.check_doc(schema, where)
        name = self._name(schema, where)
        symbols = schema.get("symbols")
        if (
            not isinstance(symbols, list)
            or not symbols
            or len(set(map(str, symbols))) != len(symbols)
            or not all(isinstance(s, str) and _AVRO_NAME.fullmatch(s) for s in symbols)
        ):
            raise self.fail(
                where,
                "the symbols of an enum have to be Avro names, each given once",
                'Correct "symbols", or use string if any value is allowed',
            )
        enum = Enum(name, tuple(symbols))
        self.named[name] = enum
        return enum

    def _logical(self, schema: dict[str, Any], where: str, epoch: Epoch | None) -> ColumnType:
        logical, base = schema["logicalType"], schema.get("type")
        if not isinstance(logical, str):
            raise self.fail(where, f"there is no logical type {logical!r}", "Give its name")
        if logical in _REFUSED_LOGICAL_TYPES:
            raise self.fail(
                where,
                f"Athena's Avro SerDe does not know the logical type {logical}",
                _REFUSED_LOGICAL_TYPES[logical],
            )
        if logical not in _LOGICAL_BASE:
            raise self.fail(
                where,
                f"there is no logical type {logical!r}",
                f"Use one of {', '.join(_LOGICAL_BASE)}",
            )
        if base != _LOGICAL_BASE[logical]:
            raise self.fail(
                where,
                f"{logical} on {base!r}",
                f"Put {logical} on {_LOGICAL_BASE[logical]}: Athena reads it only there",
            )
        self.check_properties(schema, "decimal" if logical == "decimal" else "logical", where)
        if logical == "timestamp-millis":
            return Timestamp(epoch)
        if logical == "date":
            return Date()
        precision, scale = schema.get("precision"), schema.get("scale", 0)
        if type(precision) is not int or not 1 <= precision <= 38:
            raise self.fail(
                where,
                f"the decimal's precision is {precision!r}",
                'Set "precision" to a number from 1 to 38, as Athena supports no more',
            )
        if type(scale) is not int or not 0 <= scale <= precision:
            raise self.fail(
                where,
                f"the decimal's scale is {scale!r}",
                f'Set "scale" to a number from 0 to the precision, {precision}',
            )
        return Decimal(precision, scale)


def parse_record(schema: Any, file: str) -> Record:
    """Return the columns of an Avro record schema.

    Parameters
    ----------
    schema
        The schema as JSON values. Fields may carry ``attribute`` and ``epoch``
        (docs/design.md#properties-of-a-field).
    file
        The file's name for errors.

    Raises
    ------
    SchemaError
        The schema uses something that Athena's Avro SerDe cannot read, or a name that is reserved
        or not snake_case. The error names the file, the field and the remedy.
    """
    _check_is_record(schema, file)
    namespace = schema.get("namespace")
    if namespace is not None and not (
        isinstance(namespace, str) and _NAMESPACE.fullmatch(namespace)
    ):
        raise SchemaError(
            file, "", f"the namespace is {namespace!r}", "Use Avro names separated by dots"
        )
    return _Parser(file).record(schema, "")


def parse_stored_record(schema: Any, file: str) -> Record:
    """Return the columns of a schema that a table has or had.

    The rules for authors (names, docs, defaults, properties) do not apply, because a rule may be
    newer than the schema. Only the types must be known.

    Parameters
    ----------
    schema
        The schema as JSON values, without the pipeline's own properties.
    file
        The file's name for errors.

    Raises
    ------
    SchemaError
        The schema has a type that this version does not know.
    """
    _check_is_record(schema, file)
    return _Parser(file, stored=True).record(schema, "")


def _check_is_record(schema: Any, file: str) -> None:
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise SchemaError(
            file, "", "it is not an Avro record schema", 'Begin with "type": "record"'
        )


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _holds_timestamp(column_type: ColumnType) -> bool:
    match column_type:
        case Timestamp():
            return True
        case Nullable(of=inner) | Array(items=inner) | Map(values=inner):
            return _holds_timestamp(inner)
        case _:
            return False
