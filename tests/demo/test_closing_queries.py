"""A run ends with queries that its stack's tables can answer."""

from __future__ import annotations

import dataclasses
import re

import pytest

import schemas
from demo import summary
from demo.reconciliation import Partition
from demo.summary import closing_queries


def joins(record_types: tuple[str, ...]) -> bool:
    return any("JOIN" in sql for sql in closing_queries(record_types, [], current=True))


def test_the_day_that_is_asked_for_is_that_of_the_largest_partition() -> None:
    partitions = [
        Partition("sale", f"2026-11-0{n}", 1, rows, 1) for n, rows in enumerate((1, 3, 2), 1)
    ]
    of_a_day, *_ = closing_queries(("sale",), partitions, current=True)
    assert "WHERE partition_date = '2026-11-02'" in of_a_day


@pytest.mark.parametrize(
    ("record_types", "expected"),
    [
        (("demand", "sale"), True),
        (("notification", "sale", "demand", "event"), True),
        (("demand", "event"), False),
        (("sale",), False),
    ],
)
def test_demands_are_joined_with_sales_where_both_have_tables(
    record_types: tuple[str, ...], expected: bool
) -> None:
    assert joins(record_types) is expected


@pytest.mark.parametrize(("current", "view"), [(True, "sale_current"), (False, "sale_latest")])
def test_the_current_state_is_asked_where_the_stack_keeps_it(current: bool, view: str) -> None:
    queries = closing_queries(("demand", "sale"), [], current=current)
    read = [set(re.findall(r'"(\w+_(?:current|latest))"', sql)) for sql in queries]
    assert read == [{view, view.replace("sale", "demand")}] * 2


def test_a_schema_without_a_column_of_the_join_has_no_join(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_channel(record_type: str) -> schemas.Table:
        whole = schemas.table(record_type)
        kept = tuple(each for each in whole.columns if each.name != "channel")
        return dataclasses.replace(whole, columns=kept)

    monkeypatch.setattr(summary, "table", without_channel)
    assert not joins(("demand", "sale"))
