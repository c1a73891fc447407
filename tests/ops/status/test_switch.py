"""What a stack says of itself while it changes its delivery streams."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from infra.deliveries import ALL_TYPES
from ops.status.facts import Pile, StackFacts
from ops.status.render import as_json, print_status
from ops.status.switch import switch_of
from tests.ops.status.healthy import HEALTHY, NOW, SALE_DELIVERY

BORDER = NOW - timedelta(hours=2)


def changing(border: datetime = BORDER, **of_former: Any) -> StackFacts:
    """A stack that changes from a delivery stream for sales to a shared one."""
    former = replace(SALE_DELIVERY, before=border, failed=Pile())
    new = replace(SALE_DELIVERY, name=ALL_TYPES, since=border, failed=Pile())
    return replace(HEALTHY, deliveries=(new, replace(former, **of_former)))


def hindrances(facts: StackFacts) -> tuple[str, ...]:
    found = switch_of(facts)
    assert found is not None
    return found.hindrances


def test_without_a_border_there_is_no_change() -> None:
    assert switch_of(HEALTHY) is None


@pytest.mark.parametrize(
    ("border", "answering"),
    [
        (NOW - timedelta(seconds=1), (ALL_TYPES,)),
        (NOW, (ALL_TYPES,)),
        (NOW + timedelta(seconds=1), ("sale",)),
    ],
)
def test_the_border_says_which_kind_answers_now(
    border: datetime, answering: tuple[str, ...]
) -> None:
    found = switch_of(changing(border))
    assert found is not None
    assert (found.border, found.answering) == (border, answering)


def test_it_may_be_ended_when_all_have_passed_the_border() -> None:
    assert hindrances(changing()) == ()
    assert hindrances(changing(freshness_seconds=None)) == (), "it has no records"


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (changing(NOW - timedelta(minutes=59)), "an hour after the border is at 2026-11-28 12:01"),
        (changing(behind_seconds=None), "does not say how far these have read: sale"),
        (changing(behind_seconds=7_200.0), "not read and written beyond the border: sale"),
        (changing(freshness_seconds=7_201.0), "not read and written beyond the border: sale"),
        (changing(failed=Pile(1, 9, NOW, NOW, waiting=2)), "failed records wait, .*: sale"),
        (changing(failed=Pile(1, 9, NOW, NOW, waiting=None)), "failed records wait, .*: sale"),
    ],
    ids=["too soon", "unknown", "reads", "writes", "failed", "too many failed"],
)
def test_what_hinders_the_end_is_said(facts: StackFacts, text: str) -> None:
    (found,) = hindrances(facts)
    assert re.search(text, found)


def test_it_is_on_the_screen_and_in_json() -> None:
    def lines(facts: StackFacts) -> list[str]:
        console = Console(file=io.StringIO(), width=100, color_system=None)
        print_status(facts, [], console)
        return [each.rstrip() for each in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]

    shown = lines(changing())
    begin = shown.index(
        "the delivery streams change, border 2026-11-28 10:00 UTC; these answer now: all-types"
    )
    assert shown[begin + 1] == (
        '  it may be ended: set delivery_border to "" and run `pulumi up --stack dev1` '
        "(docs/deploying.md#change-the-delivery-streams)"
    )
    assert any(each.split() == ["answers", "from", "10:00", "until", "10:00"] for each in shown)
    shown = lines(changing(behind_seconds=9_999.0))
    assert "  it may not be ended yet: these have not read and written beyond the border: sale" in (
        shown
    )
    found = json.loads(json.dumps(as_json(changing(), [])))["switch"]
    assert found == {
        "border": "2026-11-28T10:00:00+00:00",
        "answering": ["all-types"],
        "hindrances": [],
    }


def test_what_the_former_kind_left_is_on_the_screen() -> None:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    facts = replace(HEALTHY, former={"demand": Pile(3, 9, NOW, NOW), "event": Pile()})
    print_status(facts, [], console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "errors/ of the former delivery stream demand: 3 objects since 2026-11-28\n" in shown
    assert "stream event" not in shown
