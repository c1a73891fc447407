"""Athena's functions on dates and times, written for DuckDB; the session's time zone is UTC.

Source: https://trino.io/docs/current/functions/datetime.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from athena.errors import SqlError
from athena.functions.scalar import literal
from athena.functions.signatures import Call, Form, Line, forms
from athena.values.casts import clock_text
from athena.values.failures import failure, refusal
from athena.values.trino_types import BIGINT, VARCHAR, timestamp_with_zone

# https://trino.io/docs/current/functions/datetime.html#mysql-date-functions
_MYSQL = {
    "a": "%a",
    "b": "%b",
    "c": "%-m",
    "d": "%d",
    "e": "%-d",
    "f": "%f",
    "H": "%H",
    "h": "%I",
    "I": "%I",
    "i": "%M",
    "j": "%j",
    "k": "%-H",
    "l": "%-I",
    "M": "%B",
    "m": "%m",
    "p": "%p",
    "r": "%I:%M:%S %p",
    "S": "%S",
    "s": "%S",
    "T": "%H:%M:%S",
    "v": "%V",
    "W": "%A",
    "x": "%G",
    "Y": "%Y",
    "y": "%y",
    "%": "%%",
}
_NOT_MYSQL = "DUuVwX"
# https://www.joda.org/joda-time/apidocs/org/joda/time/format/DateTimeFormat.html
_JODA = {
    "yyyy": "%Y",
    "yy": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "M": "%-m",
    "dd": "%d",
    "d": "%-d",
    "HH": "%H",
    "H": "%-H",
    "hh": "%I",
    "h": "%-I",
    "mm": "%M",
    "ss": "%S",
    "SSS": "%g",
    "a": "%p",
    "EEEE": "%A",
    "EEE": "%a",
    "xxxx": "%G",
    "ww": "%V",
}
_UNITS = ("millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")
_DAY_UNITS = _UNITS[4:]


def _mysql_format(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        letter = found[1]
        if letter in _NOT_MYSQL:
            raise SqlError(f"Athena does not support %{letter} in date formats")
        return _MYSQL.get(letter, letter)

    return re.sub(r"%(.)", one, text, flags=re.DOTALL)


def _joda_format(text: str) -> str:
    written = ""
    for quote, word, other in re.findall(r"'([^']*)'|([A-Za-z]+)|([^A-Za-z'])", text):
        for run in re.findall(r"((.)\2*)", word):
            if run[0] not in _JODA:
                raise SqlError(f"format_datetime: dmd sql does not know {run[0]!r} in {text!r}")
            written += _JODA[run[0]]
        written += (quote + other).replace("%", "%%")
    return written


def _format(reader: Callable[[str], str]) -> Callable[[Call], str]:
    def text(call: Call) -> str:
        return f"strftime({call.args[0].sql}, {literal(reader(call.text(1)))})"

    return text


def _parse(call: Call) -> str:
    written = _mysql_format(call.text(1))
    return f"strptime({call.args[0].sql}, {literal(written)})"


# The fields that parse_datetime reads: what they look like, and DuckDB's letter.
_PARSED = {
    "yyyy": ("[0-9]{4}", "%Y"),
    "MMM": ("(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)", "%b"),
    **dict.fromkeys(("MM", "M"), ("[0-9]{1,2}", "%m")),
    **dict.fromkeys(("dd", "d"), ("[0-9]{1,2}", "%d")),
    **dict.fromkeys(("HH", "H"), ("[0-9]{1,2}", "%H")),
    **dict.fromkeys(("hh", "h"), ("[0-9]{1,2}", "%I")),
    **dict.fromkeys(("mm", "m"), ("[0-9]{1,2}", "%M")),
    **dict.fromkeys(("ss", "s"), ("[0-9]{1,2}", "%S")),
    "SSS": ("[0-9]{3}", "%g"),
    "a": ("(?:AM|PM|am|pm)", "%p"),
}


def _parse_joda(call: Call) -> str:
    """Read the texts that certainly fit the pattern; Joda-Time also reads some that do not."""
    pattern, text = call.text(1), call.args[0].sql
    pieces = re.findall(r"'([^']*)'|(([A-Za-z])\3*)|([^A-Za-z'])", pattern)
    fields = [run for _, run, _, _ in pieces if run]
    unknown = [run for run in fields if run not in _PARSED]
    half = {"h", "hh"} & set(fields)
    if unknown or "yyyy" not in fields or bool(half) != ("a" in fields):
        raise SqlError(
            f"parse_datetime: dmd sql does not read {pattern!r}; it knows yyyy, MMM, MM, dd, HH,"
            " mm, ss and SSS, or hh with a, and needs yyyy"
        )
    shape, written, before = "", "", False
    for index, (quote, run, _, other) in enumerate(pieces):
        form, letter = _PARSED.get(
            run, (re.escape(quote + other), (quote + other).replace("%", "%%"))
        )
        numeric = run in _PARSED and form.startswith("[")
        following = pieces[index + 1][1] if index + 1 < len(pieces) else ""
        after = following in _PARSED and _PARSED[following][0].startswith("[")
        if numeric and (before or after):
            # Without a sign between two numbers, their digits decide where one ends.
            form = form.replace("{1,2}", "{2}")
        shape, written, before = shape + form, written + letter, numeric
    wrong = failure(f"'parse_datetime: not a date: ', {text}", VARCHAR)
    other = refusal(
        f"'parse_datetime: dmd sql cannot tell if this text fits the format: ', {text}", VARCHAR
    )
    checked = (
        f"CASE WHEN {text} IS NULL OR regexp_full_match({text}, {literal(shape)}) THEN {text}"
        f" WHEN NOT regexp_matches({text}, '[0-9]') THEN {wrong} ELSE {other} END"
    )
    return f"CAST(strptime({checked}, {literal(written)}) AS TIMESTAMP WITH TIME ZONE)"


def _unit(call: Call, allowed: tuple[str, ...]) -> str:
    unit = call.text(0).lower()
    if unit not in allowed:
        raise SqlError(f"{unit!r} is not a unit here; use one of {', '.join(allowed)}")
    return unit


def _truncate(call: Call) -> str:
    units = _DAY_UNITS if call.result.name == "date" else _UNITS
    return f"CAST(date_trunc('{_unit(call, units)}', {call.args[1].sql}) AS {_name(call)})"


def _name(call: Call) -> str:
    return {"date": "DATE", "timestamp": "TIMESTAMP"}.get(
        call.result.name, "TIMESTAMP WITH TIME ZONE"
    )


def _add(call: Call) -> str:
    unit = _unit(call, _DAY_UNITS if call.result.name == "date" else _UNITS)
    count = call.args[1].sql
    if unit == "quarter":
        unit, count = "month", f"(3 * {count})"
    step = f"to_{unit}s(CAST({count} AS INTEGER))"
    return f"CAST({call.args[2].sql} + {step} AS {_name(call)})"


def _difference(call: Call) -> str:
    """Count the whole units that have passed. DuckDB's date_diff counts boundaries."""
    unit = _unit(call, _DAY_UNITS if call.args[1].type.name == "date" else _UNITS)
    return f"date_sub('{unit}', {call.args[1].sql}, {call.args[2].sql})"


def _iso_timestamp(call: Call) -> str:
    """Read UTC only: Athena's value keeps another offset, which DuckDB cannot."""
    text = call.args[0].sql
    form = r"\d{4}-\d\d-\d\d(T(\d\d(:\d\d(:\d\d(\.\d+)?)?)?)?(Z|[+]00:?00)?)?"
    other = refusal(f"'from_iso8601_timestamp: dmd sql reads UTC (…Z) only, not ', {text}", VARCHAR)
    wrong = failure(f"'from_iso8601_timestamp: not a timestamp: ', {text}", VARCHAR)
    whole = f"regexp_replace({text}, '(Z|[+]00:?00)$', '')"
    fits = f"{text} IS NULL OR regexp_full_match({text}, '{form}')"
    # Whatever begins otherwise is no timestamp in Athena either.
    unlike = f"NOT regexp_matches({text}, '^[+-]?[0-9]')"
    checked = f"CASE WHEN {fits} THEN {whole} WHEN {unlike} THEN {wrong} ELSE {other} END"
    return f"CAST(CAST({checked} AS TIMESTAMP) AS TIMESTAMP WITH TIME ZONE)"


def _from_nanoseconds(call: Call) -> str:
    nanoseconds = f"CAST({call.args[0].sql} AS HUGEINT)"
    finer = refusal(
        "'from_unixtime_nanos: dmd sql keeps only microseconds, and this value has nanoseconds'",
        BIGINT,
    )
    whole = f"CAST({nanoseconds} // 1000 AS BIGINT)"
    micros = f"CASE WHEN {nanoseconds} % 1000 = 0 THEN {whole} ELSE {finer} END"
    return f"CAST(make_timestamp({micros}) AS TIMESTAMP WITH TIME ZONE)"


_PARTS: Mapping[str, str] = {
    "year": "year({0})",
    "quarter": "quarter({0})",
    "month": "month({0})",
    "week": "week({0})",
    "week_of_year": "week({0})",
    "year_of_week": "isoyear({0})",
    "yow": "isoyear({0})",
    "day": "day({0})",
    "day_of_month": "day({0})",
    "day_of_week": "isodow({0})",
    "dow": "isodow({0})",
    "day_of_year": "dayofyear({0})",
    "doy": "dayofyear({0})",
}
_CLOCK_PARTS: Mapping[str, str] = {
    "hour": "hour({0})",
    "minute": "minute({0})",
    "second": "second({0})",
    "millisecond": "(millisecond({0}) % 1000)",
}

# The functions of a timestamp AT TIME ZONE: they need its local time, not its zone.
ZONE_READERS = frozenset({*_PARTS, *_CLOCK_PARTS, "date_format", "format_datetime", "date"})

_TIMES = ("timestamp(n)", "timestamp(n) with time zone")

TIMES: tuple[Line, ...] = (
    *(
        (f"{name}({kind}) bigint", text)
        for name, text in _PARTS.items()
        for kind in ("date", *_TIMES)
    ),
    *((f"{name}({kind}) bigint", text) for name, text in _CLOCK_PARTS.items() for kind in _TIMES),
    *((f"date_trunc(varchar, {kind}) {kind}", _truncate) for kind in ("date", *_TIMES)),
    *((f"date_add(varchar, bigint, {kind}) {kind}", _add) for kind in ("date", *_TIMES)),
    ("date_diff(varchar, date, date) bigint", _difference),
    ("date_diff(varchar, timestamp(6), timestamp(6)) bigint", _difference),
    (
        "date_diff(varchar, timestamp(6) with time zone, timestamp(6) with time zone) bigint",
        _difference,
    ),
    ("date_format(timestamp(6), varchar) varchar", _format(_mysql_format)),
    ("date_format(timestamp(6) with time zone, varchar) varchar", _format(_mysql_format)),
    ("format_datetime(timestamp(6), varchar) varchar", _format(_joda_format)),
    ("format_datetime(timestamp(6) with time zone, varchar) varchar", _format(_joda_format)),
    ("date_parse(varchar, varchar) timestamp(3)", _parse),
    ("parse_datetime(varchar, varchar) timestamp(3) with time zone", _parse_joda),
    ("from_iso8601_timestamp(varchar) timestamp(3) with time zone", _iso_timestamp),
    ("from_iso8601_date(varchar) date", "CAST({0} AS DATE)"),
    ("to_iso8601(date) varchar", "CAST({0} AS VARCHAR)"),
    (
        "to_iso8601(timestamp(n)) varchar",
        lambda call: (
            f"replace({clock_text(call.args[0].sql, int(str(call.bound['n'])))}, ' ', 'T')"
        ),
    ),
    (
        "to_iso8601(timestamp(n) with time zone) varchar",
        lambda call: (
            f"concat(replace({clock_text(call.args[0].sql, int(str(call.bound['n'])))},"
            " ' ', 'T'), 'Z')"
        ),
    ),
    ("last_day_of_month(date) date", "last_day({0})"),
    ("last_day_of_month(timestamp(n)) date", "last_day({0})"),
    ("to_unixtime(date) double", "epoch(CAST({0} AS TIMESTAMP))"),
    ("to_unixtime(timestamp(n)) double", "epoch({0})"),
    ("to_unixtime(timestamp(n) with time zone) double", "epoch({0})"),
    (
        "from_unixtime(double) timestamp(3) with time zone",
        "CAST(epoch_ms(CAST(round({0} * 1000) AS BIGINT)) AS TIMESTAMP WITH TIME ZONE)",
    ),
    (
        "from_unixtime_nanos(bigint) timestamp with time zone",
        _from_nanoseconds,
        lambda _: timestamp_with_zone(9),
    ),
    ("now() timestamp(3) with time zone", "date_trunc('millisecond', now())"),
    ("current_timezone() varchar", "'UTC'"),
)


def time_forms() -> dict[str, list[Form]]:
    """Return the forms of all functions of this module, by name."""
    return forms(TIMES)
