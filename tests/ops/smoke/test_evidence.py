"""At which stage a record stopped, by what was seen."""

from __future__ import annotations

import pytest

from ops.smoke.evidence import Evidence, stage_of


@pytest.mark.parametrize(
    ("seen", "name", "text"),
    [
        (Evidence(), "landing", "delivery stream of sale"),
        (Evidence(failed={"k"}), "transform", "`dmd errors explain --stack dev1 --type sale`"),
        (Evidence(landed=True, waiting=True), "writer", "landed objects are not written"),
        (Evidence(landed=True, quarantined={"k"}), "writer", "`dmd errors list --stack dev1"),
        (Evidence(landed=True), "writer", "plans below compaction/"),
        (Evidence(landed=True, files={"k"}), "table", "a query does not find the rows"),
        (Evidence(landed=True, waiting=True, files={"k"}), "writer", "not written"),
    ],
)
def test_the_stage_is_the_first_that_nothing_passed(seen: Evidence, name: str, text: str) -> None:
    stage = stage_of("sale", seen, " --stack dev1")
    assert stage.name == name
    assert text in stage.advice
    assert not seen.complete


def test_a_record_is_through_when_both_its_changes_are() -> None:
    assert not Evidence(rows={"INSERT"}).complete
    assert Evidence(rows={"INSERT", "REMOVE"}).complete
