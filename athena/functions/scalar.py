"""Athena's functions on numbers, text, binary and JSON, written for DuckDB.

Source: https://trino.io/docs/current/functions.html. Where DuckDB's function of the same name
differs, the text is another expression.
"""

from __future__ import annotations

import re

from athena.errors import SqlError
from athena.functions.signatures import Bindings, Call, Form, Text, forms
from athena.values.failures import failure, refusal
from athena.values.json_text import escaped
from athena.values.trino_types import MAX_PRECISION, VARCHAR, TrinoType, decimal

_SPACE = r"E' \t\n\x0B\f\r'"


def literal(text: str) -> str:
    """Return a string literal as SQL text."""
    return "'" + text.replace("'", "''") + "'"


def _none_if_any_is_null(name: str) -> Text:
    def text(call: Call) -> str:
        values = [arg.sql for arg in call.args]
        missing = " OR ".join(f"{value} IS NULL" for value in values)
        return f"CASE WHEN {missing} THEN NULL ELSE {name}({', '.join(values)}) END"

    return text


def _replacement(call: Call) -> str:
    """Return ``regexp_replace`` with RE2's sign for groups (a backslash) instead of Java's ($)."""
    given = call.text(2) if len(call.args) == 3 else ""
    written = ""
    for group, literal_, plain in re.findall(r"\$(\d)|\\(.)|(.)", given, re.DOTALL):
        written += f"\\{group}" if group else (literal_ or plain).replace("\\", "\\\\")
    if "${" in given:
        raise SqlError("regexp_replace: dmd sql supports numbered groups ($1), but not named ones")
    return f"regexp_replace({call.args[0].sql}, {call.args[1].sql}, {literal(written)}, 'g')"


_STEP = re.compile(r"""\.([\w-]+)|\[(\d+)\]|\["([^"\\]+)"\]|\['([^'\\]+)'\]""")


def _json_path(call: Call) -> str:
    """Return DuckDB's JSON path for Trino's."""
    path = call.text(1)
    rest = path.removeprefix("$")
    steps = ""
    while rest:
        step = _STEP.match(rest)
        if step is None or path == rest:
            raise SqlError(
                f"dmd sql does not support the JSON path {path!r};"
                """ use $.name, $["name"] and $[0]"""
            )
        name = step[1] or step[3] or step[4]
        steps += f"[{step[2]}]" if name is None else f'."{name}"'
        rest = rest[step.end() :]
    return literal(f"${steps}")


def _json_scalar(call: Call) -> str:
    """Return a scalar's text; refuse a number that DuckDB would write with other digits."""
    source, path = f"CAST({call.args[0].sql} AS VARCHAR)", _json_path(call)
    valid = f"json_valid({source})"
    value = f"json_extract_string({source}, {path})"
    kind = f"json_type({source}, {path})"
    digits = f"replace(replace({value}, '.', '[.]'), '+', '[+]')"
    same = f"regexp_matches({source}, concat('(^|[^0-9.eE+-])', {digits}, '($|[^0-9.eE])'))"
    other = refusal(
        f"'json_extract_scalar: dmd sql would change the digits of this number: ', {value}",
        VARCHAR,
    )
    return (
        f"CASE WHEN NOT {valid} OR {source} IS NULL THEN NULL"
        f" WHEN {kind} IN ('OBJECT', 'ARRAY') THEN NULL"
        f" WHEN {kind} IN ('DOUBLE') AND NOT {same} THEN {other}"
        f" ELSE {value} END"
    )


def _json_part(call: Call) -> str:
    source = f"CAST({call.args[0].sql} AS VARCHAR)"
    part = f"json_extract({source}, {_json_path(call)})"
    return f"CASE WHEN json_valid({source}) THEN {escaped(part)} END"


def _json_parsed(call: Call) -> str:
    return escaped(f"json_extract({call.args[0].sql}, '$')")


def _json_text(call: Call) -> str:
    """Return the text of a JSON value, if it is certain: Athena's json_parse sorts the names."""
    keys, number = "json_keys(part)", "abs(TRY_CAST(CAST(part AS VARCHAR) AS DOUBLE))"
    # Java compares UTF-16, DuckDB UTF-8: these two ranges change places.
    joined = f"array_to_string({keys}, '')"
    ranges = (r"[\x{E000}-\x{FFFF}]", r"[\x{10000}-\x{10FFFF}]")
    both = " AND ".join(f"regexp_matches({joined}, '{each}')" for each in ranges)
    in_order = f"({keys} = list_sort(list_distinct({keys})) AND ({both}) IS NOT TRUE)"
    # Java writes the other fractions with an exponent: 1.0E7.
    plain = f"(json_type(part) <> 'DOUBLE' OR {number} = 0 OR {number} >= 1e-3 AND {number} < 1e7)"
    parts = "list_prepend(whole, json_extract(whole, '$..*'))"
    uncertain = f"list_filter({parts}, lambda part : NOT ({in_order} AND {plain}))"
    other = refusal(
        "'json_format: dmd sql cannot tell how Athena would write ', whole,"
        " ' (the order of names, or a number with E)'",
        VARCHAR,
    )
    text = f"CASE WHEN len({uncertain}) > 0 THEN {other} ELSE CAST(whole AS VARCHAR) END"
    # The value has a name of its own, so that its text is in the query only once.
    named = f"CASE WHEN whole IS NULL THEN NULL ELSE {text} END"
    return f"list_extract(list_transform([{call.args[0].sql}], lambda whole : {named}), 1)"


def _whole(bound: Bindings) -> TrinoType:
    precision, scale = int(str(bound["p"])), int(str(bound["s"]))
    return decimal(precision - scale + min(scale, 1), 0)


def _cut(bound: Bindings) -> TrinoType:
    return decimal(max(1, int(str(bound["p"])) - int(str(bound["s"]))), 0)


def _one_digit_more(bound: Bindings) -> TrinoType:
    return decimal(min(MAX_PRECISION, int(str(bound["p"])) + 1), int(str(bound["s"])))


def _group(call: Call) -> str:
    """Return a group of a match; refuse it if it may be empty or may not be part of the match.

    The first is '' in Athena and the second NULL, but both are '' in DuckDB.
    """
    text, pattern, group = (arg.sql for arg in call.args)
    found = f"regexp_extract({text}, {pattern}, CAST({group} AS INTEGER))"
    known = call.args[1].text
    if known is None or any(mark in known for mark in (")?", ")*", "){0", "|")):
        unsure = refusal("'regexp_extract: dmd sql cannot tell if the group matched'", VARCHAR)
        found = f"CASE WHEN {found} = '' AND {group} > 0 THEN {unsure} ELSE {found} END"
    return f"CASE WHEN regexp_matches({text}, {pattern}) THEN {found} END"


def _joined(call: Call) -> str:
    return "(" + " || ".join(arg.sql for arg in call.args) + ")"


def _padded(name: str) -> Text:
    def text(call: Call) -> str:
        value, length, fill = (arg.sql for arg in call.args)
        wrong = failure(f"'{name}: the length is not from 0 to 2147483647'", VARCHAR)
        empty = failure(f"'{name}: the text to fill with is empty'", VARCHAR)
        return (
            f"CASE WHEN {length} NOT BETWEEN 0 AND 2147483647 THEN {wrong}"
            f" WHEN {fill} = '' THEN {empty}"
            f" ELSE {name}({value}, CAST({length} AS INTEGER), {fill}) END"
        )

    return text


def _character(call: Call) -> str:
    code = call.args[0].sql
    wrong = failure(f"'chr: not a Unicode code point: ', {code}", VARCHAR)
    inside = f"{code} BETWEEN 0 AND 1114111"
    return (
        f"CASE WHEN {inside} THEN chr(CAST({code} AS INTEGER)) WHEN NOT {inside} THEN {wrong} END"
    )


def _from_utf8(call: Call) -> str:
    """Refuse bytes that are not UTF-8, for which Athena writes a replacement."""
    value = call.args[0].sql
    other = refusal("'from_utf8: dmd sql cannot read bytes that are not UTF-8'", VARCHAR)
    return f"CASE WHEN {value} IS NULL THEN NULL ELSE coalesce(TRY(decode({value})), {other}) END"


_ONLY_IN_JAVA = re.compile(r"\(\?(?:[=!>]|<[=!])|\\[1-9]|\\k<|[*+?}]\+|&&")


def check_pattern(pattern: str) -> None:
    """Refuse a regular expression of Java that RE2, DuckDB's engine, does not have.

    Raises
    ------
    SqlError
        At once, because inside try() an error of DuckDB would become NULL.
    """
    found = _ONLY_IN_JAVA.search(re.sub(r"\\\\", "", pattern))
    if found:
        raise SqlError(
            f"dmd sql cannot read {found[0]!r} in the regular expression {pattern!r}: its engine"
            " (RE2) has no look-around, no references to groups and no possessive quantifiers"
        )


def _split(call: Call) -> str:
    """Split; the last of a limited number of parts is the rest of the text."""
    text, delimiter, *limit = (arg.sql for arg in call.args)
    empty = failure("'split: the delimiter may not be empty'", call.result)
    parts = f"str_split({text}, {delimiter})"
    if not limit:
        return f"CASE WHEN {delimiter} = '' THEN {empty} ELSE {parts} END"
    few = failure("'split: the limit must be positive'", call.result)
    rest = f"array_to_string(list_slice({parts}, {limit[0]}, len({parts})), {delimiter})"
    cut = f"list_append(list_slice({parts}, 1, {limit[0]} - 1), {rest})"
    return (
        f"CASE WHEN {delimiter} = '' THEN {empty} WHEN {limit[0]} <= 0 THEN {few}"
        f" WHEN len({parts}) <= {limit[0]} THEN {parts} ELSE {cut} END"
    )


def _split_part(call: Call) -> str:
    text, delimiter, place = (arg.sql for arg in call.args)
    wrong = failure("'split_part: the index must be greater than zero'", VARCHAR)
    found = f"list_extract(str_split({text}, {delimiter}), {place})"
    return f"CASE WHEN {place} <= 0 THEN {wrong} ELSE {found} END"


def _bucket(call: Call) -> str:
    """Return in which of equally wide buckets a number is; the bounds may be in either order."""
    value, first, last, count = (arg.sql for arg in call.args)
    low, high = f"least({first}, {last})", f"greatest({first}, {last})"
    place = (
        f"CASE WHEN {value} < {low} THEN 0 WHEN {value} >= {high} THEN {count} + 1"
        f" ELSE CAST(floor(CAST({count} AS DOUBLE) * ({value} - {low}) / ({high} - {low}) + 1)"
        " AS BIGINT) END"
    )
    place = f"CASE WHEN {first} > {last} THEN {count} - ({place}) + 1 ELSE {place} END"
    few = failure("'width_bucket: the number of buckets must be greater than 0'", call.result)
    same = failure("'width_bucket: the bounds cannot be equal'", call.result)
    odd = failure("'width_bucket: the value and the bounds must be finite'", call.result)
    strange = f"isnan({value}) OR NOT isfinite({first}) OR NOT isfinite({last})"
    missing = " OR ".join(f"{arg.sql} IS NULL" for arg in call.args)
    return (
        f"CASE WHEN {missing} THEN NULL WHEN {count} <= 0 THEN {few} WHEN {strange} THEN {odd}"
        f" WHEN {first} = {last} THEN {same} ELSE CAST({place} AS BIGINT) END"
    )


def _bin(call: Call) -> str:
    """Return how many of the sorted bins begin at or below a number."""
    value, bins = (arg.sql for arg in call.args)
    below = f"len(list_filter({bins}, lambda bound : bound <= {value}))"
    none = failure("'width_bucket: there are no bins'", call.result)
    order = failure(
        "'width_bucket: the bins must be in ascending order, without NULL'", call.result
    )
    bad = f"len({bins}) > list_count({bins}) OR list_sort({bins}) <> {bins}"
    odd = failure("'width_bucket: the value cannot be NaN'", call.result)
    return (
        f"CASE WHEN {value} IS NULL OR {bins} IS NULL THEN NULL WHEN len({bins}) = 0 THEN {none}"
        f" WHEN {bad} THEN {order} WHEN isnan({value}) THEN {odd} ELSE {below} END"
    )


def _substring(call: Call) -> str:
    """Return a substring; it is empty at position 0, and before the first character."""
    text, start = call.args[0].sql, call.args[1].sql
    arguments = ", ".join(arg.sql for arg in call.args)
    outside = f"{start} = 0 OR {start} < -length({text})"
    return f"CASE WHEN {outside} THEN '' ELSE substr({arguments}) END"


NUMBERS = (
    ("abs(T) T", "abs({0})"),
    ("sign(integer) integer", "CAST(sign({0}) AS INTEGER)"),
    ("sign(bigint) bigint", "CAST(sign({0}) AS BIGINT)"),
    ("sign(decimal(p,s)) decimal(1,0)", "CAST(sign({0}) AS {R})"),
    ("sign(double) double", "CAST(sign({0}) AS DOUBLE)"),
    ("sqrt(double) double", "sqrt({0})"),
    ("cbrt(double) double", "cbrt({0})"),
    ("exp(double) double", "exp({0})"),
    ("ln(double) double", "ln({0})"),
    ("log2(double) double", "log2({0})"),
    ("log10(double) double", "log10({0})"),
    ("log(double, double) double", "(ln({1}) / ln({0}))"),
    ("power(double, double) double", "power({0}, {1})"),
    ("pow(double, double) double", "power({0}, {1})"),
    ("pi() double", "pi()"),
    ("e() double", "exp(1)"),
    ("random() double", "random()"),
    ("rand() double", "random()"),
    ("infinity() double", "CAST('inf' AS DOUBLE)"),
    ("is_nan(double) boolean", "isnan({0})"),
    ("is_finite(double) boolean", "isfinite({0})"),
    ("is_infinite(double) boolean", "isinf({0})"),
    ("round(integer) integer", "{0}"),
    ("round(bigint) bigint", "{0}"),
    ("round(decimal(p,s)) decimal", "CAST(round({0}) AS {R})", _whole),
    ("round(double) double", "round({0})"),
    ("round(integer, bigint) integer", "CAST(round({0}, CAST({1} AS INTEGER)) AS INTEGER)"),
    ("round(bigint, bigint) bigint", "CAST(round({0}, CAST({1} AS INTEGER)) AS BIGINT)"),
    (
        "round(decimal(p,s), bigint) decimal",
        "CAST(round({0}, CAST({1} AS INTEGER)) AS {R})",
        _one_digit_more,
    ),
    ("round(double, bigint) double", "round({0}, CAST({1} AS INTEGER))"),
    ("truncate(decimal(p,s)) decimal", "CAST(trunc({0}) AS {R})", _cut),
    ("truncate(double) double", "trunc({0})"),
    ("ceil(integer) integer", "{0}"),
    ("ceil(bigint) bigint", "{0}"),
    ("ceil(decimal(p,s)) decimal", "CAST(ceil({0}) AS {R})", _whole),
    ("ceil(double) double", "ceil({0})"),
    ("floor(integer) integer", "{0}"),
    ("floor(bigint) bigint", "{0}"),
    ("floor(decimal(p,s)) decimal", "CAST(floor({0}) AS {R})", _whole),
    ("floor(double) double", "floor({0})"),
    ("greatest(T, T...) T", _none_if_any_is_null("greatest")),
    ("least(T, T...) T", _none_if_any_is_null("least")),
    ("width_bucket(double, double, double, bigint) bigint", _bucket),
    ("width_bucket(double, array(double)) bigint", _bin),
    ("bitwise_and(bigint, bigint) bigint", "({0} & {1})"),
    ("bitwise_or(bigint, bigint) bigint", "({0} | {1})"),
    ("bitwise_xor(bigint, bigint) bigint", "xor({0}, {1})"),
    ("coalesce(T, T...) T", "coalesce({args})"),
    ("nullif(T, T) T", "nullif({0}, {1})"),
)

TEXT = (
    ("length(varchar) bigint", "length({0})"),
    ("length(varbinary) bigint", "octet_length({0})"),
    ("lower(varchar) varchar", "lower({0})"),
    # DuckDB turns ß into ẞ, Trino does not. U+E000, a private character, stands for ß meanwhile.
    (
        "upper(varchar) varchar",
        "replace(upper(replace({0}, 'ß', chr(57344))), chr(57344), 'ß')",
    ),
    ("trim(varchar) varchar", f"trim({{0}}, {_SPACE})"),
    ("ltrim(varchar) varchar", f"ltrim({{0}}, {_SPACE})"),
    ("rtrim(varchar) varchar", f"rtrim({{0}}, {_SPACE})"),
    ("trim(varchar, varchar) varchar", "trim({0}, {1})"),
    ("ltrim(varchar, varchar) varchar", "ltrim({0}, {1})"),
    ("rtrim(varchar, varchar) varchar", "rtrim({0}, {1})"),
    ("lpad(varchar, bigint, varchar) varchar", _padded("lpad")),
    ("rpad(varchar, bigint, varchar) varchar", _padded("rpad")),
    ("reverse(varchar) varchar", "reverse({0})"),
    ("replace(varchar, varchar) varchar", "replace({0}, {1}, '')"),
    ("replace(varchar, varchar, varchar) varchar", "replace({0}, {1}, {2})"),
    ("translate(varchar, varchar, varchar) varchar", "translate({0}, {1}, {2})"),
    ("starts_with(varchar, varchar) boolean", "starts_with({0}, {1})"),
    ("strpos(varchar, varchar) bigint", "strpos({0}, {1})"),
    ("chr(bigint) varchar", _character),
    ("codepoint(varchar) integer", "unicode({0})"),
    ("levenshtein_distance(varchar, varchar) bigint", "levenshtein({0}, {1})"),
    ("concat(varchar, varchar...) varchar", _joined),
    ("concat(array(E), array(E)...) array(E)", _joined),
    ("concat_ws(varchar, array(varchar)) varchar", "array_to_string({1}, {0})"),
    (
        "concat_ws(varchar, varchar...) varchar",
        "CASE WHEN {0} IS NULL THEN NULL ELSE concat_ws({args}) END",
    ),
    ("substr(varchar, bigint) varchar", _substring),
    ("substr(varchar, bigint, bigint) varchar", _substring),
    ("split(varchar, varchar) array(varchar)", _split),
    ("split(varchar, varchar, bigint) array(varchar)", _split),
    ("split_part(varchar, varchar, bigint) varchar", _split_part),
    ("regexp_like(varchar, varchar) boolean", "regexp_matches({0}, {1})"),
    (
        "regexp_extract(varchar, varchar) varchar",
        "CASE WHEN regexp_matches({0}, {1}) THEN regexp_extract({0}, {1}) END",
    ),
    (
        "regexp_extract(varchar, varchar, bigint) varchar",
        _group,
    ),
    ("regexp_extract_all(varchar, varchar) array(varchar)", "regexp_extract_all({0}, {1})"),
    (
        "regexp_extract_all(varchar, varchar, bigint) array(varchar)",
        "regexp_extract_all({0}, {1}, CAST({2} AS INTEGER))",
    ),
    ("regexp_split(varchar, varchar) array(varchar)", "regexp_split_to_array({0}, {1})"),
    ("regexp_count(varchar, varchar) bigint", "len(regexp_extract_all({0}, {1}))"),
    ("regexp_replace(varchar, varchar) varchar", _replacement),
    ("regexp_replace(varchar, varchar, varchar) varchar", _replacement),
    ("to_utf8(varchar) varbinary", "encode({0})"),
    ("from_utf8(varbinary) varchar", _from_utf8),
    ("to_hex(varbinary) varchar", "hex({0})"),
    ("from_hex(varchar) varbinary", "unhex({0})"),
    ("to_base64(varbinary) varchar", "to_base64({0})"),
    ("from_base64(varchar) varbinary", "from_base64({0})"),
    ("md5(varbinary) varbinary", "unhex(md5({0}))"),
    ("sha256(varbinary) varbinary", "unhex(sha256({0}))"),
)

JSON = (
    ("json_extract_scalar(varchar, varchar) varchar", _json_scalar),
    ("json_extract_scalar(json, varchar) varchar", _json_scalar),
    ("json_extract(varchar, varchar) json", _json_part),
    ("json_extract(json, varchar) json", _json_part),
    ("json_parse(varchar) json", _json_parsed),
    ("json_format(json) varchar", _json_text),
    ("json_array_length(json) bigint", "CAST(json_array_length({0}) AS BIGINT)"),
    (
        "json_array_length(varchar) bigint",
        "CASE WHEN json_valid({0}) THEN CAST(json_array_length({0}) AS BIGINT) END",
    ),
)


def scalar_forms() -> dict[str, list[Form]]:
    """Return the forms of all functions of this module, by name."""
    table = forms((*NUMBERS, *TEXT, *JSON))
    table |= {"substring": table["substr"], "ceiling": table["ceil"]}
    return table
