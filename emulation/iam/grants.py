"""The permissions of roles as single grants, to compare each with what the role did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from emulation.iam.policy import Policy


@dataclass(frozen=True, order=True)
class Grant:
    """One action on one resource, as a statement of a role's policy allows it.

    ``statement`` is its Sid, or its position if it has none. ``action`` and ``resource`` are the
    policy's text, including wildcards. ``policy`` is not compared: the same grant in two policies
    of a role counts once.
    """

    role_arn: str
    statement: str
    action: str
    resource: str
    policy: str = field(compare=False)

    @property
    def role_name(self) -> str:
        """The role's name, without its path."""
        return self.role_arn.rpartition("/")[2]

    def __str__(self) -> str:
        return (
            f"{self.role_name}: {self.statement} allows {self.action} on {self.resource} "
            f"({self.policy})"
        )


def grants(role_arn: str, policies: Iterable[Policy]) -> Iterator[Grant]:
    """Return every grant of a role's policies: each action of a statement on each resource.

    Deny statements give no grants. ``NotAction`` and ``NotResource`` count as one action and one
    resource each.
    """
    for policy in policies:
        for statement in policy.statements:
            if statement.effect == "Allow":
                for action in statement.action_texts:
                    for resource in statement.resource_texts:
                        yield Grant(role_arn, statement.label, action, resource, policy.name)
