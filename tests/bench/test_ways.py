"""What leaves the fast way is counted, and what a page says of a kind of record is so."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.changes import MISFITS, ODDITIES
from bench.ways import measure
from bench.workload import prepare


def test_records_are_counted_by_what_is_odd_about_them(tmp_path: Path) -> None:
    found = measure(prepare(tmp_path, seed=3, count=2_000), rounds=1)
    left = found["left"]
    assert 0 < left["all"] < 0.02
    assert left.keys() == {"all", "demand", "event", "notification", "sale"}
    kinds = {kind["kind"]: kind for kind in found["kinds"]}
    assert kinds.keys() == {*ODDITIES, *MISFITS}
    narrow = ("a time finer than its column", "a number with more digits than a double")
    assert [kinds[each]["left"] for each in narrow] == [0, 0]
    assert kinds["a member of a map that the schema does not have"]["left"] > 0.5
    assert kinds["a value of another type"]["left"] == pytest.approx(1)
    assert {name for name, kind in kinds.items() if not kind["in_records"]} == {*MISFITS}
