"""A run whose types share a delivery stream writes the rows that the reference expects."""

from __future__ import annotations

from collections import Counter

import pytest

import schemas
from demo.feed.generator import generate
from testing.reference import DROPPED, FAILED, outcome
from tests.end_to_end.conftest import RECORDS, SEED, Run, finished, own_lines
from tests.end_to_end.test_demo import TABLE, comparable, error_sources, rows
from tests.support.cli import dmd_here

LINES = [
    *(each.data for each in generate(SEED, RECORDS, TABLE) if b"\n" not in each.data),
    *own_lines()[:-1],
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run over generated records and a user's own, good and bad."""
    folder = tmp_path_factory.mktemp("shared")
    lines = b"".join(line + b"\n" for line in LINES)
    settings = ("--set", "delivery=shared", "--input", "-")
    return finished(folder / "state", folder / "export", *settings, input=lines, run=dmd_here)


@pytest.mark.parametrize("record_type", schemas.RECORD_TYPES)
def test_the_tables_hold_exactly_the_rows_that_the_reference_expects(
    shared: Run, record_type: str
) -> None:
    outcomes = [outcome(each, record_type) for each in LINES]
    expected = {comparable(each) for each in outcomes if isinstance(each, dict)}
    actual = list(rows(shared.export, record_type))
    assert {comparable(row) for row in actual} == expected
    assert len(actual) == len(expected), "each row once, though records came twice"


def test_each_record_is_read_once_and_every_count_reconciles(shared: Run) -> None:
    unclaimed = [
        each
        for each in LINES
        if all(outcome(each, record_type) == DROPPED for record_type in schemas.RECORD_TYPES)
    ]
    ((name, counts),) = shared.summary["types"].items()
    assert name == "all-types"
    assert shared.summary["reconciled"] is True
    assert shared.summary["denials"] == []
    assert counts["received"] == shared.summary["fed"] == len(LINES)
    assert counts["dropped"] == shared.summary["unclaimed"] == len(unclaimed) > 0
    assert counts["repeats"] > 0
    assert shared.summary["each_record_once"] == counts


def test_a_record_that_fails_is_kept_once_with_its_reason(shared: Run) -> None:
    failed = [
        each
        for each in LINES
        if any(outcome(each, record_type) == FAILED for record_type in schemas.RECORD_TYPES)
    ]
    assert sorted(error_sources(shared.export, "all-types")) == sorted(failed)
    assert {each.name for each in (shared.export / "data-pipeline/errors").iterdir()} == {
        "all-types"
    }
    reasons = Counter(shared.summary["failed"]["reasons"])
    assert reasons.total() == shared.summary["failed"]["count"] == len(failed)
    assert reasons["required_column_does_not_fit (requested_seats)"] >= 1
    assert reasons["not_json"] >= 3
