"""The facts about a healthy stack."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.status.facts import (
    DeliveryFacts,
    Partition,
    Pile,
    PlanInFlight,
    Replays,
    StackFacts,
    TypeFacts,
)

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SALE_DELIVERY = DeliveryFacts(
    name="sale",
    state="ACTIVE",
    freshness_seconds=300.0,
    behind_seconds=0.4,
    outcomes={"RecordsFailed": 0},
    failed=Pile(1, 100, NOW - timedelta(days=9), NOW - timedelta(days=9)),
)
SALE = TypeFacts(
    record_type="sale",
    rows_ok=9,
    written={"RowsWritten": 8, "RepeatsDropped": 1},
    landed=Pile(2, 2_000, NOW - timedelta(minutes=20), NOW),
    quarantined=Pile(),
    plans=(PlanInFlight("compaction/sale/2-0.json", "reading", NOW - timedelta(minutes=2), 0),),
    partition=Partition("2026-11-28", 3, 4_000, 8),
    replays=Replays(1, 5, 0),
    table="same",
)
HEALTHY = StackFacts(
    stack="dev1",
    where="AWS account 111122223333",
    option=" --stack dev1",
    now=NOW,
    since=NOW - timedelta(hours=24),
    deliveries=(SALE_DELIVERY,),
    types=(SALE,),
    alarms=(),
    reads_throttled=0.0,
    dead_letters=0,
    schedules={"s-0": "ENABLED"},
    functions={"writer": "same", "transform-sale": "not compared"},
)


def of_sale(**facts: Any) -> StackFacts:
    """The healthy stack with other facts about the type and its delivery stream."""
    about_type = {each.name for each in fields(TypeFacts)}
    of_type = {name: value for name, value in facts.items() if name in about_type}
    of_delivery = {name: value for name, value in facts.items() if name not in about_type}
    return replace(
        HEALTHY,
        types=(replace(SALE, **of_type),),
        deliveries=(replace(SALE_DELIVERY, **of_delivery),),
    )
