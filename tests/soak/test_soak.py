"""The short form of `make soak`."""

from __future__ import annotations

from pathlib import Path

from tests.soak.soak import soak


def test_every_row_is_in_its_place_when_runs_were_killed(tmp_path: Path) -> None:
    result = soak(14, seed=7, folder=tmp_path, say=lambda text: None)
    assert result.problems == []
    assert result.passed >= 3
    assert result.counts["rows written"] > 0
