"""Names of resources as Pulumi's engine makes them."""

from __future__ import annotations

from pulumi import get_project, get_stack

STACK_TYPE = "pulumi:pulumi:Stack"
"""The token of the stack itself, which every resource hangs below."""


def urn_of(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """Return the URN of a resource, as the engine makes it.

    It has the types of all parents but the stack; Pulumi's own mocks keep the nearest alone.
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
        Logical name.
    """
    parents = parent.split("::")[2] if parent else STACK_TYPE
    chain = type_ if parents == STACK_TYPE else f"{parents}${type_}"
    return f"urn:pulumi:{stack}::{project}::{chain}::{name}"


def make_urn(parent: str, type_: str, name: str) -> str:
    """Return the URN of a resource of the running program; the parameters are `urn_of`'s."""
    return urn_of(get_stack(), get_project(), parent, type_, name)
