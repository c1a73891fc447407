"""A Pulumi monitor that creates each resource at an endpoint while the program registers it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.rpc import deserialize_properties

from estate.errors import NameTakenError, ProvisionError, UnsupportedResourceError
from estate.provision import (
    athena,
    cloudwatch,
    firehose,
    glue,
    iam,
    lambda_,
    logs,
    scheduler,
    sqs,
    stepfunctions,
)
from estate.provision.lookups import LOOKUPS
from estate.provision.resource import Clients, Kind, Registration
from estate.urn import STACK_TYPE, make_urn

KINDS: Mapping[str, Kind] = {
    **athena.KINDS,
    **cloudwatch.KINDS,
    **firehose.KINDS,
    **glue.KINDS,
    **iam.KINDS,
    **lambda_.KINDS,
    **logs.KINDS,
    **scheduler.KINDS,
    **sqs.KINDS,
    **stepfunctions.KINDS,
}
"""How to create each supported resource type, by Pulumi's token."""

_PROVIDER = "pulumi:providers:aws"


@dataclass(frozen=True)
class ProvisionedResource:
    """A resource that exists at the endpoint.

    Parameters
    ----------
    urn
        Pulumi's URN.
    type
        Pulumi's token, for example ``aws:sqs/queue:Queue``.
    name
        Logical name.
    physical_id
        ID that the provider would give it: a name, ARN or URL.
    arn
        ARN, or None if it has none.
    """

    urn: str
    type: str
    name: str
    physical_id: str
    arn: str | None


class ResourceMaker(Mocks):
    """Creates what the program registers, and answers its lookups, with boto3.

    Parameters
    ----------
    clients
        The endpoint's clients.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._default_tags: dict[str, dict[str, str]] = {}
        self._made: dict[tuple[str, ...], Registration] = {}
        self._lock = threading.Lock()

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """Create a resource; return its physical ID and all its outputs.

        Raises
        ------
        UnsupportedResourceError
            No creator knows the type.
        NameTakenError
            The program has registered another resource of the same type and name.
        ProvisionError
            The endpoint refuses the resource.
        """
        if not args.custom:
            return "", {}
        if args.typ == _PROVIDER:
            # The provider takes its structured settings as JSON.
            self._default_tags[args.name] = json.loads(args.inputs["defaultTags"])["tags"]
            return args.name, args.inputs
        kind = KINDS.get(args.typ)
        if kind is None:
            raise UnsupportedResourceError(
                f"{args.typ} {args.name!r} cannot be created at the endpoint: "
                "estate/provision has no creator for this type"
            )
        inputs = {key: _whole(value) for key, value in args.inputs.items() if value is not None}
        tags = self._tags(args) | inputs.pop("tags", {})
        registration = Registration(args.typ, args.name, inputs, tags)
        self._take_name(kind, registration)
        try:
            created = kind.create(self._clients, registration)
        except ClientError as error:
            raise ProvisionError(
                f"{registration.described} cannot be created at {self._clients.endpoint.url}: "
                + " ".join(str(error).split())
            ) from error
        return created.id, {**inputs, "tagsAll": tags, **created.outputs}

    def _take_name(self, kind: Kind, resource: Registration) -> None:
        """Refuse a registration that would overwrite another resource of the same run."""
        if not kind.identity:
            return
        with self._lock:
            other = self._made.setdefault((resource.type, *kind.identity_of(resource)), resource)
        if other is not resource:
            shared = ", ".join(f"{key} {resource.inputs.get(key)}" for key in kind.identity)
            answer = f"AWS answers {kind.taken[0]}" if kind.taken else "AWS replaces the first"
            raise NameTakenError(
                f"{resource.described} and {other.name!r} are the same in AWS ({shared}): "
                f"{answer}. Give one of them another name"
            )

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """Answer a lookup.

        Raises
        ------
        UnsupportedResourceError
            The function is not supported.
        """
        lookup = LOOKUPS.get(args.token)
        if lookup is None:
            raise UnsupportedResourceError(
                f"the lookup {args.token} cannot be answered from the endpoint: "
                "add it to estate/provision/lookups.py"
            )
        return lookup(self._clients, args.args), []

    def _tags(self, args: MockResourceArgs) -> dict[str, str]:
        # "<URN>::<ID>". An empty text means a default provider, which has no default tags.
        provider = (args.provider or "").rpartition("::")[2]
        return dict(self._default_tags.get(provider, {}))


def _whole(value: Any) -> Any:
    """Return a value with whole numbers as int: protobuf's Struct has only double."""
    match value:
        case dict():
            return {key: _whole(item) for key, item in value.items()}
        case list():
            return [_whole(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


class ProvisioningMonitor(MockMonitor):
    """Takes the program's registrations, and keeps the resources made from them.

    Parameters
    ----------
    maker
        Creates the resources.
    progress
        Called with each resource when it exists, from several threads.
    """

    def __init__(
        self, maker: Mocks, progress: Callable[[ProvisionedResource], None] | None = None
    ) -> None:
        super().__init__(maker)
        self._progress = progress
        self.provisioned: list[ProvisionedResource] = []
        self.outputs: dict[str, Any] = {}

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """Return the URN as the engine makes it."""
        return make_urn(parent, type_, name)

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        """Create a resource of the program."""
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.custom and request.type != _PROVIDER:
            made = self.resources[response.urn]
            resource = ProvisionedResource(
                urn=made.urn,
                type=request.type,
                name=request.name,
                physical_id=made.id,
                arn=made.state.get("arn"),
            )
            self.provisioned.append(resource)
            if self._progress:
                self._progress(resource)
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        """Keep the outputs of the stack."""
        if request.urn.split("::")[2] == STACK_TYPE:
            self.outputs = deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]
