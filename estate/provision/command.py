"""``dmd provision``: a stack's resources into an endpoint, then exit."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from emulation.endpoint import Endpoint
from emulation.needs import check_registers
from estate.provision.endpoint_check import check_endpoint
from estate.provision.provision import Provisioned, local_settings, provision
from estate.referenced import make_referenced
from estate.stack_config import REPOSITORY
from release.package import build
from release.wheels import Target

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

LOCAL_PACKAGES = REPOSITORY / "build" / "lambda" / "local"
"""Where ``make package`` puts the packages for the machine it runs on."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to ``dmd``."""
    parser = subparsers.add_parser(
        "provision",
        help="make a stack's resources at an AWS-compatible endpoint",
        description="Registers the Pulumi program of a stack and makes each of its resources at "
        "an AWS-compatible endpoint, together with what it only refers to (table, streams, "
        "bucket). AWS itself is refused: that is for `pulumi up`.",
    )
    parser.add_argument("--endpoint-url", required=True, metavar="URL", help="where to")
    parser.add_argument("--stack", default="dev1", help="which stack (default: %(default)s)")
    parser.add_argument(
        "--packages",
        type=Path,
        default=LOCAL_PACKAGES,
        metavar="DIR",
        help="folder of the functions' packages (default: build/lambda/local, built if need be)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Provision as the arguments say; return the exit status."""
    check_endpoint(args.endpoint_url)
    endpoint = Endpoint(args.endpoint_url)
    if args.packages == LOCAL_PACKAGES:
        build(Target.LOCAL, source=REPOSITORY, out=LOCAL_PACKAGES.parent)
    settings = local_settings(endpoint, args.stack, packages=args.packages)
    check_registers(endpoint, lambda _: None)
    make_referenced(endpoint, settings)
    provisioned = provision(endpoint, args.stack, packages=args.packages)
    report = _as_json(provisioned) if args.json else _as_text(provisioned, args.endpoint_url)
    sys.stdout.write(f"{report}\n")
    return 0


def _as_text(provisioned: Provisioned, url: str) -> str:
    kinds = Counter(resource.type for resource in provisioned.resources)
    lines = [f"stack {provisioned.stack} at {url}: {kinds.total()} resources"]
    lines += [f"  {count:>4}  {kind}" for kind, count in sorted(kinds.items())]
    lines.append("outputs")
    lines += [
        f"  {name}: {value if isinstance(value, str) else json.dumps(value, sort_keys=True)}"
        for name, value in sorted(provisioned.outputs.items())
    ]
    return "\n".join(lines)


def _as_json(provisioned: Provisioned) -> str:
    return json.dumps(
        {
            "stack": provisioned.stack,
            "resources": [dataclasses.asdict(each) for each in provisioned.resources],
            "outputs": dict(provisioned.outputs),
        },
        indent=2,
        sort_keys=True,
    )
