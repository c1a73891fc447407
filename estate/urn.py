"""Makes URNs of resources as Pulumi's engine does."""

from __future__ import annotations

from pulumi import get_project, get_stack

STACK_TYPE = "pulumi:pulumi:Stack"
"""The type of the stack itself, the root of all resources."""


def urn_of(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """Return the URN of a resource, as the engine makes it.

    It has the types of all parents except the stack. Pulumi's own mocks keep only the nearest.
    https://www.pulumi.com/docs/iac/concepts/resources/names/#urns

    Parameters
    ----------
    stack, project
        Names.
    parent
        URN of the parent, or an empty text.
    type_
        Pulumi's token, for example ``aws:sqs/queue:Queue``.
    name
        Logical name of the resource.
    """
    parents = parent.split("::")[2] if parent else STACK_TYPE
    chain = type_ if parents == STACK_TYPE else f"{parents}${type_}"
    return f"urn:pulumi:{stack}::{project}::{chain}::{name}"


def make_urn(parent: str, type_: str, name: str) -> str:
    """Return the URN of a resource of the running program. For the parameters, see `urn_of`."""
    return urn_of(get_stack(), get_project(), parent, type_, name)
