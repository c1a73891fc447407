"""IAM policy documents, parsed strictly: an unknown element is an error and is never ignored.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from emulation.iam.conditions import Condition
from emulation.iam.context import Context
from emulation.iam.errors import MalformedPolicy, PolicyError, UnknownPolicyElement
from emulation.iam.patterns import has_wild_type, matches

_VERSIONS = ("2012-10-17", "2008-10-17")
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_RESOURCE = re.compile(r"\*|arn:[^:]+:[^:]+:[^:]*:[^:]*:.+", re.DOTALL)
_PRINCIPAL_KINDS = ("AWS", "Service", "Federated", "CanonicalUser")
_STATEMENT_ELEMENTS = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal"}
)


@dataclass(frozen=True)
class PrincipalPattern:
    """One principal that a trust policy names: its kind (``AWS``, ``Service``, …) and its id."""

    kind: str
    identifier: str


@dataclass(frozen=True)
class Statement:
    """One statement of a policy.

    ``excludes_actions`` and ``excludes_resources`` are true if the list is that of NotAction or
    NotResource. ``principals`` is empty except in a trust policy.
    """

    label: str
    effect: Literal["Allow", "Deny"]
    actions: tuple[str, ...]
    excludes_actions: bool
    resources: tuple[str, ...]
    excludes_resources: bool
    conditions: tuple[Condition, ...]
    principals: tuple[PrincipalPattern, ...]
    variables: bool

    @property
    def action_texts(self) -> tuple[str, ...]:
        """The actions as written; those of NotAction as one text."""
        return _texts_of(self.actions, self.excludes_actions)

    @property
    def resource_texts(self) -> tuple[str, ...]:
        """The resources as written; those of NotResource as one text."""
        return _texts_of(self.resources, self.excludes_resources)

    def action_text(self, action: str, context: Context) -> str | None:
        """Return the statement's text that matches ``action`` (``kinesis:GetRecords``), or None."""
        found = (
            pattern
            for pattern in self.actions
            if matches(pattern, action, context, variables=False, ignore_case=True)
        )
        return _matched(next(found, None), self.action_texts, self.excludes_actions)

    def resource_text(self, resource: str, context: Context) -> str | None:
        """Return the statement's text that matches ``resource`` (an ARN or ``*``), or None."""
        found = (
            pattern
            for pattern in self.resources
            if matches(pattern, resource, context, variables=self.variables)
        )
        return _matched(next(found, None), self.resource_texts, self.excludes_resources)

    def conditions_hold(self, context: Context) -> bool:
        """Return whether every condition holds; raises as :meth:`Condition.holds`."""
        return all(
            condition.holds(context, variables=self.variables) for condition in self.conditions
        )


def _texts_of(patterns: tuple[str, ...], excludes: bool) -> tuple[str, ...]:
    return (f"all but {', '.join(patterns)}",) if excludes else patterns


def _matched(found: str | None, texts: tuple[str, ...], excludes: bool) -> str | None:
    if excludes:
        return None if found is not None else texts[0]
    return found


@dataclass(frozen=True)
class Policy:
    """A policy, and its name in messages."""

    name: str
    statements: tuple[Statement, ...]


def parse_policy(document: str | Mapping[str, Any], *, name: str, trust: bool = False) -> Policy:
    """Read a policy document.

    Parameters
    ----------
    document
        The JSON text, or the object in it.
    name
        The policy's name in messages: ``inline policy read of role writer``.
    trust
        Whether it is a role's trust policy, which has principals and no resources.

    Raises
    ------
    MalformedPolicy
        IAM would not accept the document.
    UnknownPolicyElement, UnknownConditionOperator
        The document has something that the evaluator does not implement.
    """
    try:
        if isinstance(document, str):
            document = json.loads(document)
        return Policy(name, _statements(document, trust))
    except json.JSONDecodeError as error:
        raise MalformedPolicy(f"{name}: not JSON: {error}") from error
    except PolicyError as error:
        raise type(error)(f"{name}: {error}") from error


def _statements(document: Any, trust: bool) -> tuple[Statement, ...]:
    if not isinstance(document, Mapping):
        raise MalformedPolicy("a policy must be a JSON object")
    unknown = set(document) - {"Version", "Id", "Statement"}
    if unknown:
        raise UnknownPolicyElement(f"unknown policy element {', '.join(sorted(unknown))}")
    version = document.get("Version", "2008-10-17")
    if version not in _VERSIONS:
        raise MalformedPolicy(f"Version {version!r} must be one of {', '.join(_VERSIONS)}")
    written = document.get("Statement")
    statements = [written] if isinstance(written, Mapping) else written
    if not isinstance(statements, list) or not statements:
        raise MalformedPolicy("Statement must be an object or a list of objects")
    return tuple(
        _statement(statement, f"statement {index}", trust, variables=version == "2012-10-17")
        for index, statement in enumerate(statements, start=1)
    )


def _statement(written: Any, position: str, trust: bool, *, variables: bool) -> Statement:
    if not isinstance(written, Mapping):
        raise MalformedPolicy(f"{position} is not an object")
    label = str(written.get("Sid") or position)
    try:
        unknown = set(written) - _STATEMENT_ELEMENTS
        if unknown:
            raise UnknownPolicyElement(f"unknown element {', '.join(sorted(unknown))}")
        effect = written.get("Effect")
        if effect not in ("Allow", "Deny"):
            raise MalformedPolicy(f"Effect {effect!r} must be Allow or Deny")
        actions, excludes_actions = _either(written, "Action", "NotAction", _ACTION)
        if trust:
            if "Resource" in written or "NotResource" in written:
                raise MalformedPolicy("a trust policy must not have a Resource")
            resources: tuple[str, ...] = ("*",)
            excludes_resources = False
        else:
            if "Principal" in written:
                raise MalformedPolicy("an identity policy must not have a Principal")
            resources, excludes_resources = _either(written, "Resource", "NotResource", _RESOURCE)
            for each in filter(has_wild_type, resources):
                raise MalformedPolicy(f"Resource {each!r} has a wildcard in its resource type")
        return Statement(
            label,
            effect,
            actions,
            excludes_actions,
            resources,
            excludes_resources,
            _conditions(written.get("Condition", {})),
            _principals(written.get("Principal")) if trust else (),
            variables,
        )
    except PolicyError as error:
        raise type(error)(f"{label}: {error}") from error


def _either(
    written: Mapping[str, Any], element: str, negation: str, form: re.Pattern[str]
) -> tuple[tuple[str, ...], bool]:
    if (element in written) == (negation in written):
        raise MalformedPolicy(f"a statement must have exactly one of {element} and {negation}")
    name = element if element in written else negation
    values = _texts(written[name], name)
    for value in values:
        if not form.fullmatch(value):
            raise MalformedPolicy(f"{name} {value!r} does not have a form that IAM accepts")
    return values, name == negation


def _texts(value: Any, where: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(item, str) for item in values):
        raise MalformedPolicy(f"{where} must be a string or a list of strings")
    return tuple(values)


def _conditions(written: Any) -> tuple[Condition, ...]:
    if not isinstance(written, Mapping):
        raise MalformedPolicy("Condition must be an object")
    conditions: list[Condition] = []
    for operator, keys in written.items():
        if not isinstance(keys, Mapping):
            raise MalformedPolicy(f"Condition {operator} must be an object")
        for key, wanted in keys.items():
            values = wanted if isinstance(wanted, list) else [wanted]
            if not all(isinstance(value, str | bool | int | float) for value in values):
                raise MalformedPolicy(f"Condition {operator} of {key} must have strings as values")
            conditions.append(Condition(operator, key, tuple(_text(value) for value in values)))
    return tuple(conditions)


def _text(value: str | bool | int | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _principals(written: Any) -> tuple[PrincipalPattern, ...]:
    if written == "*":
        return (PrincipalPattern("AWS", "*"),)
    if not isinstance(written, Mapping) or not written:
        raise MalformedPolicy("a statement of a trust policy must have a Principal")
    unknown = set(written) - set(_PRINCIPAL_KINDS)
    if unknown:
        raise UnknownPolicyElement(f"unknown kind of principal {', '.join(sorted(unknown))}")
    return tuple(
        PrincipalPattern(kind, identifier)
        for kind, identifiers in written.items()
        for identifier in _texts(identifiers, f"Principal {kind}")
    )
