"""A Pulumi monitor that records what the program registers, and creates nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from pulumi.runtime.mocks import MockMonitor, Mocks

from estate.errors import ResourceGraphError
from estate.program import run_program
from estate.resources.computed import AsAws
from estate.resources.graph import Graph, Options, Resource, in_order
from estate.urn import STACK_TYPE, make_urn
from infra.stack_config import REPOSITORY, settings_of

# https://github.com/pulumi/pulumi/blob/master/sdk/python/lib/pulumi/runtime/rpc.py
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - tells what is a secret
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Pulumi's marker of an unknown value."""

_OUTPUT_AS_TEXT = "Calling __str__ on an Output[T] is not supported"


class Recorder(MockMonitor):
    """Records each registration completely.

    Parameters
    ----------
    answers
        Gives the outputs of registrations, and answers the lookups.
    """

    def __init__(self, answers: Mocks) -> None:
        super().__init__(answers)
        self._lock = threading.Lock()
        self._repeated: list[str] = []
        self.recorded: dict[str, Resource] = {}

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """Return the URN as the engine makes it."""
        return make_urn(parent, type_, name)

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        """Record a registration."""
        if request.type != STACK_TYPE:
            urn = make_urn(request.parent, request.type, request.name)
            with self._lock:
                if urn in self.recorded:
                    self._repeated.append(urn)
                self.recorded[urn] = _resource(urn, request)
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def problems(self) -> list[str]:
        """Return what the engine or AWS would refuse, one line each."""
        repeated = [f"{urn} is registered twice" for urn in self._repeated]
        return sorted([*repeated, *(line for each in self.recorded.values() for line in _of(each))])


def record(
    stack: str, config: Mapping[str, str], *, program: Path = REPOSITORY / "__main__.py"
) -> Graph:
    """Return the graph of a stack, with the outputs that AWS would compute.

    The program runs as in a preview: an output of AWS without a rule is unknown. So an input that
    needs such an output is noticed.

    Parameters
    ----------
    stack
        Name of the stack.
    config
        Its configuration, from :func:`infra.stack_config.stack_config`.
    program
        File to run.

    Raises
    ------
    infra.settings.SettingsError
        A setting is missing or wrong.
    infra.packages.PackageMissingError
        A function's package has not been built.
    infra.packages.PackageOutOfDateError
        A package was not built from this tree's sources.
    ResourceGraphError
        An input has no value, an input depends on what only AWS knows, or two resources have the
        same URN.
    """
    recorder = Recorder(AsAws(settings_of(stack, config).account_id))
    run_program(stack, config, recorder, preview=True, program=program)
    if found := recorder.problems():
        raise ResourceGraphError(
            "\n  - ".join([f"the graph of stack {stack} cannot be made without AWS", *found])
        )
    return Graph(stack, in_order(recorder.recorded))


def _of(resource: Resource) -> list[str]:
    """Return what is wrong with the values of a resource's inputs, one line each."""
    found = []
    for key, value in resource.inputs.items():
        needs = resource.options.property_dependencies.get(key, ())
        where = f"{resource.type} {resource.name!r}: {key}"
        for leaf in _leaves(value):
            if leaf is None:
                found.append(f"{where} has a null in it")
            elif isinstance(leaf, str) and _OUTPUT_AS_TEXT in leaf:
                found.append(f"{where} has an Output as text: use Output.concat to join Outputs")
            elif leaf == UNKNOWN:
                names = ", ".join(" ".join(urn.split("::")[2:]) for urn in needs)
                found.append(
                    f"{where} needs an output of {names} that has no rule in "
                    "estate/resources/computed.py"
                )
    return found


def _leaves(value: Any) -> Iterable[Any]:
    match value:
        case dict():
            for item in value.values():
                yield from _leaves(item)
        case list():
            for item in value:
                yield from _leaves(item)
        case _:
            yield value


def _resource(urn: str, request: Any) -> Resource:
    return Resource(
        urn=urn,
        type=request.type,
        name=request.name,
        custom=request.custom,
        inputs=_plain(MessageToDict(request.object)),
        options=Options(
            parent=request.parent,
            provider=request.provider,
            depends_on=tuple(sorted(request.dependencies)),
            property_dependencies={
                key: tuple(sorted(each.urns))
                for key, each in sorted(request.propertyDependencies.items())
                if each.urns
            },
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            delete_before_replace=request.deleteBeforeReplace,
            replace_on_changes=tuple(request.replaceOnChanges),
            ignore_changes=tuple(request.ignoreChanges),
            aliases=tuple(
                alias.urn or json.dumps(MessageToDict(alias.spec), sort_keys=True)
                for alias in request.aliases
            ),
        ),
    )


def _plain(value: Any) -> Any:
    """Return a value of Pulumi's protocol in a readable form.

    Whole numbers are int (the protocol has only double). Keys are sorted, with a name first (the
    protocol has no order). Assets and archives have no signature, and secrets are not shown.
    """
    match value:
        case dict() if value.get(_SIGNATURE) == _SECRET:
            return "[secret]"
        case dict():
            keys = sorted(value.keys() - {_SIGNATURE}, key=lambda key: (key != "name", key))
            return {key: _plain(value[key]) for key in keys}
        case list():
            return [_plain(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value
