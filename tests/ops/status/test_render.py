"""How a stack's health is shown: on terminals of several widths, in a pipe, and as JSON."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console

from infra.stack_config import settings_of, stack_config
from ops.status.facts import DeliveryFacts, Partition, Pile, StackFacts, TypeFacts, Unknown
from ops.status.judge import findings
from ops.status.render import as_json, print_status
from tests.ops.status.healthy import HEALTHY, NOW, SALE, SALE_DELIVERY

SETTINGS = settings_of("dev1", stack_config("dev1"))
OTHERS = [replace(SALE, record_type=each) for each in ("demand", "event", "notification")]
OTHER_DELIVERIES = [replace(SALE_DELIVERY, name=each.record_type) for each in OTHERS]
BUSY_DELIVERY = replace(
    SALE_DELIVERY,
    outcomes={"RecordsFailed": 3, "RecordsUnclaimed": 5},
    reasons={"no_image": 1, "not_json": 2},
)
BUSY = replace(
    SALE,
    rows_ok=12_345_678,
    landed=Pile(5_000, 2_000_000, NOW - timedelta(minutes=20), NOW, complete=False),
    partition=Partition("2026-11-28", 288, 4_000, None),
)
FACTS = replace(
    HEALTHY,
    types=(BUSY, *OTHERS),
    deliveries=(BUSY_DELIVERY, *OTHER_DELIVERIES),
    dead_letters=1,
)


def screen(facts: StackFacts, width: int, *, terminal: bool = True) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    print_status(facts, findings(facts, SETTINGS), console)
    return [each.rstrip() for each in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def values(lines: list[str], label: str) -> list[str]:
    (found,) = (each for each in lines if each.startswith(f"{label}  "))
    return found.removeprefix(label).split()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [80, 120])
def test_four_types_stand_beside_each_other_on_one_screen(width: int, terminal: bool) -> None:
    lines = screen(FACTS, width, terminal=terminal)
    assert len(lines) <= 45
    assert values(lines, "delivery stream") == ["ACTIVE"] * 4
    assert values(lines, "failed in 24 h") == ["3", "0", "0", "0"]
    assert values(lines, "ok in 24 h") == ["12,345,678", "9", "9", "9"]
    assert values(lines, "landed waiting")[:3] == ["≥", "5,000", "2"]
    assert values(lines, "  files") == ["288", "3", "3", "3"]
    assert values(lines, "  rows") == ["-", "8", "8", "8"]
    assert values(lines, "replayed rows") == ["5", "5", "5", "5"]


def test_on_a_narrow_terminal_they_stand_below_each_other() -> None:
    lines = screen(FACTS, 40)
    first, begin = (at for at, line in enumerate(lines) if line == "-- row 1 --")
    assert lines[first + 1].split("|")[0].strip() == "delivery"
    table = lines[begin : lines.index("", begin)]
    pairs = [tuple(part.strip() for part in each.split("|")) for each in table]
    assert [each[1] for each in pairs if each[0] == "type"] == [
        "sale", "demand", "event", "notification",
    ]  # fmt: skip
    assert ("ok in 24 h", "12,345,678") in pairs
    assert max(map(len, table)) <= 40


@pytest.mark.parametrize("width", [40, 80, 120])
def test_what_is_wrong_is_first_with_what_mends_it(width: int) -> None:
    lines = screen(FACTS, width)
    assert lines[:5] == [
        "dev1 (AWS account 111122223333): degraded",
        "  degraded  the dead-letter queue has 1 message",
        "      docs/runbook.md#dead-letters",
        "  degraded  5 records had a type that nobody takes, or none",
        "      docs/runbook.md#records-unclaimed",
    ]
    for line in (
        "failed sale: not_json 2, no_image 1",
        "records without a known type: 5",
        "schedules enabled: 1 of 1",
        "functions with this checkout's code: 1 of 2 (run `make package` to compare)",
        "tables with this checkout's schema: 4 of 4",
    ):
        assert line in lines


def test_what_is_not_known_is_a_question_mark_and_not_zero() -> None:
    facts = replace(
        HEALTHY,
        types=(TypeFacts("sale"),),
        deliveries=(DeliveryFacts("sale"),),
        alarms=None,
        dead_letters=None,
    )
    lines = screen(facts, 80)
    for label in ("delivery stream", "landed waiting", "plans", "errors/", "replayed rows"):
        assert values(lines, label) == ["?"]
    assert {"alarms on: ?", "dead letters: ?"} <= set(lines)


def test_an_error_cannot_break_the_screen() -> None:
    facts = replace(HEALTHY, unknown=(Unknown("alarms", "", "a\x1b[2J\nb"),))
    assert "  degraded  these are not known: alarms (a\\x1b[2J\\nb)" in screen(facts, 80)


def test_json_has_the_same() -> None:
    found = json.loads(json.dumps(as_json(FACTS, findings(FACTS, SETTINGS))))
    assert found["health"] == "degraded"
    assert found["findings"][0]["remedy"] == "docs/runbook.md#dead-letters"
    assert found["types"][0]["landed"]["oldest"] == "2026-11-28T11:40:00+00:00"
    assert found["types"][0]["landed"]["complete"] is False
    assert found["switch"] is None
    assert found["deliveries"][0]["reasons"] == {"no_image": 1, "not_json": 2}
