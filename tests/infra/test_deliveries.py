"""Which delivery streams a stack has, and which of them answers for a change record."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.deliveries import ALL_TYPES, Delivery, deliveries_of
from infra.settings import Settings
from infra.stack_config import settings_of, stack_config
from schemas import SchemaError, parse_table

BORDER = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
TYPES = ("demand", "sale", "event", "notification")


def settings(**overrides: str) -> Settings:
    return settings_of("dev1", stack_config("dev1", overrides))


def kinds(delivery: str, border: str = "") -> dict[str, Delivery]:
    found = deliveries_of(settings(delivery=delivery, delivery_border=border))
    names = [each.name for each in found]
    assert len(set(names)) == len(names)
    return {each.name: each for each in found}


def test_each_type_has_a_delivery_stream_of_its_own() -> None:
    assert deliveries_of(settings()) == tuple(
        Delivery(name=each, record_types=(each,)) for each in TYPES
    )


def test_all_types_may_share_one() -> None:
    (shared,) = deliveries_of(settings(delivery="shared"))
    assert shared == Delivery(name=ALL_TYPES, record_types=TYPES)
    assert shared.shared


def test_the_types_are_those_of_the_stack_in_their_order() -> None:
    types = '["sale","demand"]'
    assert [each.name for each in deliveries_of(settings(demand_data_types=types))] == [
        "sale",
        "demand",
    ]
    (shared,) = deliveries_of(settings(delivery="shared", demand_data_types=types))
    assert shared.record_types == ("sale", "demand")


@pytest.mark.parametrize("delivery", ["shared", "per_type"])
def test_with_a_border_the_kind_of_the_setting_begins_there_and_the_other_ends_there(
    delivery: str,
) -> None:
    found = kinds(delivery, "2026-12-01T12:00Z")
    assert set(found) == {ALL_TYPES, *TYPES}
    for each in found.values():
        begins = each.shared == (delivery == "shared")
        assert (each.since, each.before) == ((BORDER, None) if begins else (None, BORDER))
    # Those that answer from now on come first.
    assert next(iter(found.values())).since == BORDER


@given(
    delivery=st.sampled_from(["shared", "per_type"]),
    border=st.sampled_from(["", "2026-12-01T12:00Z"]),
    record_type=st.sampled_from(TYPES),
    arrived=st.integers(-3, 3).map(lambda ms: BORDER + timedelta(milliseconds=ms)),
)
def test_exactly_one_delivery_stream_answers_for_a_record(
    delivery: str, border: str, record_type: str, arrived: datetime
) -> None:
    answering = [
        each
        for each in kinds(delivery, border).values()
        if record_type in each.record_types
        and (each.since is None or each.since <= arrived)
        and (each.before is None or arrived < each.before)
    ]
    assert len(answering) == 1


def test_no_record_type_can_have_the_name_of_the_shared_one() -> None:
    text = json.dumps({"type": "record", "name": "T", "fields": [{"name": "a", "type": "string"}]})
    assert parse_table(ALL_TYPES.replace("-", "_"), text, "test")
    with pytest.raises(SchemaError, match="snake_case"):
        parse_table(ALL_TYPES, text, "test")
