"""What is wrong with a stack, from the facts: each finding, and none on a healthy stack."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from infra.stack_config import settings_of, stack_config
from ops.status.facts import Partition, Pile, PlanInFlight, Replays, StackFacts, TypeFacts
from ops.status.judge import Health, findings, health_of
from ops.status.render import as_json, print_status

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SETTINGS = settings_of("dev1", stack_config("dev1"))
SALE = TypeFacts(
    record_type="sale",
    delivery="ACTIVE",
    freshness_seconds=300.0,
    behind_seconds=0.4,
    outcomes={"RecordsReceived": 10, "RecordsOk": 9, "RecordsDropped": 1, "RecordsFailed": 0},
    written={"RowsWritten": 8, "RepeatsDropped": 1},
    landed=Pile(2, 2_000, NOW - timedelta(minutes=20), NOW),
    failed=Pile(1, 100, NOW - timedelta(days=9), NOW - timedelta(days=9)),
    quarantined=Pile(),
    plans=(PlanInFlight("compaction/sale/2-0.json", "reading", NOW - timedelta(minutes=2), 0),),
    partition=Partition("2026-11-28", 3, 4_000, 8),
    replays=Replays(1, 5, 0),
    table="same",
)
HEALTHY = StackFacts(
    stack="dev1",
    where="AWS account 111122223333",
    now=NOW,
    since=NOW - timedelta(hours=24),
    types=(SALE,),
    alarms=(),
    reads_throttled=0.0,
    dead_letters=0,
    schedules={"s-0": "ENABLED"},
    functions={"writer": "same", "transform-sale": "not compared"},
)


def of_sale(**facts: Any) -> StackFacts:
    return replace(HEALTHY, types=(replace(SALE, **facts),))


def test_a_healthy_stack_has_no_finding() -> None:
    assert findings(HEALTHY, SETTINGS) == []
    assert health_of([]) is Health.HEALTHY


def test_what_was_not_told_is_not_wrong() -> None:
    nothing = StackFacts("dev1", "", NOW, NOW, (TypeFacts("sale"),))
    assert findings(nothing, SETTINGS) == []


@pytest.mark.parametrize(
    ("facts", "health", "what", "remedy"),
    [
        (replace(HEALTHY, alarms=("writer-silent",)), Health.BROKEN,
         "the alarm writer-silent is on", "docs/runbook.md#writer-silent"),
        (replace(HEALTHY, alarms=("records-failed-sale",)), Health.DEGRADED,
         "the alarm records-failed-sale is on", "docs/runbook.md#records-failed"),
        (replace(HEALTHY, schedules={"s-0": "DISABLED"}), Health.BROKEN, "disabled: s-0", "silent"),
        (replace(HEALTHY, schedules={}), Health.BROKEN, "no schedules", "pulumi up --stack dev1"),
        (replace(HEALTHY, dead_letters=3), Health.DEGRADED, "3 messages", "#dead-letters"),
        (replace(HEALTHY, functions={"f": "differs"}), Health.DEGRADED, "other code", "pulumi up"),
        (replace(HEALTHY, functions={"f": "missing"}), Health.BROKEN, "not exist", "pulumi up"),
        (replace(HEALTHY, unknown=(("alarms", "AccessDenied"),)), Health.DEGRADED,
         "alarms: not known (AccessDenied)", "#who-may-run-the-commands"),
        (of_sale(delivery="missing"), Health.BROKEN, "stream of sale does not", "pulumi up"),
        (of_sale(delivery="CREATING_FAILED"), Health.BROKEN, "CREATING_FAILED", "#delivery-late"),
        (of_sale(table="missing"), Health.BROKEN, "table sale does not exist", "pulumi up"),
        (of_sale(table="differs"), Health.DEGRADED, "sale has another schema", "pulumi up"),
        (of_sale(landed=Pile(1, 1, NOW - timedelta(hours=3), NOW)), Health.BROKEN,
         "rows of sale wait for the writer since 3 h", "#landed-waiting"),
        (of_sale(plans=(PlanInFlight("k", "writing", NOW - timedelta(hours=2), 0),)),
         Health.BROKEN, "the plan k is writing since 2 h", "#writer-failing"),
        (of_sale(plans=(PlanInFlight("k", "waiting", NOW - timedelta(days=2), 1),)),
         Health.DEGRADED, "1 plans are set aside in k", "#objects-that-s3-refuses"),
        (of_sale(failed=Pile(1, 1, NOW, NOW - timedelta(hours=5))), Health.DEGRADED,
         "records of sale failed, the last 5 h ago", "dmd errors explain --type sale"),
        (of_sale(quarantined=Pile(1, 1, NOW, NOW)), Health.DEGRADED,
         "lines of sale went to quarantine, the last 0 s ago", "--where quarantine"),
        (of_sale(outcomes={"RecordsUnclaimed": 2}), Health.DEGRADED, "2 records have a type",
         "#records-unclaimed"),
        (of_sale(replays=Replays(1, 0, 1)), Health.DEGRADED, "1 replays of sale", "dmd replay"),
    ],
)  # fmt: skip
def test_each_fault_is_found(facts: StackFacts, health: Health, what: str, remedy: str) -> None:
    (found,) = findings(facts, SETTINGS)
    assert found.health is health
    assert what in found.what
    assert remedy in found.remedy


def test_the_worst_is_said_first() -> None:
    facts = replace(of_sale(table="differs"), alarms=("dead-letters", "writer-failing"))
    found = findings(facts, SETTINGS)
    assert [each.health for each in found] == sorted([each.health for each in found], reverse=True)
    assert health_of(found) is Health.BROKEN


def test_a_stack_that_is_not_there_is_one_finding() -> None:
    gone = replace(of_sale(delivery="missing", table="missing"), functions={"f": "missing"})
    assert [each.what for each in findings(gone, SETTINGS)] == ["stack dev1 is not deployed here"]


@pytest.mark.parametrize("width", [40, 80, 400])
def test_the_screen_shows_all_in_any_width(width: int) -> None:
    facts = replace(of_sale(reasons={"no_image": 2, "not_json": 1}), dead_letters=1)
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    print_status(facts, findings(facts, SETTINGS), console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    flat = " ".join(shown.split())
    for text in (
        "dev1 (AWS account 111122223333): degraded",
        "1 messages are in the dead-letter queue",
        "9 ok, 0 failed (no_image 2, not_json 1)",
        "2026-11-28: 8 rows in 3 files",
        "1 object since 2026-11-19",
        "schedules enabled: 1 of 1",
        "run `make package` to compare",
    ):
        assert text in flat or width < 100, text
    assert "dead-letter queue" in flat


def test_json_has_the_same() -> None:
    facts = replace(HEALTHY, dead_letters=1)
    found = json.loads(json.dumps(as_json(facts, findings(facts, SETTINGS))))
    assert found["health"] == "degraded"
    assert found["findings"][0]["remedy"] == "docs/runbook.md#dead-letters"
    assert found["types"][0]["landed"]["oldest"] == "2026-11-28T11:40:00+00:00"
