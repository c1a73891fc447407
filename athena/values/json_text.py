"""The text of a new JSON value, with the escapes that Java writes and DuckDB does not."""

from __future__ import annotations


def escaped(sql: str) -> str:
    """Return a JSON value whose characters beyond U+FFFF are two escapes each.

    Trino writes them so where it makes JSON, but not where a cast takes JSON apart: there the
    members of a JSON value keep their characters.

    Parameters
    ----------
    sql
        The JSON value in DuckDB.
    """
    above = "(unicode(sign) - 65536)"
    pair = rf"printf('\u%04X\u%04X', 55296 + {above} // 1024, 56320 + {above} % 1024)"
    sign = f"CASE WHEN unicode(sign) > 65535 THEN {pair} ELSE sign END"
    text = "CAST(made AS VARCHAR)"
    signs = f"list_transform(regexp_extract_all({text}, '(?s).'), lambda sign : {sign})"
    written = f"CAST(array_to_string({signs}, '') AS JSON)"
    beyond = rf"regexp_matches({text}, '[\x{{10000}}-\x{{10FFFF}}]')"
    # The value has a name of its own, so that its text is in the query only once.
    named = f"CASE WHEN {beyond} THEN {written} ELSE made END"
    return f"list_extract(list_transform([{sql}], lambda made : {named}), 1)"
