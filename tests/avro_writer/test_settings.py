"""What the writer is told, and how it refuses what it cannot use."""

from __future__ import annotations

from typing import Any

import pytest

from avro_writer.errors import EventError
from avro_writer.settings import Assignment, Settings
from environment import VariableError
from testing.writer_environment import WRITER_ENVIRONMENT


def test_settings_are_read() -> None:
    settings = Settings.from_environment(WRITER_ENVIRONMENT)
    assert (settings.bucket, settings.lanes, settings.settle_seconds) == ("b", 2, 0)


@pytest.mark.parametrize("name", WRITER_ENVIRONMENT)
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(VariableError, match=name):
        Settings.from_environment({**WRITER_ENVIRONMENT, name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [("LANES", "two"), ("LANES", "-1"), ("LANES", "²"), ("SETTLE_SECONDS", "1.5")],
)
def test_a_number_that_is_none_is_refused_with_what_is_allowed(name: str, value: str) -> None:
    with pytest.raises(VariableError, match=f"{name}.*whole number from"):
        Settings.from_environment({**WRITER_ENVIRONMENT, name: value})


@pytest.mark.parametrize(
    ("name", "least"),
    [("LANES", 1), ("MAX_PLAN_OBJECTS", 1), ("MAX_PLAN_BYTES", 1), ("MIN_PLAN_BYTES", 0),
     ("MAX_WAIT_SECONDS", 0), ("SETTLE_SECONDS", 0)],
)  # fmt: skip
def test_a_number_has_its_least_value(name: str, least: int) -> None:
    Settings.from_environment({**WRITER_ENVIRONMENT, name: str(least)})
    with pytest.raises(VariableError, match=f"{name}.*whole number from {least}"):
        Settings.from_environment({**WRITER_ENVIRONMENT, name: str(least - 1)})


@pytest.mark.parametrize("value", ["today", "2024-1-1", "20240101", "2024-W01-1", "2024-02-30"])
def test_a_date_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(VariableError, match=r"FIRST_PARTITION_DATE.*YYYY-MM-DD"):
        Settings.from_environment({**WRITER_ENVIRONMENT, "FIRST_PARTITION_DATE": value})


@pytest.mark.parametrize(
    "event",
    [None, {}, [], "demand", {"type": "demand"}, {"lane": 0}, {"type": "refund", "lane": 0},
     {"type": "demand", "lane": 2}, {"type": "demand", "lane": 3}, {"type": "demand", "lane": -1},
     {"type": "demand", "lane": "0"}, {"type": "demand", "lane": True},
     {"type": ["demand"], "lane": 0}],
)  # fmt: skip
def test_an_event_of_another_shape_is_refused(event: Any) -> None:
    with pytest.raises(EventError, match=r"use one of demand, |use 0 to 1$"):
        Assignment.from_event(event, 2)


def test_an_event_names_type_and_lane() -> None:
    assert Assignment.from_event({"type": "sale", "lane": 1}, 2) == Assignment("sale", 1)
