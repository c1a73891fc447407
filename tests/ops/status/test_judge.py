"""What is wrong with a stack, from the facts: each finding, and none on a healthy stack."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from infra.alarms import alarms_of
from infra.deliveries import ALL_TYPES
from infra.stack_config import settings_of, stack_config
from ops.status.facts import (
    DeliveryFacts,
    Pile,
    PlanInFlight,
    Replays,
    StackFacts,
    TypeFacts,
    Unknown,
)
from ops.status.judge import Health, findings, health_of
from tests.docs.references import anchors
from tests.ops.status.healthy import HEALTHY, NOW, of_sale
from tests.support.cli import ROOT

SETTINGS = settings_of("dev1", stack_config("dev1"))
REFRESH = SETTINGS.naming.refresh("sale")


def test_a_healthy_stack_has_no_finding() -> None:
    assert findings(HEALTHY, SETTINGS) == []
    assert health_of([]) is Health.HEALTHY


def test_what_was_not_told_is_not_wrong() -> None:
    nothing = StackFacts("dev1", "", NOW, NOW, (TypeFacts("sale"),))
    assert findings(nothing, SETTINGS) == []
    nothing = replace(nothing, deliveries=(DeliveryFacts("sale"),))
    assert findings(nothing, SETTINGS) == []


@pytest.mark.parametrize(
    ("facts", "health", "what", "remedy"),
    [
        (replace(HEALTHY, alarms=("writer-silent",)), Health.BROKEN,
         "the alarm writer-silent is on", "docs/runbook.md#writer-silent"),
        (replace(HEALTHY, alarms=("records-failed-sale",)), Health.DEGRADED,
         "the alarm records-failed-sale is on", "docs/runbook.md#records-failed"),
        (replace(HEALTHY, schedules={"s-0": "DISABLED"}), Health.BROKEN, "disabled: s-0", "silent"),
        (replace(HEALTHY, schedules={"s-0": "ENABLED", REFRESH: "DISABLED"}), Health.DEGRADED,
         f"current-state tables are disabled: {REFRESH}", "#refresh-late"),
        (replace(HEALTHY, schedules={REFRESH: "ENABLED"}), Health.BROKEN, "the writer has no",
         "pulumi up --stack dev1"),
        (replace(HEALTHY, schedules={}), Health.BROKEN, "no schedules", "pulumi up --stack dev1"),
        (replace(HEALTHY, dead_letters=3), Health.DEGRADED, "3 messages", "#dead-letters"),
        (replace(HEALTHY, functions={"f": "differs"}), Health.DEGRADED, "other code", "pulumi up"),
        (replace(HEALTHY, functions={"f": "missing"}), Health.BROKEN, "not exist", "pulumi up"),
        (replace(HEALTHY, functions={"f": "other border"}), Health.BROKEN,
         "f answers for other times of arrival", "pulumi up"),
        (replace(HEALTHY, former={ALL_TYPES: Pile(1, 1, NOW, NOW, waiting=3)}), Health.DEGRADED,
         "3 records of all types failed, the last 0 s ago",
         "dmd errors explain --stack dev1 --source errors/all-types/ --where errors"),
        (replace(HEALTHY, former={"demand": Pile(1, 1, NOW, NOW)}), Health.DEGRADED,
         "records of demand failed", "--type demand --where errors"),
        (replace(HEALTHY, unknown=(Unknown("alarms", "", "timed out"),)), Health.DEGRADED,
         "these are not known: alarms (timed out)", "#is-it-healthy"),
        (replace(HEALTHY, reads_throttled=0.3), Health.DEGRADED,
         "throttled; if it lasts, the alarm reads-throttled starts", "#reads-throttled"),
        (of_sale(behind_seconds=601.0), Health.DEGRADED, "sale is read late", "#stream-behind"),
        (of_sale(freshness_seconds=9_000.0), Health.DEGRADED, "records of sale wait in Firehose",
         "#delivery-late"),
        (of_sale(state="missing"), Health.BROKEN, "stream of sale does not", "pulumi up"),
        (of_sale(state="CREATING_FAILED"), Health.BROKEN, "CREATING_FAILED", "#delivery-late"),
        (of_sale(table="missing"), Health.BROKEN, "table sale does not exist", "pulumi up"),
        (of_sale(table="differs"), Health.DEGRADED, "sale has another schema", "pulumi up"),
        (of_sale(landed=Pile(1, 1, NOW - timedelta(hours=3), NOW)), Health.BROKEN,
         "rows of sale wait for the writer since 3 h", "#landed-waiting"),
        (of_sale(plans=(PlanInFlight("k", "writing", NOW - timedelta(hours=2), 0),)),
         Health.BROKEN, "the plan k is writing since 2 h", "#writer-failing"),
        (of_sale(plans=(PlanInFlight("k", "waiting", NOW - timedelta(days=2), 1),)),
         Health.DEGRADED, "k has 1 plan set aside", "#objects-that-s3-refuses"),
        (of_sale(failed=Pile(1, 1, NOW, NOW - timedelta(hours=5))), Health.DEGRADED,
         "records of sale failed, the last 5 h ago",
         "dmd errors explain --stack dev1 --type sale --where errors"),
        (of_sale(failed=Pile(1, 1, NOW, NOW, waiting=7)), Health.DEGRADED,
         "7 records of sale failed, the last 0 s ago", "dmd errors explain --stack dev1"),
        (of_sale(quarantined=Pile(1, 1, NOW, NOW)), Health.DEGRADED,
         "lines of sale went to quarantine, the last 0 s ago", "--where quarantine"),
        (of_sale(outcomes={"RecordsUnclaimed": 2}), Health.DEGRADED, "2 records had a type",
         "#records-unclaimed"),
        (of_sale(replays=Replays(1, 0, 1)), Health.DEGRADED, "1 unfinished replay of sale",
         "dmd replay"),
    ],
)  # fmt: skip
def test_each_fault_is_found(facts: StackFacts, health: Health, what: str, remedy: str) -> None:
    (found,) = findings(facts, SETTINGS)
    assert found.health is health
    assert what in found.what
    assert remedy in found.remedy
    page, _, section = found.remedy.partition("#")
    if section:
        assert section in anchors((ROOT / page).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "facts",
    [
        of_sale(failed=Pile(1, 1, NOW, NOW, waiting=0)),
        of_sale(quarantined=Pile(1, 1, NOW, NOW, waiting=0)),
        of_sale(behind_seconds=600.0),
        of_sale(plans=(PlanInFlight("k", "waiting", NOW - timedelta(days=2), 0),)),
        of_sale(landed=Pile(1, 1, NOW - timedelta(hours=1), NOW)),
        of_sale(outcomes={"RecordsUnclaimed": 0}),
        replace(HEALTHY, reads_throttled=0.2),
        replace(HEALTHY, former={"demand": Pile(1, 1, NOW, NOW, waiting=0)}),
        replace(HEALTHY, functions={"f": "not compared"}),
    ],
    ids=[
        "all failed records were replayed", "all of the quarantine was replayed",
        "read a little late", "a lane waits for work", "landed an hour ago", "none unclaimed",
        "a fifth of the reads throttled", "the former kind's records were replayed",
        "packages are not built",
    ],
)  # fmt: skip
def test_what_is_no_fault_is_not_found(facts: StackFacts) -> None:
    assert findings(facts, SETTINGS) == []


def test_what_has_an_alarm_already_is_said_once() -> None:
    facts = replace(HEALTHY, reads_throttled=0.9, alarms=("reads-throttled",))
    assert [each.what for each in findings(facts, SETTINGS)] == ["the alarm reads-throttled is on"]


def test_an_action_that_is_not_allowed_is_one_line() -> None:
    whats = ["table of sale", "table of event"]
    denied = tuple(Unknown(what, "glue:GetTable", f"no {what}") for what in whats)
    other = Unknown("plans of sale", "", "not a plan")
    first, second = findings(replace(HEALTHY, unknown=(*denied, other)), SETTINGS)
    assert first.what == (
        "you may not use glue:GetTable, so these are not known: table of sale, table of event"
    )
    assert first.remedy == "docs/operations.md#who-may-run-the-commands"
    assert second.what == "these are not known: plans of sale (not a plan)"


def test_the_worst_is_said_first() -> None:
    facts = replace(of_sale(table="differs"), alarms=("dead-letters", "writer-failing"))
    found = findings(facts, SETTINGS)
    assert [each.health for each in found] == sorted([each.health for each in found], reverse=True)
    assert health_of(found) is Health.BROKEN


def test_a_stack_that_is_not_there_is_one_finding() -> None:
    gone = replace(of_sale(state="missing", table="missing"), functions={"f": "missing"})
    assert [each.what for each in findings(gone, SETTINGS)] == ["stack dev1 is not deployed here"]


SHARED = {"delivery": "shared", "delivery_buffer_size_mb": "64"}


@pytest.mark.parametrize(
    "given",
    [{}, SHARED, {**SHARED, "delivery_border": "2026-12-01T12:00Z"}],
    ids=["per type", "shared", "in a change"],
)
def test_every_alarm_leads_to_its_section_of_the_runbook(given: dict[str, str]) -> None:
    settings = settings_of("dev1", stack_config("dev1", given))
    sections = anchors((ROOT / "docs" / "runbook.md").read_text(encoding="utf-8"))
    alarms = tuple(each.symptom for each in alarms_of(settings))
    types = tuple(TypeFacts(each) for each in settings.demand_data_types)
    found = findings(replace(HEALTHY, types=types, deliveries=(), alarms=alarms), settings)
    assert len(found) == len(alarms)
    for each in found:
        page, _, section = each.remedy.partition("#")
        assert (page, section in sections) == ("docs/runbook.md", True), each.remedy


def test_a_shared_delivery_stream_is_judged_by_its_own_alarms() -> None:
    settings = settings_of("dev1", stack_config("dev1", SHARED))
    late = DeliveryFacts(ALL_TYPES, state="ACTIVE", freshness_seconds=9_000, behind_seconds=601)
    found = findings(replace(HEALTHY, deliveries=(late,)), settings)
    assert [each.what for each in found] == [
        "all types are read late from the Kinesis stream; if it lasts, the alarm "
        "stream-behind-all-types starts",
        "records of all types wait in Firehose; if it lasts, the alarm "
        "delivery-late-all-types starts",
    ]
