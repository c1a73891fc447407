"""Every page of ``docs/decisions`` has the same form, and the index lists each of them."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from infra.stack_config import REPOSITORY

FOLDER = REPOSITORY / "docs" / "decisions"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_decision_has_a_date_its_context_and_its_consequences(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    found = re.match(r"# \S.*\n\nDate: (\d{4}-\d{2}-\d{2})\n\n## Context\n", text)
    assert found
    date.fromisoformat(found[1])
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences"]


def test_the_index_lists_every_decision_with_its_date_and_title_oldest_first() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d.+) \| \[(.+)\]\((.+)\) \|$", index, re.MULTILINE)
    assert rows == sorted(rows, key=lambda row: row[0])
    listed = {name: (day, title) for day, title, name in rows}
    assert len(listed) == len(rows)
    expected = {}
    for page in PAGES:
        title, _, day = page.read_text(encoding="utf-8").splitlines()[:3]
        expected[page.name] = (day.removeprefix("Date: "), title.removeprefix("# "))
    assert listed == expected
