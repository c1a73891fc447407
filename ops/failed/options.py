"""The options that choose failed records, and how they are read."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import rich_click as click

from ops.options import types_option


@dataclass(frozen=True)
class ChosenOptions:
    """Which failed records a command is about, as the command line says it."""

    types: tuple[str, ...]
    where: str | None
    reason: str | None
    since: str | None
    day: str | None
    key: str | None
    source: str | None
    border: str | None = None


def choosing_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options that choose failed records; the command gets them as ``chosen``."""

    @functools.wraps(command)
    def with_choice(
        *,
        types: tuple[str, ...],
        area: str | None,
        reason: str | None,
        since: str | None,
        day: str | None,
        key: str | None,
        source: str | None,
        border: str | None,
        **rest: Any,
    ) -> int:
        chosen = ChosenOptions(types, area, reason, since, day, key, source, border)
        return command(chosen=chosen, **rest)

    for option in reversed(_OPTIONS):
        with_choice = option(with_choice)
    return with_choice


_OPTIONS = (
    types_option(
        "Only records of this type, and those of which no type can be told.", "all of the stack"
    ),
    click.option(
        "--where",
        "area",
        type=click.Choice(["errors", "quarantine"]),
        show_default="both",
        help="Only what Firehose keeps below errors/, or the Avro writer below quarantine/.",
    ),
    click.option(
        "--reason",
        metavar="TEXT",
        help="Only records that are kept with a reason that contains this text.",
    ),
    click.option(
        "--since",
        metavar="TIME",
        help="Only records that arrived since this UTC day, or this long ago: 2026-11-28, 36h, 7d.",
    ),
    click.option("--day", metavar="DAY", help="Only records that arrived on this UTC day."),
    click.option(
        "--key",
        metavar="TEXT",
        help="Only the item with this record key, or with this value of a key attribute.",
    ),
    click.option(
        "--source",
        metavar="TEXT",
        help="Only records of objects whose key contains this text.",
    ),
    click.option(
        "--border",
        metavar="TIME",
        help="The border of the last change of delivery streams, if it has ended and batches of "
        "that time failed: 2026-12-01T12:00Z.",
    ),
)
