"""What ``dmd errors`` does: reads what failed, counts it, and says what it would become now."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from rich.console import Console

from console.progress import Progress
from console.tables import print_table
from console.terminal import messages, output, visible, write
from infra.deliveries import ALL_TYPES
from infra.naming import DATA_PREFIX
from infra.rules import Moment
from ops.choices.choice import digest
from ops.choices.protocol import Sources
from ops.deployment import Deployment, open_deployment
from ops.errors import OptionError
from ops.failed.current import Code, CurrentCode, WithoutType
from ops.failed.options import ChosenOptions
from ops.failed.owners import Owners
from ops.failed.records import AREAS, FailedObject, FailedRecord
from ops.failed.survey import Marks, Survey, places, survey
from ops.failed.wanted import Wanted, day, first_day
from ops.options import StackOptions

_MOST_SHOWN_CHARACTERS = 4_000


def run(
    where: StackOptions,
    chosen: ChosenOptions,
    *,
    explain: bool,
    column: str | None = None,
    show: bool = False,
    as_json: bool = False,
) -> int:
    """Print what failed; return the exit status, 1 if something cannot be read.

    Parameters
    ----------
    where
        The stack.
    chosen
        Which records.
    explain
        Say what each would become now.
    column
        Only those that do not fit this column now.
    show
        Show one record of each group.
    as_json
        Print JSON.

    Raises
    ------
    CommandError
        The stack cannot be reached, or an option is wrong.
    """
    deployment = open_deployment(where)
    wanted, owners = wanted_of(deployment, chosen), owners_of(deployment, chosen)
    with Progress(messages()) as progress, contextlib.ExitStack() as stack:
        asked = stack if explain or wanted.key else None
        found = _survey(deployment, wanted, owners, progress, asked)
    if column is not None:
        for group in [each for each in found.counts if each.column != column]:
            del found.counts[group]
    if as_json:
        write(json.dumps(_as_json(found, show), ensure_ascii=False) + "\n")
    else:
        _print(found, explain, show, output())
    return 1 if found.unreadable else 0


def wanted_of(deployment: Deployment, chosen: ChosenOptions) -> Wanted:
    """Return what the options ask for.

    Raises
    ------
    OptionError
        An option is wrong.
    """
    types = deployment.record_types(chosen.types)
    only = day(chosen.day)
    if only and chosen.since:
        raise OptionError("give --since or --day, not both")
    return Wanted(
        types=types,
        areas=tuple(each for each in AREAS if chosen.where in (None, each)),
        reason=chosen.reason,
        first_day=only or first_day(chosen.since, datetime.now(UTC)),
        last_day=only,
        key=chosen.key,
        source=chosen.source,
    )


def owners_of(deployment: Deployment, chosen: ChosenOptions) -> Owners:
    """Return what tells whose the records of the error output are.

    Raises
    ------
    OptionError
        The border is no time, or the settings have another one.
    """
    settings = deployment.settings
    if chosen.border is None:
        return Owners(settings)
    rule = Moment()
    try:
        border = rule.read(chosen.border)
    except ValueError:
        raise OptionError(f"--border {chosen.border!r} is not {rule.allowed}") from None
    if settings.delivery_border not in (None, border):
        raise OptionError(
            f"stack {deployment.stack} changes its delivery streams now, with the border "
            f"{rule.write(settings.delivery_border)}: leave out --border"
        )
    return Owners(replace(settings, delivery_border=border))


def replayed_marks(deployment: Deployment, types: tuple[str, ...]) -> Marks:
    """Return what tells which records of an object were replayed; it only reads."""
    store = deployment.s3_store()
    sources = {each: Sources(store, DATA_PREFIX, each) for each in types}
    begun = cache(lambda record_type: sources[record_type].begun().all)

    def marks(found: FailedObject) -> frozenset[str]:
        source = digest(found.name)
        if found.record_type not in sources or source not in begun(found.record_type):
            return frozenset()
        return sources[found.record_type].marks(source)

    return marks


def current_codes(
    deployment: Deployment, types: tuple[str, ...], stack: contextlib.ExitStack
) -> dict[str, CurrentCode]:
    """Return the code of this checkout by record type, until the stack ends."""
    attribute = deployment.settings.type_attribute
    return {each: stack.enter_context(CurrentCode(each, attribute)) for each in types}


def _survey(
    deployment: Deployment,
    wanted: Wanted,
    owners: Owners,
    progress: Progress,
    stack: contextlib.ExitStack | None,
) -> Survey:
    progress.step(f"Looking for failed records in {deployment.bucket}")
    found = places(deployment.s3_store(), DATA_PREFIX, wanted, owners)
    codes: dict[str, Code] = {}
    if stack is not None:
        codes = {**current_codes(deployment, wanted.types, stack), ALL_TYPES: WithoutType(owners)}
    progress.step("Reading them", len(found), "objects")
    return survey(
        found,
        wanted,
        replayed_marks(deployment, wanted.types),
        codes,
        progress.count,
    )


def _print(found: Survey, explain: bool, show: bool, console: Console) -> None:
    header = ["type", "where", "day", "kept because", *(["now", "column"] if explain else [])]
    rows = [
        [
            group.record_type,
            group.area,
            group.day,
            visible(group.reason),
            *([visible(group.now), group.column] if explain else []),
            "yes" if group.replayed else "",
            found.counts[group],
        ]
        for group in sorted(found.counts)
    ]
    if rows:
        print_table(console, [*header, "replayed", "records"], rows)
        console.print()
    if show:
        for text in _shown(found):
            console.print(text, soft_wrap=True)
    for line in found.unreadable:
        console.print(f"cannot be read: {visible(line)}", soft_wrap=True)
    console.print(_conclusion(found, explain))


def _conclusion(found: Survey, explain: bool) -> str:
    replayed = found.counts.total() - found.records
    after = f"; replayed: {replayed:,}" if replayed else ""
    text = f"Records that wait: {found.records:,}{after}."
    if not found.records:
        return text
    if explain:
        rows = found.rows()
        if not rows:
            return f"{text} None becomes a row now."
        return f"{text} {rows:,} would be rows now: `dmd replay` writes them."
    return f"{text} `dmd errors explain` says what each would be now."


def _shown(found: Survey) -> Iterator[str]:
    for group in sorted(found.examples):
        if group in found.counts:
            decoded = _decoded(found.examples[group])
            yield f"{group.record_type}, {visible(group.reason)}:\n{decoded}\n"


def _decoded(record: FailedRecord) -> str:
    try:
        text = json.dumps(json.loads(record.data), indent=2, ensure_ascii=False)
    except ValueError:
        text = record.data.decode("utf-8", "backslashreplace")
    text = "\n".join(map(visible, text.split("\n")))
    if len(text) > _MOST_SHOWN_CHARACTERS:
        return f"{text[:_MOST_SHOWN_CHARACTERS]}… ({len(record.data):,} bytes)"
    return text


def _as_json(found: Survey, show: bool) -> dict[str, Any]:
    return {
        "waiting": found.records,
        "groups": [
            {
                **{name: value for name, value in vars(group).items() if value != ""},
                "records": found.counts[group],
                **({"example": _decoded(found.examples[group])} if show else {}),
            }
            for group in sorted(found.counts)
        ],
        "unreadable": found.unreadable,
    }
