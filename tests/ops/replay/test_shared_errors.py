"""Replays of what shared and changing delivery streams leave: each record once, in its own table.

The object of a shared delivery stream has records of several types. While a stack changes its
delivery streams, a batch that fails as a whole is in the error output of both kinds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import pytest

from infra.deliveries import ALL_TYPES
from infra.settings import Settings
from ops.choices.choice import Choice
from ops.failed.owners import Owners
from ops.replay import objects
from tests.support.exploration import Exploration, Explored, Faults, Violation, shown
from tests.support.memory_store import MemoryStore
from tests.support.replaying import unfit
from tests.support.runs import NOW
from tests.support.shared_errors import (
    AFTER,
    BEFORE,
    REFUSED,
    SHARED,
    TO_PER_TYPE,
    TO_SHARED,
    TYPES,
    UNANSWERED,
    changed,
    closing,
    put_output,
    replay_all,
    replay_program,
    stranger,
    written,
)

NO_JSON = b"no json"
REFUND = stranger({"S": "refund"})


def of_two_types(store: MemoryStore) -> set[str]:
    """A batch that failed as a whole: two types, a stranger, and what nobody can read."""
    batch = [changed("demand", 1), REFUND, changed("sale", 2), NO_JSON, changed("demand", 3)]
    put_output(store, ALL_TYPES, "a", UNANSWERED, *((each, AFTER) for each in batch))
    return {"demand-1", "sale-2", "demand-3"}


def of_two(store: MemoryStore) -> set[str]:
    batch = [changed("demand", 1), changed("sale", 2)]
    put_output(store, ALL_TYPES, "a", UNANSWERED, *((each, AFTER) for each in batch))
    return {"demand-1", "sale-2"}


def of_both_kinds(store: MemoryStore) -> set[str]:
    """Both kinds of functions failed on one batch, on each side of the border."""
    batch = [(changed("demand", 1), BEFORE), (changed("demand", 2), AFTER)]
    for name in ("demand", ALL_TYPES):
        put_output(store, name, "a", UNANSWERED, *batch)
    return {"demand-1", "demand-2"}


@dataclass(frozen=True)
class Scenario:
    name: str
    before: Callable[[MemoryStore], set[str]]
    settings: Settings = SHARED
    types: tuple[tuple[str, ...], ...] = (TYPES, TYPES)
    faults: Faults = field(default_factory=Faults)

    def explore(self) -> Explored:
        store = MemoryStore(now=NOW, page_size=2)
        expected = self.before(store)
        programs = {
            name: replay_program(name, self.settings, types)
            for name, types in zip("AB", self.types, strict=False)
        }
        check = closing(self.settings, expected)
        try:
            return Exploration(programs, check, faults=self.faults).run(store)
        finally:
            for each in programs.values():
                each.end()


SCENARIOS = (
    Scenario("two replays over an object of two types", of_two),
    Scenario(
        "two replays of one type each over one object", of_two_types, types=(("demand",), ("sale",))
    ),
    Scenario("a replay over two types, an answer gets lost", of_two_types, types=(TYPES,),
             faults=Faults(lost=1)),
    Scenario("two replays on both sides of a border to shared", of_both_kinds, TO_SHARED,
             types=(("demand",), ("demand",))),
    Scenario("a replay on both sides of a border to per type", of_both_kinds, TO_PER_TYPE,
             types=(TYPES,)),
)  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_every_record_is_in_one_file(
    scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    explored = shown(scenario.name, scenario.explore(), capsys)
    assert explored.crash_points > 5


def _border_ignored(self: Owners, delivery: str, code: str, arrived: int | None) -> bool:
    return True


def _all_of_one_type(self: Owners, data: bytes) -> str:
    """Give a whole object to the type of which it has the first record."""
    return "demand"


def _names_of_one_type(self: Choice, number: int) -> str:
    """Name all files of a choice's number alike, whatever the source is."""
    return f"20261122T120000000Z-replay-{number}"


BUGS: tuple[tuple[str, type, str, Any, Scenario], ...] = (
    ("the border is ignored", Owners, "answers", _border_ignored, SCENARIOS[3]),
    ("an object is all of one type", Owners, "type_of", _all_of_one_type, SCENARIOS[0]),
    ("files do not name their source", Choice, "file_id", _names_of_one_type, SCENARIOS[3]),
)


@pytest.mark.parametrize(("name", "of", "part", "broken", "scenario"), BUGS)
def test_a_rule_that_is_broken_is_found(
    name: str, of: type, part: str, broken: Any, scenario: Scenario
) -> None:
    with mock.patch.object(of, part, broken), pytest.raises(Violation):
        scenario.explore()


def test_each_record_is_counted_under_its_own_type() -> None:
    store = MemoryStore(now=NOW)
    of_two_types(store)
    put_output(store, ALL_TYPES, "b", REFUSED, (unfit(9), AFTER))
    counts = replay_all(store, SHARED)
    found = {name: (each.records, each.rows, each.failed) for name, each in counts.items()}
    assert found == {
        "demand": (3, 2, {"required_attribute_missing (demand_id)": 1}),
        "sale": (1, 1, {}),
        ALL_TYPES: (2, 0, {"unclaimed_type": 1, "not_json": 1}),
    }


def test_what_the_function_itself_refused_is_its_own_whatever_its_time() -> None:
    """It looked at the border. Firehose's time of arrival may be a little later than Kinesis's."""
    store = MemoryStore(now=NOW)
    put_output(store, "demand", "a", REFUSED, (changed("demand", 1), AFTER))
    put_output(store, ALL_TYPES, "a", REFUSED, (changed("demand", 2), BEFORE))
    replay_all(store, TO_SHARED)
    assert written(store) == Counter({("demand", "demand-1"): 1, ("demand", "demand-2"): 1})


def test_a_broken_line_is_named_once_and_holds_up_no_type() -> None:
    store = MemoryStore(now=NOW)
    of_two_types(store)
    (key,) = store.kept
    store.put(key, store.kept[key][0] + b"?\n")
    counts = replay_all(store, SHARED)
    unreadable: Iterable[str] = [line for each in counts.values() for line in each.unreadable]
    assert [line.split(":")[0] for line in unreadable] == [key]
    assert sum(each.rows for each in counts.values()) == 3


def test_the_errors_of_the_former_kind_are_still_brought_back() -> None:
    store = MemoryStore(now=NOW)
    put_output(store, "sale", "a", UNANSWERED, (changed("sale", 1), AFTER), (NO_JSON, AFTER))
    assert replay_all(store, SHARED)["sale"].rows == 1
    assert written(store) == Counter({("sale", "sale-1"): 1})


def test_a_choice_holds_so_many_rows_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_MOST_ROWS", 1)
    store = MemoryStore(now=NOW)
    of_two_types(store)
    counts = replay_all(store, SHARED)
    assert (counts["demand"].files, counts["sale"].files) == (2, 1)
