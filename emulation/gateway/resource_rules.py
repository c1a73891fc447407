"""Rules that find the resources of a call in its parameters; ``resources`` combines them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from emulation.gateway.api_call import ApiCall
from emulation.gateway.issued_tokens import IssuedTokens

_FIELD = re.compile(r"\{(?P<path>[\w.]+)(?:\|(?P<default>[^}]*))?\}")


@dataclass(frozen=True)
class Place:
    """The account that a call is made in, and what the gateway knows of it.

    Parameters
    ----------
    account
        Its 12-digit ID.
    tokens
        The tokens that were issued there.
    keys
        The ARN of the customer-managed KMS key of each bucket, stream or table that has one, by
        its own ARN.
    boundaries
        The ARN of the permissions boundary of each role that has one, by the role's ARN.
    """

    account: str
    tokens: IssuedTokens
    keys: Mapping[str, str] = field(default_factory=dict)
    boundaries: Mapping[str, str] = field(default_factory=dict)


# Returns the ARNs of a call's resources; none if the parameters do not name any.
Rule = Callable[[ApiCall, Place], tuple[str, ...]]


def arn(template: str) -> Rule:
    """Return a rule that fills in a template.

    Fields are ``{region}``, ``{account}``, a parameter (``{TableName}``), one inside another
    (``{Target.Arn}``), or one with a default (``{WorkGroup|primary}``). A parameter that is
    missing and has no default makes the rule name nothing.
    """

    def rule(call: ApiCall, place: Place) -> tuple[str, ...]:
        text = filled(template, call.parameters, call, place)
        return () if text is None else (text,)

    return rule


def listed(parameter: str, template: str) -> Rule:
    """Return a rule for a parameter that lists names: ``{item}`` in the template is one of them."""

    def rule(call: ApiCall, place: Place) -> tuple[str, ...]:
        items = call.parameters.get(parameter) or ()
        found = (filled(template, {"item": item}, call, place) for item in items)
        return tuple(text for text in found if text is not None)

    return rule


def first(*rules: Rule) -> Rule:
    """Return a rule that is the first of ``rules`` to name anything."""

    def rule(call: ApiCall, place: Place) -> tuple[str, ...]:
        return next((found for each in rules if (found := each(call, place))), ())

    return rule


def every(*rules: Rule) -> Rule:
    """Return a rule that names what all of ``rules`` name; nothing if one names nothing."""

    def rule(call: ApiCall, place: Place) -> tuple[str, ...]:
        found = [each(call, place) for each in rules]
        return tuple(name for names in found for name in names) if all(found) else ()

    return rule


def issued(parameter: str) -> Rule:
    """Return a rule for a parameter that has a token issued earlier (a shard iterator)."""

    def rule(call: ApiCall, place: Place) -> tuple[str, ...]:
        token = call.parameters.get(parameter)
        resource = place.tokens.resource_of(call.service, token) if token else None
        return (resource,) if resource else ()

    return rule


def table(name: Any, call: ApiCall, place: Place) -> str:
    """Return the ARN of a DynamoDB table that a call names by name or by ARN."""
    if str(name).startswith("arn:"):
        return str(name)
    return f"arn:aws:dynamodb:{call.region}:{place.account}:table/{name}"


def tables(names: Callable[[Mapping[str, Any]], Iterable[Any]]) -> Rule:
    """Return a rule for calls on several DynamoDB tables."""

    def rule(call: ApiCall, place: Place) -> tuple[str, ...]:
        found = dict.fromkeys(table(name, call, place) for name in names(call.parameters) if name)
        return tuple(found)

    return rule


def table_index(call: ApiCall, place: Place) -> tuple[str, ...]:
    """Name the index that a query or scan reads, or the table if it reads none."""
    name, index = call.parameters.get("TableName"), call.parameters.get("IndexName")
    if not name:
        return ()
    of_table = table(name, call, place)
    return (f"{of_table}/index/{index}" if index else of_table,)


def function(call: ApiCall, place: Place) -> tuple[str, ...]:
    """Name a Lambda function, with the version or alias if the call names one.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
    """
    written = call.parameters.get("FunctionName")
    if not written:
        return ()
    name, qualifier = function_name(str(written))
    qualifier = call.parameters.get("Qualifier") or qualifier
    found = f"arn:aws:lambda:{call.region}:{place.account}:function:{name}"
    return (f"{found}:{qualifier}" if qualifier else found,)


def function_name(written: str) -> tuple[str, str | None]:
    """Split a name, partial ARN or ARN of a function into its name and qualifier."""
    parts = written.split(":")
    if "function" in parts[:-1]:
        parts = parts[parts.index("function") + 1 :]
    return parts[0], parts[1] if len(parts) > 1 else None


def queue(call: ApiCall, place: Place) -> tuple[str, ...]:
    """Name an SQS queue by its URL, ``…/<account>/<name>``."""
    path = urlsplit(str(call.parameters.get("QueueUrl", ""))).path.strip("/").split("/")
    if len(path) < len(("account", "name")):
        return ()
    return (f"arn:aws:sqs:{call.region}:{path[-2]}:{path[-1]}",)


def key(call: ApiCall, place: Place) -> tuple[str, ...]:
    """Name a KMS key by its ID or ARN; an alias does not name the key."""
    written = str(call.parameters.get("KeyId") or "")
    if not written or "alias/" in written:
        return ()
    if written.startswith("arn:"):
        return (written,)
    return (f"arn:aws:kms:{call.region}:{place.account}:key/{written}",)


def filled(template: str, parameters: Mapping[str, Any], call: ApiCall, place: Place) -> str | None:
    """Return a template with its fields filled in (see :func:`arn`), or None if one is missing."""
    scope = {"region": call.region, "account": place.account}
    parts: list[str] = []
    position = 0
    for found in _FIELD.finditer(template):
        value: Any = {**parameters, **scope}
        for step in found["path"].split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        value = found["default"] if value in (None, "") else value
        if not isinstance(value, str):
            return None
        parts += (template[position : found.start()], value)
        position = found.end()
    return "".join((*parts, template[position:]))
