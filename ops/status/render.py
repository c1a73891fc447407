"""A stack's health as one screen, and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

from console.tables import print_records, print_table
from console.terminal import visible
from ops.status.facts import DeliveryFacts, Pile, StackFacts, TypeFacts
from ops.status.judge import Finding, Health, ago, health_of
from ops.status.switch import switch_of

_STYLES = {Health.HEALTHY: "green", Health.DEGRADED: "yellow", Health.BROKEN: "red"}
_UNKNOWN = "?"
_NONE = "-"
_BETWEEN = 2
_SWITCH_PAGE = "docs/deploying.md#change-the-delivery-streams"


def print_status(facts: StackFacts, found: Sequence[Finding], console: Console) -> None:
    """Print what is wrong, then delivery streams and record types, then the rest of the stack."""
    health = health_of(list(found))
    console.print(
        Text.assemble(
            f"{facts.stack} ({facts.where}): ", (health.name.lower(), f"bold {_STYLES[health]}")
        ),
        soft_wrap=True,
    )
    for each in found:
        console.print(
            Text.assemble(
                "  ", (each.health.name.lower(), _STYLES[each.health]), f"  {visible(each.what)}"
            ),
            soft_wrap=True,
        )
        console.print(f"      {visible(each.remedy)}", soft_wrap=True)
    console.print()
    if facts.deliveries:
        _print_deliveries(facts, console)
        console.print()
    _print_types(facts, console)
    console.print()
    for line in (*_switch(facts), *_reasons(facts), *_former(facts), *_lines(facts)):
        console.print(visible(line), soft_wrap=True)


def _print_columns(
    header: str,
    names: Sequence[str],
    rows: Sequence[tuple[str, Sequence[str]]],
    console: Console,
) -> None:
    """Print columns beside each other, or one below the other if they are too wide.

    Parameters
    ----------
    header
        What the columns are, said where they are below each other.
    names
        Their names.
    rows
        What is said of each, with its label.
    console
        Where to print.
    """
    table = [[label, *values] for label, values in rows]
    width = sum(
        max(map(cell_len, column)) + _BETWEEN for column in zip(["", *names], *table, strict=True)
    )
    if width - _BETWEEN <= console.width:
        print_table(console, ["", *names], table)
        return
    print_records(
        console,
        [header, *(label for label, _ in rows)],
        [[name, *(values[at] for _, values in rows)] for at, name in enumerate(names)],
    )


def _print_deliveries(facts: StackFacts, console: Console) -> None:
    window = ago(facts.now, facts.since)
    found = facts.deliveries
    rows = [
        ("delivery stream", [each.state or _UNKNOWN for each in found]),
        *([("answers", [_limits(each) for each in found])] if switch_of(facts) else []),
        ("freshness", [_seconds(each.freshness_seconds) for each in found]),
        ("behind stream", [_seconds(each.behind_seconds) for each in found]),
        (f"failed in {window}", [_number(each.outcomes.get("RecordsFailed")) for each in found]),
        ("errors/", [_objects(each.failed) for each in found]),
        ("  since", [_day(each.failed) for each in found]),
    ]
    _print_columns("delivery", [each.name for each in found], rows, console)


def _print_types(facts: StackFacts, console: Console) -> None:
    rows = [(label, [value(each) for each in facts.types]) for label, value in _rows(facts)]
    _print_columns("type", [each.record_type for each in facts.types], rows, console)


def _rows(facts: StackFacts) -> list[tuple[str, Callable[[TypeFacts], str]]]:
    """Return what is said of each record type."""
    window = ago(facts.now, facts.since)
    return [
        (f"ok in {window}", lambda each: _number(each.rows_ok)),
        ("landed waiting", lambda each: _objects(each.landed)),
        ("  bytes", lambda each: _bytes(each.landed)),
        ("  oldest", lambda each: _age(each.landed, facts.now)),
        ("plans", lambda each: _plans(each, facts.now)),
        (f"rows in {window}", lambda each: _number(each.written.get("RowsWritten"))),
        ("repeats", lambda each: _number(each.written.get("RepeatsDropped"))),
        ("last partition", lambda each: each.partition.date if each.partition else _NONE),
        ("  files", _files),
        ("  rows", lambda each: _number(each.partition.rows if each.partition else None)),
        ("quarantine/", lambda each: _objects(each.quarantined)),
        ("  since", lambda each: _day(each.quarantined)),
        ("replayed rows", _replayed),
    ]


def _limits(delivery: DeliveryFacts) -> str:
    if delivery.since:
        return f"from {delivery.since:%H:%M}"
    return f"until {delivery.before:%H:%M}" if delivery.before else _NONE


def _switch(facts: StackFacts) -> list[str]:
    """Return what is said of a change of delivery streams."""
    found = switch_of(facts)
    if found is None:
        return []
    lines = [
        f"the delivery streams change, border {found.border:%Y-%m-%d %H:%M} UTC; "
        f"these answer now: {', '.join(found.answering)}"
    ]
    if found.hindrances:
        return [*lines, *(f"  it may not be ended yet: {each}" for each in found.hindrances)]
    return [
        *lines,
        '  it may be ended: set delivery_border to "" and run '
        f"`pulumi up --stack {facts.stack}` ({_SWITCH_PAGE})",
    ]


def _seconds(value: float | None) -> str:
    return _NONE if value is None else f"{value:,.0f} s"


def _number(value: int | None) -> str:
    return _NONE if value is None else f"{value:,}"


def _at_least(count: int, complete: bool) -> str:
    return f"{count:,}" if complete else f"≥ {count:,}"


def _objects(pile: Pile | None) -> str:
    return _UNKNOWN if pile is None else _at_least(pile.objects, pile.complete)


def _bytes(pile: Pile | None) -> str:
    return decimal(pile.bytes) if pile and pile.objects else _NONE


def _age(pile: Pile | None, now: datetime) -> str:
    return ago(now, pile.oldest) if pile and pile.oldest else _NONE


def _day(pile: Pile | None) -> str:
    return f"{pile.oldest:%Y-%m-%d}" if pile and pile.oldest else _NONE


def _files(each: TypeFacts) -> str:
    return _at_least(each.partition.files, each.partition.complete) if each.partition else _NONE


def _plans(each: TypeFacts, now: datetime) -> str:
    if each.plans is None:
        return _UNKNOWN
    if not each.plans:
        return "0"
    return f"{len(each.plans)}, {ago(now, min(plan.since for plan in each.plans))}"


def _replayed(each: TypeFacts) -> str:
    found = each.replays
    return _UNKNOWN if found is None else _at_least(found.rows, found.complete)


def _reasons(facts: StackFacts) -> list[str]:
    return [
        f"failed {each.name}: "
        + ", ".join(
            f"{reason} {count:,}"
            for reason, count in sorted(each.reasons.items(), key=lambda pair: -pair[1])
        )
        for each in facts.deliveries
        if each.reasons
    ]


def _former(facts: StackFacts) -> list[str]:
    return [
        f"errors/ of the former delivery stream {name}: {_objects(pile)} objects since {_day(pile)}"
        for name, pile in facts.former.items()
        if pile.objects
    ]


def _lines(facts: StackFacts) -> list[str]:
    throttled = facts.reads_throttled
    functions = facts.functions or {}
    schedules = facts.schedules
    enabled = [state for state in (schedules or {}).values() if state == "ENABLED"]
    same = [state for state in functions.values() if state == "same"]
    tables = [each for each in facts.types if each.table == "same"]
    unclaimed = [
        each.outcomes["RecordsUnclaimed"]
        for each in facts.deliveries
        if "RecordsUnclaimed" in each.outcomes
    ]
    return [
        f"records without a known type: {_NONE if not unclaimed else f'{sum(unclaimed):,}'}",
        f"alarms on: {_UNKNOWN if facts.alarms is None else len(facts.alarms)}",
        f"reads throttled: {_NONE if throttled is None else f'{throttled:.0%}'}",
        f"dead letters: {_UNKNOWN if facts.dead_letters is None else facts.dead_letters}",
        f"schedules enabled: "
        f"{_UNKNOWN if schedules is None else f'{len(enabled)} of {len(schedules)}'}",
        f"functions with this checkout's code: "
        f"{_UNKNOWN if facts.functions is None else f'{len(same)} of {len(functions)}'}"
        + (" (run `make package` to compare)" if "not compared" in functions.values() else ""),
        f"tables with this checkout's schema: {len(tables)} of {len(facts.types)}",
    ]


def as_json(facts: StackFacts, found: Sequence[Finding]) -> dict[str, Any]:
    """Return the same as one JSON object; times are UTC, ISO 8601."""
    return {
        "health": health_of(list(found)).name.lower(),
        "findings": [
            {"health": each.health.name.lower(), "what": each.what, "remedy": each.remedy}
            for each in found
        ],
        "switch": _plain(asdict(switch)) if (switch := switch_of(facts)) else None,
        **_plain(asdict(facts)),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
