"""Two runs at once, in every order of their requests, with everything that may befall them.

After each step of each schedule both may die: a later run then has to bring all to its end. So
every crash point of every interleaving is among what is checked. `make soak` explores more.
"""

from __future__ import annotations

import pytest

from tests.support.exploration import Violation, shown
from tests.support.scenarios import QUICK, Scenario, explore
from tests.support.seeded import BUGS, Bug


@pytest.mark.parametrize("scenario", QUICK, ids=lambda each: each.name)
def test_every_row_is_in_one_place(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    explored = shown(scenario.name, scenario.explore(), capsys)
    assert explored.crash_points > 5, "buckets that a crash leaves behind"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_rule_that_is_broken_is_found(bug: Bug) -> None:
    with pytest.raises(Violation):
        bug.explore(explore)
