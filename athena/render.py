"""A query's answer as text: a table to look at, JSON lines, or CSV as Athena writes it."""

from __future__ import annotations

import base64
import datetime as dt
import json
import struct
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from athena.engine import QueryResult
from athena.values.trino_types import TrinoType
from console.tables import print_records, space
from console.terminal import visible


def render(result: QueryResult, form: str) -> str:
    """Return the answer as text that ends with a newline (JSON of no rows is empty).

    Parameters
    ----------
    result
        The answer.
    form
        ``table``: aligned columns, values as Athena's console shows them.
        ``json``: one object a row; decimals and times as strings, binary as base64.
        ``csv``: as Athena's result files: every value in quotes, NULL as nothing.
    """
    return {"table": _table, "json": _json, "csv": _csv}[form](result)


def athena_text(value: Any, kind: TrinoType) -> str:
    """Return a value as Athena shows it: ``[a, b]``, ``{k=v}``, ``2026-11-01 12:00:00.000``."""
    if value is None:
        return "null"
    if kind.name == "array":
        return "[" + ", ".join(athena_text(item, kind.members[0]) for item in value) + "]"
    if kind.name == "map":
        key, member = kind.members
        pairs = (f"{athena_text(k, key)}={athena_text(v, member)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if kind.name == "row":
        fields = zip(value.items(), kind.members, strict=True)
        return "{" + ", ".join(f"{n}={athena_text(v, k)}" for (n, v), k in fields) + "}"
    return _SCALARS.get(kind.name, _plain)(value, kind)


def _plain(value: Any, _: TrinoType) -> str:
    return str(value)


def _clock(value: dt.datetime, kind: TrinoType) -> str:
    """At least three fraction digits, as Athena; more where the type has them."""
    digits = max(3, int(kind.numbers[0]))
    text = value.replace(tzinfo=None).isoformat(" ", "seconds")
    return f"{text}.{f'{value.microsecond:06}000'[:digits]}"


def _zoned(value: dt.datetime, kind: TrinoType) -> str:
    return f"{_clock(value, kind)} UTC"


def _duration(value: dt.timedelta, _: TrinoType) -> str:
    millis = abs(value) // dt.timedelta(milliseconds=1)
    days, rest = divmod(millis, 86_400_000)
    hours, rest = divmod(rest, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    sign = "-" if value < dt.timedelta(0) else ""
    return f"{sign}{days} {hours:02}:{minutes:02}:{rest // 1000:02}.{rest % 1000:03}"


def shortest_real(value: float) -> float:
    """Return the number with the fewest digits that is ``value`` in single precision."""
    for digits in range(6, 10):
        short = float(f"{value:.{digits}g}")
        if struct.pack("f", short) == struct.pack("f", value):
            return short
    return value


def _double(value: float, kind: TrinoType) -> str:
    """Java's text of a floating-point number: 2.5, 1.0E10, -1.0E-7, NaN, Infinity."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    number = shortest_real(value) if kind.name == "real" else value
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        return format(Decimal(repr(number)), "f")
    mantissa, _, exponent = f"{Decimal(repr(number)).normalize():E}".partition("E")
    whole, _, fraction = mantissa.partition(".")
    return f"{whole}.{fraction or '0'}E{int(exponent)}"


_SCALARS: dict[str, Callable[[Any, TrinoType], str]] = {
    "boolean": lambda value, _: "true" if value else "false",
    "decimal": lambda value, _: format(value, "f"),
    "real": _double,
    "double": _double,
    "timestamp": _clock,
    "timestamp with time zone": _zoned,
    "interval day to second": _duration,
    "varbinary": lambda value, _: value.hex(" "),
}


def text_rows(result: QueryResult) -> list[list[str | None]]:
    """Return each value as Athena writes it into a result; None is NULL."""
    return list(_rows(result))


def _rows(result: QueryResult) -> Iterator[list[str | None]]:
    kinds = [kind for _, kind in result.columns]
    for row in result.rows:
        pairs = zip(row, kinds, strict=True)
        yield [None if value is None else athena_text(value, kind) for value, kind in pairs]


def print_table(result: QueryResult, console: Console, expanded: bool | None = None) -> None:
    """Print an answer as a table, or with a line for each value.

    rich's own tables cut or wrap values, and take seconds for thousands of rows.

    Parameters
    ----------
    expanded
        Whether each value gets a line. If it is None, the terminal decides: a table that is too
        wide for it is expanded.
    """
    head, rule, *lines = _table(result).splitlines()
    if len(rule) > console.width if expanded is None else expanded:
        print_records(console, _names(result), _cells(result))
        lines = lines[-1:]
    else:
        console.print(Text(head, "bold"), Text(rule, "dim"), sep="\n", soft_wrap=True)
    console.print(Text("\n".join(lines)), soft_wrap=True)


def _names(result: QueryResult) -> list[str]:
    return [visible(name) for name, _ in result.columns]


def _cells(result: QueryResult) -> list[list[str]]:
    """Return each value as a text without control characters, so that a row is a line."""
    return [[visible(cell or "") for cell in row] for row in _rows(result)]


def _table(result: QueryResult) -> str:
    names, cells = _names(result), _cells(result)
    widths = [max(map(cell_len, column)) for column in zip(names, *cells, strict=True)]
    right = [kind.is_number for _, kind in result.columns]

    def line(values: list[str]) -> str:
        aligned = (
            space(value, width) + value if number else value + space(value, width)
            for value, width, number in zip(values, widths, right, strict=True)
        )
        return " | ".join(aligned).rstrip()

    rule = "-+-".join("-" * width for width in widths)
    count = f"({len(cells)} row{'' if len(cells) == 1 else 's'})"
    return "\n".join([line(names), rule, *map(line, cells), count]) + "\n"


def json_rows(result: QueryResult) -> list[dict[str, Any]]:
    """Return each row as an object of JSON's values; a name that comes again gets a number."""
    rows = []
    for row in result.rows:
        named: dict[str, Any] = {}
        for (name, kind), value in zip(result.columns, row, strict=True):
            own, number = name, 2
            while own in named:
                own, number = f"{name}_{number}", number + 1
            named[own] = _json_value(value, kind)
        rows.append(named)
    return rows


def _json(result: QueryResult) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in json_rows(result))


def _json_value(value: Any, kind: TrinoType) -> Any:
    if value is None or kind.name in ("boolean", "varchar"):
        return value
    if kind.is_integer:
        return int(value)
    if kind.name == "array":
        return [_json_value(item, kind.members[0]) for item in value]
    if kind.name == "map":
        key, member = kind.members
        return {_key(k, key): _json_value(v, member) for k, v in value.items()}
    if kind.name == "row":
        fields = zip(value.items(), kind.members, strict=True)
        return {name: _json_value(item, member) for (name, item), member in fields}
    if kind.name == "varbinary":
        return base64.b64encode(value).decode()
    if kind.name in ("real", "double"):
        text = _double(value, kind)
        return text if text[-1].isalpha() else float(text)
    return athena_text(value, kind)


def _key(value: Any, kind: TrinoType) -> str:
    return value if isinstance(value, str) else athena_text(value, kind)


def _csv(result: QueryResult) -> str:
    head: list[str | None] = [name for name, _ in result.columns]
    lines = [head, *_rows(result)]
    return "".join(
        ",".join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in line)
        + "\n"
        for line in lines
    )
