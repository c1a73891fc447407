"""The benchmark of a backfill does its work, and the page says what it has measured."""

from __future__ import annotations

import json
import re

from bench.backfill import main
from bench.rounds import ROOT


def test_a_small_run_counts_every_item() -> None:
    found = main(records=60, rounds=1, seed=3)
    assert found["items"] == 60
    assert found["ratio_to_floor"] > 0
    assert len(found["ratios"]) == 1


def test_the_page_has_the_numbers_of_the_last_run() -> None:
    last = json.loads((ROOT / "bench/results/backfill.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs/backfill.md").read_text(encoding="utf-8")
    shown = re.search(
        r"wrote ([\d,]+) items \((\d+) MB of JSON\) a second.*?\n?.*?([\d.]+) times", page
    )
    assert shown
    items = f"{round(last['items_per_second'], -3):,}"
    megabytes = str(round(last["json_bytes_per_second"] / 1e6))
    assert shown.groups() == (items, megabytes, str(last["ratio_to_floor"]))
