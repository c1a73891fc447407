"""No refresh of the current state misses what a replay brings back for an earlier date.

See docs/exactly-once.md#files-of-earlier-dates.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.support.exploration import Explored, Faults, Violation, shown
from tests.support.late_files import (
    check_end,
    check_marks,
    explore,
    file_ids,
    mark_before_file,
    only_the_first_put_is_marked,
    refresh_program,
)
from tests.support.memory_store import MemoryStore
from tests.support.replay_scenarios import one, two_dates
from tests.support.replaying import PREFIX, replay, replay_program
from tests.support.runs import NOW
from tests.support.writer import FIRST_DATE

_DONE = re.compile(rf"{PREFIX}/replay/demand/(\w{{16}})\w*/(\d+)\.done\.json")


def in_work(store: MemoryStore) -> set[str]:
    """Return the names of the files whose choices are not done."""
    done = {match.groups() for match in map(_DONE.fullmatch, store.kept) if match}
    return {name for name in file_ids(store) if tuple(name.split("-")[-2:]) not in done}


def explored(names: str, before: Callable[[MemoryStore], None], faults: Faults) -> Explored:
    """Explore replays A and B, and a refresh R."""
    store = MemoryStore(now=NOW, page_size=2)
    before(store)

    def check(store: MemoryStore) -> None:
        check_marks(store, in_work(store))
        replay(store, first_partition_date=FIRST_DATE, hours=100)
        check_marks(store, ())
        check_end(store)

    programs = {
        each: refresh_program(each)
        if each == "R"
        else replay_program(each, first_partition_date=FIRST_DATE)
        for each in names
    }
    return explore(programs, store, check, faults)


@pytest.mark.parametrize(
    ("names", "before", "faults"),
    [
        ("ABR", one, Faults()),
        ("AR", two_dates, Faults(delayed=1)),
        ("AR", two_dates, Faults(lost=1)),
    ],
    ids=lambda each: getattr(each, "__name__", str(each)),
)
def test_no_refresh_misses_a_late_file(
    names: str,
    before: Callable[[MemoryStore], None],
    faults: Faults,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = f"replays and refreshes {names}, {before.__name__}, {faults}"
    found = shown(name, explored(names, before, faults), capsys)
    assert found.crash_points > 5


@pytest.mark.parametrize("broken", [mark_before_file, only_the_first_put_is_marked])
def test_a_rule_that_is_broken_is_found(
    broken: Callable[[], AbstractContextManager[object]],
) -> None:
    with broken(), pytest.raises(Violation, match=r"no mark|no refresh"):
        explored("AR", two_dates, Faults())
