"""AWS's own runtime client, in a folder of its own, for the functions that tests run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

AWS_CLIENT = "awslambdaric"
AWS_CLIENT_HAS_WHEELS = sys.platform == "linux"


def collect_aws_client(folder: Path) -> Path:
    """Link AWS's runtime client and what it requires into an empty folder, and nothing else."""
    for each in _with_requirements(AWS_CLIENT):
        for name in _top_levels(each):
            (folder / name).symlink_to(str(each.locate_file(name)))
    return folder


def aws_client_name() -> str:
    """What AWS's runtime client calls itself as a user agent here, at the beginning."""
    version = ".".join(map(str, sys.version_info[:3]))
    return f"aws-lambda-python/{version}-{distribution(AWS_CLIENT).version}"


def _with_requirements(name: str) -> Iterator[Distribution]:
    found = distribution(name)
    yield found
    for requirement in map(Requirement, found.requires or ()):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield from _with_requirements(requirement.name)


def _top_levels(found: Distribution) -> set[str]:
    tops = {file.parts[0] for file in found.files or ()}
    return {top for top in tops if top != ".." and not top.endswith((".dist-info", "__pycache__"))}
