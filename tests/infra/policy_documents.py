"""Every policy document that a stack's program registers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.infra.recorded import Recording

# The fields of the program's policies, and whether each is a trust policy.
_FIELDS = {
    ("aws:iam/role:Role", "assumeRolePolicy"): True,
    ("aws:iam/rolePolicy:RolePolicy", "policy"): False,
    ("aws:iam/policy:Policy", "policy"): False,
}


@dataclass(frozen=True)
class PolicyDocument:
    """One document: the logical name of its resource, whether it is a trust policy, its text."""

    name: str
    trust: bool
    document: Mapping[str, Any]

    @property
    def label(self) -> str:
        return f"trust of {self.name}" if self.trust else self.name

    @property
    def statements(self) -> list[dict[str, Any]]:
        return list(self.document["Statement"])

    @property
    def actions(self) -> set[str]:
        return {name for each in self.statements for name in texts(each.get("Action", ()))}

    @property
    def services(self) -> set[str]:
        return {name.partition(":")[0] for name in self.actions}


def texts(value: str | Sequence[str]) -> list[str]:
    """Return an element of a policy, one text or a list of texts, as a list."""
    return [value] if isinstance(value, str) else list(value)


def policy_documents(recording: Recording) -> list[PolicyDocument]:
    """Return every document. Fail on a document in a field that is not known to have policies."""
    found = []
    for resource in recording.owned:
        for field, value in resource.inputs.items():
            for document in _documents(value):
                trust = _FIELDS.get((resource.type, field))
                assert trust is not None, f"{resource.type} {resource.name} has a policy in {field}"
                found.append(PolicyDocument(resource.name, trust, document))
    return found


def _documents(value: Any) -> Iterator[Mapping[str, Any]]:
    """Find policy documents anywhere in a value: as JSON text, in lists and objects."""
    match value:
        case str() if value.startswith("{") and '"Statement"' in value:
            yield json.loads(value)
        case list():
            for item in value:
                yield from _documents(item)
        case dict() if "Statement" in value:
            yield value
        case dict():
            for item in value.values():
                yield from _documents(item)
