"""``dmd resources``: the resource graph of a stack, or what differs between two, without AWS."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from console.progress import Progress
from estate.resources.diff import Side, diff_as_json, diff_as_text
from estate.resources.placeholders import placeholders
from estate.resources.recorder import record
from estate.resources.render import as_json, as_text
from estate.stack_config import REPOSITORY, settings_of, stack_config
from infra.settings import PROJECT
from release.package import build
from release.wheels import Target

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_PACKAGES = Path("build") / "lambda"


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to ``dmd``."""
    parser = subparsers.add_parser(
        "resources",
        help="show the resources of a stack, or what differs between two, without AWS",
        description="Runs the Pulumi program of a stack without AWS, and shows every resource that "
        "it registers: name, inputs and options, with ARNs and IDs as they will be in the stack's "
        "account. In the text form, policies and other documents in inputs are unfolded, options "
        "at their defaults are left out, and `all of X` stands for all resources of a component. "
        "What a function's package hashes to is that of the tree as it is: packages are built "
        "first if need be.",
        epilog="--diff replaces what tells two stacks apart by intention by {naming}, {database}, "
        "{account_id} and {environment}; everything else that differs is shown. "
        "`--diff prod1 prod1 --set writer_memory_mb=3008` shows what a setting would change.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--stack", metavar="S", help="show this stack")
    what.add_argument("--diff", nargs=2, metavar=("S1", "S2"), help="show what differs")
    parser.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        dest="settings",
        metavar="KEY=VALUE",
        help="with this setting, a list as JSON; of the second stack with --diff; repeatable",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the graph or the difference; return the exit status."""
    overrides = dict(args.settings)
    if args.stack:
        graph = _side(args.stack, overrides).graph
        _print(as_json(graph) if args.json else as_text(graph))
        return 0
    first, second = args.diff
    left, right = _side(first, {}), _side(second, overrides)
    _print(diff_as_json(left, right) if args.json else diff_as_text(left, right))
    return 0


def _side(stack: str, overrides: Mapping[str, str]) -> Side:
    config = stack_config(stack, overrides)
    settings = settings_of(stack, config)
    if Path(settings.package_directory) == _PACKAGES / Target.ARM64:
        progress = Progress()
        build(Target.ARM64, source=REPOSITORY, out=REPOSITORY / _PACKAGES, progress=progress.step)
    changed = ", ".join(f"{key}={value}" for key, value in overrides.items())
    label = f"{stack} with {changed}" if changed else stack
    return Side(label, record(stack, config), placeholders(settings))


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key.removeprefix(f"{PROJECT}:"), value


def _print(report: object) -> None:
    text = report if isinstance(report, str) else json.dumps(report, indent=2, ensure_ascii=False)
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
