"""The page says what is read for each way to ask for the current state, as it is measured."""

from __future__ import annotations

import re

import pytest

from tests.trino.reads import DAYS, PAGE, Measured, Read, measure, text, with_figures
from tests.trino.server import Tools

pytestmark = pytest.mark.trino

_CELL = re.compile(r"^\| (.*) \| ([0-9.e+]+) % \| (\d+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def found(tools: Tools) -> Measured:
    return measure(tools)


def figures(page: str) -> dict[str, tuple[float, int]]:
    return {what: (float(share), int(listed)) for what, share, listed in _CELL.findall(page)}


def test_the_page_has_the_figures_that_are_measured(found: Measured) -> None:
    shown, measured = figures(PAGE.read_text(encoding="utf-8")), figures(text(found))
    assert len(measured) == 5
    for what, (share, listed) in measured.items():
        # Sizes of files differ a little from one machine to another, and dates pass.
        assert shown[what][0] == pytest.approx(share, rel=0.25)
        assert shown[what][1] == pytest.approx(listed, abs=2)


def test_the_table_of_the_current_state_is_the_cheaper_way(found: Measured) -> None:
    assert found.share(found.current) < 0.02
    assert found.share(found.refresh) < 0.04
    assert found.refreshes_a_day < 1
    assert found.current.listed == 0
    # A day ahead is projected, too.
    assert DAYS < found.latest.listed <= DAYS + 2


def test_other_figures_would_be_noticed(found: Measured) -> None:
    page = with_figures(PAGE.read_text(encoding="utf-8"), found)
    other = Measured(*[Read(100 + 50 * number, number) for number in range(5)])
    assert figures(with_figures(page, other)) != figures(page)
