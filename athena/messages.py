"""The message for the author of a query, from the error of DuckDB."""

from __future__ import annotations

import re

from athena.values.failures import FAILURE

_OWN_END = re.compile(r"""('|") to [A-Z]+[\d(),]*$|("|'), expected format.*$|'!$""")
_TYPES = {
    "INT8": "tinyint",
    "INT16": "smallint",
    "INT32": "integer",
    "INT64": "bigint",
    "INT128": "decimal(38,0)",
    "FLOAT": "real",
    "BOOL": "boolean",
}
_TOO_LARGE = "; cast to a larger type, or use try(…)"
_KNOWN = (
    (
        r"must appear in the GROUP BY",
        "a column is neither in GROUP BY nor inside an aggregate",
    ),
    (
        r"(?i)divi(sion|de) by zero",
        "division by zero; Athena fails too: use nullif(x, 0) or try(…)",
    ),
    (r"Map keys must be unique", "a map has a key twice; make the keys unique"),
    (
        r"(?i)perl operator|regex|regular expression|missing \)|invalid escape|repetition",
        "dmd sql cannot read a regular expression of the query: it is not valid, or it looks around"
        " or back, which dmd sql's engine (RE2) cannot do",
    ),
    (r"More than one row", "a subquery that stands for a value has more than one row"),
    (
        r"Could not parse string \"(?P<text>.*?)\" according to format",
        "'{text}' does not have the format that the query gives",
    ),
    (r"(date|timestamp|time).*out of range: \"(?P<text>.*?)\"", "'{text}' is not a date or time"),
    (r"(?i)malformed JSON", "json_parse: the text is not JSON; use try(json_parse(…))"),
    (r"Unknown TimeZone '(?P<text>[^']*)'", "dmd sql does not know the time zone '{text}'"),
    (r"(?i)invalid utf-?8|not valid utf-?8", "dmd sql cannot read bytes that are not UTF-8"),
    (r"(?i)invalid unicode|codepoint|code point", "a number is not a Unicode code point"),
    (r"(?i)base64", "from_base64: the text is not base64"),
    (r"(?i)hex", "from_hex: the text is not hexadecimal"),
    (r"(?i)out of memory|failed to allocate", "the query needs more memory than there is"),
    (
        r"(?i)overflow in (?P<text>addition|subtraction|multiplication|division|negation)",
        "a number is too large for its type after the {text}" + _TOO_LARGE,
    ),
    (
        r"Could not convert string ['\"](?P<text>[+-]?\d+)['\"] to INT\d+",
        "{text} is too large for its type" + _TOO_LARGE,
    ),
    (
        r"(with value|Casting value \"?) ?(?P<text>[^ \"]+)\"? (can't be cast|to type)",
        "{text} is too large for its type" + _TOO_LARGE,
    ),
    (
        r"Could not (convert|cast) (string|value) ['\"](?P<text>.*?)['\"] to (?P<type>[\w(),]+)",
        "cannot cast '{text}' to {type}",
    ),
    (r"(?i)overflow|out of range", "a number is too large for its type" + _TOO_LARGE),
)


def message(text: str) -> str:
    """Return what DuckDB's error means for the query; its own text is never part of it."""
    _, own, rest = text.partition(FAILURE)
    first = (rest if own else text).split("\n")[0]
    if own:
        return _OWN_END.sub("", first)
    for pattern, meaning in _KNOWN:
        found = re.search(pattern, first)
        if found:
            named = found.groupdict()
            named["type"] = _trino(named.get("type", ""))
            return meaning.format(**named)
    kind = text.partition(":")[0].removesuffix(" Error").lower()
    return f"dmd sql cannot run this query ({kind}), although it may be right; run it in Athena"


def _trino(name: str) -> str:
    return _TYPES.get(name, name.lower())
