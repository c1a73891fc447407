"""The runtime clients with which tests run functions: the project's own, and AWS's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from emulation.functions import OWN_CLIENT

_AWS_CLIENT = "awslambdaric"
# AWS's client has no wheels for macOS.
_AWS_CLIENT_RUNS = sys.platform == "linux"

RUNTIME_CLIENTS = [
    "own",
    pytest.param(
        "aws", marks=pytest.mark.skipif(not _AWS_CLIENT_RUNS, reason="AWS's client needs Linux")
    ),
]
"""Parameters for a fixture. `runtime_client` makes a client of each."""


def runtime_client(name: str, folder: Path) -> Path:
    """The folder of a runtime client.

    AWS's client and its requirements, and nothing else, are linked from the tests' environment into
    ``folder``, which must be empty.
    """
    if name == "own":
        return OWN_CLIENT
    for each in _with_requirements(_AWS_CLIENT):
        for top_level in _top_levels(each):
            (folder / top_level).symlink_to(str(each.locate_file(top_level)))
    return folder


def truest_client(folder: Path) -> Path:
    """The folder of AWS's runtime client if it runs here, otherwise of the project's own."""
    return runtime_client("aws" if _AWS_CLIENT_RUNS else "own", folder)


def user_agent(client: Path) -> str:
    """A runtime client's name, with which its user agent begins."""
    if client == OWN_CLIENT:
        return "dmd-pipeline"
    python = ".".join(map(str, sys.version_info[:3]))
    return f"aws-lambda-python/{python}-{distribution(_AWS_CLIENT).version}"


def _with_requirements(name: str) -> Iterator[Distribution]:
    found = distribution(name)
    yield found
    for requirement in map(Requirement, found.requires or ()):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield from _with_requirements(requirement.name)


def _top_levels(found: Distribution) -> set[str]:
    tops = {file.parts[0] for file in found.files or ()}
    return {top for top in tops if top != ".." and not top.endswith((".dist-info", "__pycache__"))}
