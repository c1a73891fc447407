"""Which delivery streams have to be older than an export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from infra.deliveries import ALL_TYPES
from ops.backfill.checks import warnings
from ops.deployment import Deployment
from tests.support.shared_errors import SHARED

NOW = datetime.now(UTC)
MARGIN = timedelta(minutes=5)


class Firehose:
    def __init__(self, created: Mapping[str, datetime]) -> None:
        self._created = created

    def describe_delivery_stream(self, DeliveryStreamName: str) -> dict[str, Any]:
        name = DeliveryStreamName.removeprefix("prd3292-dev1-dmnd-pipeline-")
        return {"DeliveryStreamDescription": {"CreateTimestamp": self._created[name]}}


def warned(created: Mapping[str, datetime], until: datetime, border: datetime | None) -> list[str]:
    settings = replace(SHARED, delivery_border=border)
    client = Firehose(created)
    deployment = Deployment("dev1", settings, "", lambda *_, **__: client, None, Path())
    plan = SimpleNamespace(types=("demand", "sale"), margin_seconds=MARGIN.total_seconds())
    return warnings(deployment, cast(Any, SimpleNamespace(until=until)), cast(Any, plan))


LONG_AGO, JUST_NOW = NOW - timedelta(days=9), NOW - timedelta(minutes=1)
BORDER = NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("created", "border", "young"),
    [
        ({ALL_TYPES: LONG_AGO}, None, ""),
        ({ALL_TYPES: JUST_NOW}, None, "all-types"),
        # Those of one type have the changes from before the border.
        ({ALL_TYPES: BORDER - MARGIN, "demand": LONG_AGO, "sale": LONG_AGO}, BORDER, ""),
        ({ALL_TYPES: BORDER + MARGIN, "demand": LONG_AGO, "sale": LONG_AGO}, BORDER, "all-types"),
        ({ALL_TYPES: BORDER - MARGIN, "demand": LONG_AGO, "sale": JUST_NOW}, BORDER, "sale"),
        # Only those of one type answer yet.
        ({"demand": LONG_AGO, "sale": LONG_AGO}, NOW + timedelta(hours=1), ""),
    ],
    ids=["old", "young", "before the border", "after it", "former too young", "not yet"],
)
def test_only_those_that_answer_for_its_changes_have_to_be_old(
    created: Mapping[str, datetime], border: datetime | None, young: str
) -> None:
    found = warned(created, NOW - timedelta(hours=2), border)
    assert len(found) == bool(young)
    assert all(f"the delivery streams of {young} were created at" in each for each in found)


def test_those_of_before_the_border_do_not_matter_to_a_later_export() -> None:
    created = {ALL_TYPES: LONG_AGO}
    assert warned(created, BORDER + 2 * MARGIN, BORDER) == []
