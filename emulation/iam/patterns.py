"""Matching policy text with a request's values: wildcards ``*`` and ``?``, policy variables.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from functools import lru_cache

from emulation.iam.context import Context

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_DEFAULT = re.compile(r"^(?P<key>[^,]+?)\s*(?:,\s*'(?P<default>[^']*)')?$")
# In a policy, ${*}, ${?} and ${$} stand for the characters themselves.
_LITERALS = frozenset("*?$")

_PARTS_OF_AN_ARN = 6
# The ARNs of these services have a name where others have a type.
_WITHOUT_TYPES = frozenset({"codecommit", "codepipeline", "execute-api", "s3", "sns", "sqs"})


def matches(
    pattern: str,
    value: str,
    context: Context,
    *,
    variables: bool,
    ignore_case: bool = False,
) -> bool:
    """Return whether the whole of ``value`` matches ``pattern``.

    Parameters
    ----------
    pattern
        Policy text, where ``*`` stands for any characters (colons and slashes too) and ``?`` for
        one.
    value
        The request's value; no character in it is special.
    context
        Where policy variables are looked up. A variable without a value matches nothing.
    variables
        Whether ``${…}`` is a variable; it is not in policies older than version 2012-10-17.
    """
    if not (variables and "${" in pattern):
        return _compiled(pattern, ignore_case).fullmatch(value) is not None
    source: list[str] = []
    position = 0
    for found in _VARIABLE.finditer(pattern):
        text = _value(found.group(1), context)
        if text is None:
            return False
        source += (_wildcards(pattern[position : found.start()]), re.escape(text))
        position = found.end()
    source.append(_wildcards(pattern[position:]))
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return re.fullmatch("".join(source), value, flags) is not None


def resolved(text: str, context: Context, *, variables: bool) -> str | None:
    """Return ``text`` with its policy variables replaced, or None if one has no value."""
    if not (variables and "${" in text):
        return text
    parts: list[str] = []
    position = 0
    for found in _VARIABLE.finditer(text):
        value = _value(found.group(1), context)
        if value is None:
            return None
        parts += (text[position : found.start()], value)
        position = found.end()
    return "".join((*parts, text[position:]))


def has_wild_type(resource: str) -> bool:
    """Return whether an ARN of a policy has a wildcard in its resource type, as in ``role*/a``.

    IAM does not allow it. ``*`` alone stands for all resources of a service.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html#arns-paths
    """
    parts = resource.split(":", 5)
    if len(parts) < _PARTS_OF_AN_ARN or parts[2] in _WITHOUT_TYPES:
        return False
    kind = re.split("[/:]", parts[5], maxsplit=1)[0]
    return kind != "*" and any(character in kind for character in "*?")


def _value(variable: str, context: Context) -> str | None:
    if variable in _LITERALS:
        return variable
    found = _DEFAULT.match(variable.strip())
    if found is None:
        return None
    values = context.values(found["key"])
    # IAM allows only keys with a single value as policy variables.
    if values is None or len(values) != 1:
        return found["default"]
    return values[0]


def _wildcards(text: str) -> str:
    return re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")


@lru_cache(maxsize=4096)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return re.compile(_wildcards(pattern), flags)
