"""What ``dmd schema`` does."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import catalog
import schemas
from console.errors import CommandError
from console.terminal import write
from ops import schema_check

_ROOT = Path(__file__).resolve().parent.parent


def show(record_types: Iterable[str], *, avro: bool) -> int:
    """Print the columns of tables as Markdown, or their Avro schemas; return the exit status.

    Raises
    ------
    CommandError
        There is no such record type.
    """
    try:
        for record_type in record_types:
            text = (
                json.dumps(schemas.avro_schema(record_type))
                if avro
                else catalog.documentation(record_type)
            )
            write(f"{text}\n")
    except schemas.SchemaError as error:
        raise CommandError(str(error)) from error
    return 0


def check(against: str | None, *, as_json: bool, warning_status: int) -> int:
    """Print the effects of a schema change on older files; return the exit status.

    Parameters
    ----------
    against
        The commit to compare with; the main branch by default.
    as_json
        Print JSON.
    warning_status
        The exit status if there are only warnings.

    Raises
    ------
    CommandError
        The schemas of the working tree or of the commit cannot be read.
    """
    try:
        report = schema_check.check(_ROOT, against)
    except schemas.SchemaError as error:
        raise CommandError(str(error)) from error
    lines = [json.dumps(report.to_json(), indent=2)] if as_json else report.lines()
    write("".join(f"{line}\n" for line in lines))
    if report.refused:
        return 1
    return warning_status if report.warnings else 0
