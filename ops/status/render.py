"""A stack's health as one screen, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

from console.tables import print_table
from console.terminal import visible
from ops.status.facts import Pile, StackFacts, TypeFacts
from ops.status.judge import Finding, Health, ago, health_of

_STYLES = {Health.HEALTHY: "green", Health.DEGRADED: "yellow", Health.BROKEN: "red"}
_UNKNOWN = "?"
_MOST_REASONS = 3


def print_status(facts: StackFacts, found: Sequence[Finding], console: Console) -> None:
    """Print what is wrong, then each record type, then the rest of the stack."""
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
    window = ago(facts.now, facts.since)
    header = ["type", "delivery", "freshness", "behind", f"in {window}", "rows", "repeats"]
    header += ["landed", "plans", "last partition", "failed", "quarantine", "replayed"]
    print_table(console, header, [_row(each, facts) for each in facts.types])
    console.print()
    for line in _lines(facts):
        console.print(line, soft_wrap=True)


def _row(each: TypeFacts, facts: StackFacts) -> list[str]:
    return [
        each.record_type,
        each.delivery or _UNKNOWN,
        _seconds(each.freshness_seconds),
        _seconds(each.behind_seconds),
        _outcomes(each),
        _number(each.written.get("RowsWritten")),
        _number(each.written.get("RepeatsDropped")),
        _pile(each.landed, facts.now),
        _plans(each, facts.now),
        _partition(each),
        _since(each.failed),
        _since(each.quarantined),
        "" if not each.replays or not each.replays.sources else f"{each.replays.rows:,} rows",
    ]


def _outcomes(each: TypeFacts) -> str:
    if "RecordsReceived" not in each.outcomes:
        return "-"
    ok, failed = (each.outcomes.get(name, 0) for name in ("RecordsOk", "RecordsFailed"))
    text = f"{ok:,} ok, {failed:,} failed"
    if each.reasons:
        worst = sorted(each.reasons.items(), key=lambda pair: -pair[1])
        listed = ", ".join(f"{reason} {count:,}" for reason, count in worst[:_MOST_REASONS])
        more = len(worst) - _MOST_REASONS
        text += f" ({listed}{f', {more} more' if more > 0 else ''})"
    return text


def _pile(pile: Pile | None, now: datetime) -> str:
    if pile is None:
        return _UNKNOWN
    if not pile.objects:
        return "0"
    at_least = "" if pile.complete else "at least "
    age = ago(now, pile.oldest)
    return f"{at_least}{pile.objects:,} ({decimal(pile.bytes)}), oldest {age}"


def _plans(each: TypeFacts, now: datetime) -> str:
    if each.plans is None:
        return _UNKNOWN
    return ", ".join(f"{plan.state} {ago(now, plan.since)}" for plan in each.plans) or "0"


def _partition(each: TypeFacts) -> str:
    found = each.partition
    if found is None:
        return "-"
    rows = "" if found.rows is None else f"{found.rows:,} rows in "
    return f"{found.date}: {rows}{_count(found.files, 'file')}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _since(pile: Pile | None) -> str:
    if pile is None:
        return _UNKNOWN
    if not pile.oldest:
        return "0"
    at_least = "" if pile.complete else "at least "
    return f"{at_least}{_count(pile.objects, 'object')} since {pile.oldest:%Y-%m-%d}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f} s"


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _lines(facts: StackFacts) -> list[str]:
    throttled = facts.reads_throttled
    functions = facts.functions or {}
    schedules = facts.schedules
    enabled = [state for state in (schedules or {}).values() if state == "ENABLED"]
    same = [state for state in functions.values() if state == "same"]
    tables = [each for each in facts.types if each.table == "same"]
    return [
        f"alarms on: {_UNKNOWN if facts.alarms is None else len(facts.alarms)}",
        f"reads throttled: {'-' if throttled is None else f'{throttled:.0%}'}",
        f"dead letters: {_UNKNOWN if facts.dead_letters is None else facts.dead_letters}",
        f"schedules enabled: "
        f"{_UNKNOWN if schedules is None else f'{len(enabled)} of {len(schedules)}'}",
        f"functions with this checkout's code: {len(same)} of {len(functions)}"
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
