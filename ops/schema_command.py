"""``dmd schema``: what the schemas say of the tables, and whether a change of them is safe."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import catalog
import schemas
from ops.schema_check import MAIN, check

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

_ROOT = Path(__file__).resolve().parent.parent


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to ``dmd``."""
    parser = subparsers.add_parser(
        "schema", help="show the tables' schemas, or check a change of them"
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    show = verbs.add_parser(
        "show",
        help="show a table's columns as Markdown, or its full Avro schema",
        description="Shows what is derived from schemas/<type>.json.",
    )
    show.add_argument(
        "types", nargs="*", metavar="TYPE", help=f"{', '.join(schemas.RECORD_TYPES)} (default: all)"
    )
    show.add_argument("--avro", action="store_true", help="the full Avro schemas, one a line")
    show.set_defaults(run=_show)
    compared = verbs.add_parser(
        "check",
        help="compare the schemas with those of a commit",
        description="Refuses what Athena could not read, or would read wrongly without an error, "
        "in files of the older schemas. Exit status 1 if something is refused.",
    )
    compared.add_argument(
        "--against",
        metavar="REF",
        help=f"the commit to compare with, by any name git knows (default: {' or '.join(MAIN)})",
    )
    compared.add_argument("--json", action="store_true", help="print the findings as JSON")
    compared.add_argument(
        "--warning-status",
        type=int,
        default=0,
        metavar="N",
        help="exit status if there are warnings and nothing is refused (default: 0)",
    )
    compared.set_defaults(run=_check)


def _show(args: argparse.Namespace) -> int:
    try:
        for record_type in args.types or schemas.RECORD_TYPES:
            text = (
                json.dumps(schemas.avro_schema(record_type))
                if args.avro
                else catalog.documentation(record_type)
            )
            sys.stdout.write(f"{text}\n")
    except schemas.SchemaError as error:
        sys.stderr.write(f"dmd schema: {error}\n")
        return 1
    return 0


def _check(args: argparse.Namespace) -> int:
    try:
        report = check(_ROOT, args.against)
    except schemas.SchemaError as error:
        sys.stderr.write(f"dmd schema: {error}\n")
        return 1
    lines = [json.dumps(report.to_json(), indent=2)] if args.json else report.lines()
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    if report.refused:
        return 1
    return int(args.warning_status) if report.warnings else 0
