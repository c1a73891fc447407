"""A stack's program as ``dmd resources`` records it, with look-ups for tests."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from pulumi.runtime.mocks import MockResourceArgs

from estate.program import run_program
from estate.resources.computed import AsAws
from estate.resources.graph import Graph, Resource, in_order
from estate.resources.recorder import Recorder
from infra.naming import ENVIRONMENTS
from infra.stack_config import REPOSITORY, stack_config

ACCOUNTS = {
    "dev1": "111122223333",
    "qa1": "111122223333",
    "preprod1": "444455556666",
    "prod1": "444455556666",
}


class Recorded(Resource):
    """One registration."""

    @property
    def physical_name(self) -> str:
        name = super().physical_name
        assert name is not None, f"{self.urn} has no name of its own"
        return name

    @property
    def provider(self) -> str:
        return self.options.provider

    @property
    def protect(self) -> bool:
        return self.options.protect

    @property
    def delete_before_replace(self) -> bool:
        return self.options.delete_before_replace

    @property
    def replace_on_changes(self) -> tuple[str, ...]:
        return self.options.replace_on_changes

    def policy(self, key: str = "policy") -> list[dict[str, Any]]:
        return list(json.loads(self.inputs[key])["Statement"])


# What the four stacks do not have: delivery streams of the other kind, or of both kinds.
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "dev1-switching": {"delivery": "shared", "delivery_border": "2026-12-01T12:00Z"},
    "dev1-shared": {"delivery": "shared"},
}

RECORDED = (*ENVIRONMENTS, *VARIANTS)
"""What `record_named` records."""


@dataclass
class Recording:
    """All registrations of one run, in their order."""

    account_id: str
    resources: list[Recorded] = field(default_factory=list)

    def of(self, token: str) -> list[Recorded]:
        return [each for each in self.resources if each.type == token]

    def one(self, token: str, name: str) -> Recorded:
        (found,) = (each for each in self.of(token) if each.name == name)
        return found

    @property
    def owned(self) -> list[Recorded]:
        return [each for each in self.resources if each.type.startswith("aws:")]

    def graph(self, stack: str) -> Graph:
        return Graph(stack, in_order({each.urn: Resource(**vars(each)) for each in self.resources}))


class Previewed(AsAws):
    """Nothing is computed: IDs, ARNs and URLs are unknown."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return "", args.inputs


def record_named(name: str, packages: Path, **options: bool) -> Recording:
    """Return the shared recording of one of the four stacks, or of one of ``VARIANTS``."""
    return shared(stack_of(name), packages, **options, **VARIANTS.get(name, {}))


def stack_of(name: str) -> str:
    return name.partition("-")[0]


@cache
def shared(stack: str, packages: Path, **settings: Any) -> Recording:
    """Record as ``record``, but once for all tests: they must not change what they get."""
    return record(stack, packages, **settings)


def record(
    stack: str,
    packages: Path,
    *,
    preview: bool = False,
    account: type[AsAws] = AsAws,
    into: Recording | None = None,
    deployed: Mapping[str, str] | None = None,
    program: Path = REPOSITORY / "__main__.py",
    **overrides: str,
) -> Recording:
    """Run the program of ``stack``; return what it registered.

    In a preview nothing is computed: IDs, ARNs and URLs are unknown. Otherwise it is an error if an
    input needs an output without a rule in ``estate/resources/computed.py``. It is always an error
    if an output becomes text before its value is there. ``account`` answers lookups. ``deployed``
    are the stack's outputs so far, by default those of the same settings.
    """
    recording = into or Recording(ACCOUNTS[stack])
    settings = {"package_directory": str(packages), **overrides}
    recorder = Recorder((Previewed if preview else account)(recording.account_id))
    try:
        with mock.patch.dict(os.environ, PULUMI_ERROR_OUTPUT_STRING="true"):
            run_program(
                stack,
                stack_config(stack, settings),
                recorder,
                preview=True,
                deployed=deployed,
                program=program,
            )
    finally:
        recording.resources = [Recorded(**vars(each)) for each in recorder.recorded.values()]
    if not preview:
        assert recorder.problems() == []
    return recording
