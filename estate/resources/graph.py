"""The resources that a stack's program registers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from estate.urn import STACK_TYPE


@dataclass(frozen=True, kw_only=True)
class Options:
    """How the engine treats a resource.

    Parameters
    ----------
    parent, provider
        URN of the parent, and ``<URN>::<ID>`` of the provider.
    depends_on
        URNs of the resources that must exist first: named by the program or used in inputs.
    property_dependencies
        URNs that each input refers to, by input.
    protect, retain_on_delete, delete_before_replace
        How the engine deletes and replaces the resource.
    replace_on_changes, ignore_changes
        Paths of inputs.
    aliases
        Earlier names: URNs, or Pulumi's JSON of the difference from the present name.
    """

    parent: str
    provider: str = ""
    depends_on: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]]
    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool = False
    replace_on_changes: tuple[str, ...] = ()
    ignore_changes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One registration.

    Parameters
    ----------
    urn
        Pulumi's URN.
    type
        Pulumi's token, for example ``aws:sqs/queue:Queue``.
    name
        Logical name.
    custom
        Whether a provider manages it. A component has no provider.
    inputs
        Inputs under their wire names. An archive is ``{"path": ...}``, a secret ``[secret]``.
    options
        The resource's options.
    """

    urn: str
    type: str
    name: str
    custom: bool
    inputs: Mapping[str, Any]
    options: Options

    @property
    def kind(self) -> str:
        """The last part of the type, for example ``Queue``."""
        return self.type.rpartition(":")[2]

    @property
    def described(self) -> str:
        """The resource's name in messages: kind and logical name."""
        return f"{self.kind} {self.name}"

    @property
    def physical_name(self) -> str | None:
        """The name in AWS, or None if it has none (an attachment, a component)."""
        own = f"{self.kind[:1].lower()}{self.kind[1:]}Name"
        found = self.inputs.get("name", self.inputs.get(own)) if self.custom else None
        return found if isinstance(found, str) else None


@dataclass(frozen=True)
class Graph:
    """All resources of a stack, without the stack itself, in the order of the tree.

    Parameters
    ----------
    stack
        Name of the stack.
    resources
        Each parent before its children, siblings by type and name.
    """

    stack: str
    resources: tuple[Resource, ...]

    def path(self, resource: Resource) -> tuple[Resource, ...]:
        """Return the components between the stack and ``resource``, outermost first."""
        by_urn = {each.urn: each for each in self.resources}
        above: list[Resource] = []
        while (parent := by_urn.get(resource.options.parent)) is not None:
            above.append(parent)
            resource = parent
        return tuple(reversed(above))


def in_order(resources: Mapping[str, Resource]) -> tuple[Resource, ...]:
    """Return resources, by URN, in the order of a :class:`Graph`."""

    def place(resource: Resource) -> tuple[tuple[str, str], ...]:
        parent = resource.options.parent
        above = () if parent.split("::")[2] == STACK_TYPE else place(resources[parent])
        return (*above, (resource.type, resource.name))

    return tuple(sorted(resources.values(), key=place))
