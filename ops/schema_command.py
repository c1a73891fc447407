"""``dmd schema``: what the schemas say of the tables."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

import schemas

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to ``dmd``."""
    parser = subparsers.add_parser("schema", help="show the tables' schemas")
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
    show.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show what the arguments ask for; return the exit status."""
    try:
        for record_type in args.types or schemas.RECORD_TYPES:
            text = (
                json.dumps(schemas.avro_schema(record_type))
                if args.avro
                else schemas.documentation(record_type)
            )
            sys.stdout.write(f"{text}\n")
    except schemas.SchemaError as error:
        sys.stderr.write(f"dmd schema: {error}\n")
        return 1
    return 0
