"""Trino's functions on URLs, which read them as java.net.URI does, written for DuckDB.

Source: https://trino.io/docs/current/functions/url.html
"""

from __future__ import annotations

from athena.functions.signatures import Call, Form, Line, Text, forms
from athena.values.failures import refusal
from athena.values.trino_types import VARCHAR

# RFC 3986: scheme, authority, path, query and fragment.
_PARTS = r"^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$"
_GROUPS = {"protocol": 1, "path": 3, "query": 4, "fragment": 5}
# Characters that a URI may have, and escapes. Java takes letters outside ASCII as well, and refuses
# the rest: then the answer is NULL.
_PLAIN = r"(?:[A-Za-z0-9._~:/?#@!$&()*+,;=-]|''|%[0-9A-Fa-f]{2})*"
_NEVER = r"[\x00-\x20<>\"{}|\\^`\x7F]|%[^0-9A-Fa-f]|%.[^0-9A-Fa-f]|%.?$|#.*#"
_SERVER = r"(?:[^@]*@)?([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.?)(?::([0-9]*))?"
_HOST_NAME = r"(?:.*\.)?[A-Za-z][A-Za-z0-9-]*\.?|[0-9]{1,3}(?:\.[0-9]{1,3}){3}"


def _of_valid(call: Call, value: str) -> str:
    """Return the value for a valid URL, NULL for an invalid one, and a refusal if unsure."""
    url = call.args[0].sql
    other = refusal(f"'dmd sql cannot read this URL as Athena does: ', {url}", VARCHAR)
    unlike = f"regexp_matches({url}, '^:|^[^A-Za-z/?#]+[^/?#]*:|^[A-Za-z0-9+.-]+:$')"
    return (
        f"CASE WHEN {url} IS NULL OR regexp_matches({url}, '{_NEVER}') THEN NULL"
        f" WHEN {unlike} OR NOT regexp_full_match({url}, '{_PLAIN}') THEN {other}"
        f" ELSE {value} END"
    )


def _group(url: str, number: int) -> str:
    return f"regexp_extract({url}, '{_PARTS}', {number})"


def _opaque(url: str) -> str:
    return f"regexp_matches({url}, '^[A-Za-z][A-Za-z0-9+.-]*:[^/]')"


def _decoded(text: str) -> str:
    """Decode the escapes; unlike in a form's text, a plus is a plus."""
    return f"url_decode(replace({text}, '+', '%2B'))"


def _part(name: str) -> Text:
    def text(call: Call) -> str:
        url = call.args[0].sql
        value = _group(url, _GROUPS[name])
        if name != "protocol":
            value = _decoded(value)
        if name in ("path", "query"):
            value = f"CASE WHEN {_opaque(url)} THEN '' ELSE {value} END"
        return _of_valid(call, value)

    return text


def _host(call: Call) -> str:
    return _of_valid(call, _server(call, 1))


def _port(call: Call) -> str:
    number = f"nullif({_server(call, 2)}, '')"
    return f"CAST({_of_valid(call, number)} AS BIGINT)"


def _server(call: Call, group: int) -> str:
    """Return the host or the port; both are empty if the authority is not a host's name."""
    authority = _group(call.args[0].sql, 2)
    host = f"regexp_extract({authority}, '^{_SERVER}$', 1)"
    named = f"regexp_full_match({host}, '{_HOST_NAME}')"
    other = refusal(f"'dmd sql cannot read the host of ', {call.args[0].sql}", VARCHAR)
    certain = f"{authority} = '' OR {named}"
    known = f"regexp_extract({authority}, '^{_SERVER}$', {group})"
    # Java has no host in a name with an underscore.
    return (
        f"CASE WHEN {certain} THEN {known}"
        f" WHEN regexp_full_match({authority}, '[A-Za-z0-9.-]*_[A-Za-z0-9._-]*') THEN ''"
        f" ELSE {other} END"
    )


def _parameter(call: Call) -> str:
    url, name = (arg.sql for arg in call.args)
    pairs = f"str_split({_group(url, 4)}, '&')"
    key = "split_part(pair, '=', 1)"
    same = f"list_filter({pairs}, lambda pair : {key} = {name})"
    found = f"list_extract({same}, 1)"
    value = f"url_decode(replace(substr({found}, length({name}) + 2), '+', '%20'))"
    missing = f"{name} IS NULL OR {_opaque(url)}"
    return _of_valid(call, f"CASE WHEN {missing} OR {found} IS NULL THEN NULL ELSE {value} END")


def _encoded(call: Call) -> str:
    """Encode as a form's text: DuckDB differs in the blank, the asterisk and the tilde."""
    text = f"url_encode({call.args[0].sql})"
    return f"replace(replace(replace({text}, '%20', '+'), '%2A', '*'), '~', '%7E')"


URLS: tuple[Line, ...] = (
    *((f"url_extract_{name}(varchar) varchar", _part(name)) for name in _GROUPS),
    ("url_extract_host(varchar) varchar", _host),
    ("url_extract_port(varchar) bigint", _port),
    ("url_extract_parameter(varchar, varchar) varchar", _parameter),
    ("url_encode(varchar) varchar", _encoded),
    ("url_decode(varchar) varchar", "url_decode(replace({0}, '+', '%20'))"),
)


def url_forms() -> dict[str, list[Form]]:
    """Return the forms of all functions of this module, by name."""
    return forms(URLS)
