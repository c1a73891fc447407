"""Which delivery streams a smoke test needs, and where it looks for failed records."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.deliveries import ALL_TYPES
from infra.settings import Settings
from ops.deployment import Deployment
from ops.errors import SmokeError
from ops.smoke.action import _check_streams
from ops.smoke.watch import Watch
from tests.support.memory_store import MemoryStore
from tests.support.shared_errors import SHARED, settings_with

NOW = datetime.now(UTC)
PER_TYPE = settings_with()


class Firehose:
    """Has no delivery stream, and notes which are asked for."""

    class exceptions:
        class ResourceNotFoundException(Exception): ...

    def __init__(self) -> None:
        self.asked: list[str] = []

    def describe_delivery_stream(self, DeliveryStreamName: str) -> dict[str, Any]:
        self.asked.append(DeliveryStreamName.removeprefix("prd3292-dev1-dmnd-pipeline-"))
        return {"DeliveryStreamDescription": {"DeliveryStreamStatus": "ACTIVE"}}


def in_change(settings: Settings, border: timedelta | None) -> Settings:
    """The settings with a border so long after now."""
    moment = None if border is None else datetime.now(UTC) + border
    return replace(settings, delivery_border=moment)


@pytest.mark.parametrize(
    ("settings", "border", "needed"),
    [
        (PER_TYPE, None, ["sale"]),
        (SHARED, None, [ALL_TYPES]),
        (SHARED, timedelta(hours=1), ["sale"]),
        (SHARED, timedelta(minutes=1), [ALL_TYPES, "sale"]),
        (SHARED, timedelta(minutes=-1), [ALL_TYPES]),
        (PER_TYPE, timedelta(hours=1), [ALL_TYPES]),
    ],
    ids=["per type", "shared", "long before", "shortly before", "after", "back, long before"],
)
def test_those_that_answer_for_its_records_have_to_be_there(
    settings: Settings, border: timedelta | None, needed: list[str]
) -> None:
    firehose = Firehose()
    changing = in_change(settings, border)
    deployment = Deployment("dev1", changing, "", lambda *_, **__: firehose, None, Path())
    _check_streams(deployment, ("sale",))
    assert firehose.asked == needed


def test_one_that_is_missing_is_named() -> None:
    firehose = Firehose()

    def missing(**_: str) -> None:
        raise Firehose.exceptions.ResourceNotFoundException

    firehose.describe_delivery_stream = missing  # type: ignore[method-assign,assignment]
    deployment = Deployment("dev1", SHARED, "", lambda *_, **__: firehose, None, Path())
    with pytest.raises(SmokeError, match="no delivery stream prd3292-dev1-dmnd-pipeline-all-types"):
        _check_streams(deployment, ("sale",))


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        (PER_TYPE, {"sale"}),
        (SHARED, {ALL_TYPES}),
        (in_change(SHARED, timedelta(0)), {"sale", ALL_TYPES}),
    ],
    ids=["per type", "shared", "both"],
)
def test_failed_records_are_seen_in_the_output_of_each_delivery_stream_of_the_type(
    settings: Settings, found: set[str]
) -> None:
    store = MemoryStore()
    watch = Watch(store, None, settings, {"sale": "k"}, NOW)
    for name in ("sale", "demand", ALL_TYPES):
        store.put(f"data-pipeline/errors/{name}/processing-failed/{NOW:%Y/%m/%d}/a", b"")
    watch.look()
    assert {each.split("/")[2] for each in watch.seen["sale"].failed} == found
