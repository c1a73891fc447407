"""A creator's argument and result; converts Pulumi's inputs to an API's parameters."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from botocore.exceptions import ClientError

from emulation.endpoint import Endpoint
from estate.errors import UnsupportedResourceError

Answer = TypeVar("Answer")

Shape: TypeAlias = Mapping[str, "str | tuple[str, Shape]"]
"""The API's name of each of Pulumi's inputs, with a shape of its own if the input is nested."""


@dataclass(frozen=True)
class Registration:
    """A resource that the program registers.

    Parameters
    ----------
    type
        Pulumi's token, for example ``aws:sqs/queue:Queue``.
    name
        Logical name.
    inputs
        Inputs under their wire names, without tags.
    tags
        All tags: the provider's default tags and the resource's own.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    tags: Mapping[str, str]

    @property
    def described(self) -> str:
        """The resource's name in messages."""
        return f"{self.type} {self.name!r}"

    def parameters(self, shape: Shape) -> dict[str, Any]:
        """Return the inputs as an API's parameters.

        Raises
        ------
        UnsupportedResourceError
            ``shape`` does not have an input. No input is left out silently.
        """
        return _renamed(self.inputs, shape, self.described)

    def tag_list(self, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
        """Return the tags as the list that most APIs take."""
        return [{key: name, value: text} for name, text in self.tags.items()]


@dataclass(frozen=True)
class Created:
    """A resource that exists: its physical ID and the outputs that are not inputs."""

    id: str
    outputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Clients:
    """The endpoint's clients, shared by the threads that create resources."""

    endpoint: Endpoint
    _answers: dict[str, Any] = field(default_factory=dict)
    _asking: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, service: str) -> Any:
        """Return the boto3 client of ``service``."""
        return self.endpoint.client(service)

    def once(self, question: str, ask: Callable[[], Answer]) -> Answer:
        """Return what ``ask`` has returned for this question the first time.

        Use it for what the stack's own resources do not change.
        """
        with self._asking:
            if question not in self._answers:
                self._answers[question] = ask()
            answer: Answer = self._answers[question]
            return answer

    @functools.cached_property
    def account_id(self) -> str:
        """The account of the endpoint's credentials."""
        return str(self("sts").get_caller_identity()["Account"])


Creator: TypeAlias = Callable[[Clients, Registration], Created]


@dataclass(frozen=True)
class Kind:
    """A kind of resource that can be created.

    Parameters
    ----------
    create
        Creates a resource, or updates the existing one to the inputs.
    identity
        Inputs that together identify a resource. Empty if AWS allows several of the same name.
    taken
        Error codes with which AWS refuses a second one. Empty if AWS replaces the first instead.
    folds_case
        Whether names that differ only in case are the same.
    """

    create: Creator
    identity: tuple[str, ...]
    taken: tuple[str, ...] = ()
    folds_case: bool = False

    def identity_of(self, resource: Registration) -> tuple[str, ...]:
        """Return the values that identify the resource among those of its kind."""
        found = tuple(str(resource.inputs.get(name)) for name in self.identity)
        return tuple(name.lower() for name in found) if self.folds_case else found


def create_unless(
    taken: Collection[str], create: Callable[[], Any], existing: Callable[[], Any]
) -> Any:
    """Return the result of ``create`` or, if the name is taken, of ``existing``.

    Parameters
    ----------
    taken
        Error codes with which the API reports that such a resource already exists.
    create, existing
        Calls of the API.
    """
    try:
        return create()
    except ClientError as error:
        if error.response["Error"]["Code"] not in taken:
            raise
    return existing()


def _renamed(values: Mapping[str, Any], shape: Shape, where: str) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for key, value in values.items():
        target = shape.get(key)
        match target:
            case None:
                raise UnsupportedResourceError(
                    f"{where} has the input {key!r}, which would not reach the local endpoint: "
                    "add it to the resource's creator in estate/provision"
                )
            case str():
                parameters[target] = value
            case (name, nested) if isinstance(value, list):
                parameters[name] = [_renamed(item, nested, f"{where}.{key}") for item in value]
            case (name, nested):
                parameters[name] = _renamed(value, nested, f"{where}.{key}")
    return parameters
