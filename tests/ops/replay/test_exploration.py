"""Two replays at once, in every order of their requests; after each step both may die.

A later replay then has to bring every record that is a row now into exactly one file. The promises
are those of docs/exactly-once.md#replay.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock

import msgspec
import pytest

from avro_writer.store import AlreadyThere
from ops.choices.choice import Choice, Done, decode, digest
from ops.choices.protocol import Choices, Settled
from ops.failed.records import FailedRecord
from tests.support.exploration import Violation, shown
from tests.support.replay_scenarios import QUICK, Scenario


@pytest.mark.parametrize("scenario", QUICK, ids=lambda each: each.name)
def test_every_record_is_in_one_file(
    scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    explored = shown(scenario.name, scenario.explore(), capsys)
    assert explored.crash_points > 5


def _names_of_their_own(self: Choice, number: int) -> str:
    """Name the files by who writes them."""
    return f"20261122T120000000Z-replay-{next(_NUMBERS)}"


def _taken_again(self: Settled) -> frozenset[str]:
    return frozenset()


def _overwritten(self: Choices, settled: Settled, choice: Choice) -> Done | None:
    """Put the choice whether somebody else has or not."""
    key = self._choice_key(digest(choice.source), len(settled.done))
    self._store.overwrite(key, choice.encode())  # type: ignore[attr-defined]
    return self._finish(len(settled.done), choice)


def _written_down_last(self: Choices, settled: Settled, choice: Choice) -> Done | None:
    """Put the files, then the choice."""
    number = len(settled.done)
    done = self._finish(number, choice)
    with contextlib.suppress(AlreadyThere):
        self._store.create(self._choice_key(digest(choice.source), number), choice.encode())
    return done


def _never_finished(self: Choices, source_digest: str, finished: Callable[[Done], None]) -> Settled:
    """Take what others have begun as done."""
    done: list[Done] = []
    for number in itertools.count():
        found = self._store.find(self._choice_key(source_digest, number))
        if found is None:
            return Settled(tuple(done))
        choice = decode("", found[0])
        done.append(Done(choice.source, "", choice.made_by, list(choice.marks), 0, 0, 0))
    raise AssertionError


def _done_first(self: Choices, number: int, choice: Choice) -> Done:
    """Say that the files are there, then put them."""
    done = Done(choice.source, "", choice.made_by, list(choice.marks), len(choice.rows), 0, 1)
    key = f"{self._root}{digest(choice.source)}/{number}.done.json"
    with contextlib.suppress(AlreadyThere):
        self._store.create(key, msgspec.json.encode(done))
    return _FINISH(self, number, choice)


def _numbered_by_place(self: FailedRecord) -> str:
    """Tell records apart by their length, so that two have one mark."""
    return str(len(self.data))


def _next_number_of_its_own(self: Choices, settled: Settled, choice: Choice) -> Done | None:
    """Give way to another's choice by taking the number after it."""
    for number in itertools.count(len(settled.done)):
        with contextlib.suppress(AlreadyThere):
            self._store.create(self._choice_key(digest(choice.source), number), choice.encode())
            return self._finish(number, choice)
    raise AssertionError


def _by_the_clock(self: Choices, number: int, choice: Choice) -> Done:
    """Name files by when they are put, and not by when they were chosen."""
    moved = replace(choice, made_at=choice.made_at + timedelta(milliseconds=next(_NUMBERS)))
    return _FINISH(self, number, moved)


_NUMBERS = itertools.count()
_FINISH = Choices._finish

BUGS: tuple[tuple[str, type, str, Any, Scenario], ...] = (
    ("files are named by who writes them", Choice, "file_id", _names_of_their_own, QUICK[0]),
    ("files are named by the time of the put", Choices, "_finish", _by_the_clock, QUICK[0]),
    ("what was replayed is chosen again", Settled, "taken", property(_taken_again), QUICK[0]),
    ("a choice is overwritten", Choices, "choose", _overwritten, QUICK[3]),
    ("a choice is written down last", Choices, "choose", _written_down_last, QUICK[3]),
    ("a choice that was begun is left", Choices, "settle", _never_finished, QUICK[0]),
    ("a choice is done before its files are there", Choices, "_finish", _done_first, QUICK[0]),
    ("two records have one mark", FailedRecord, "mark", property(_numbered_by_place), QUICK[1]),
    ("two choices at once", Choices, "choose", _next_number_of_its_own, QUICK[0]),
)


@pytest.mark.parametrize(
    ("name", "of", "part", "broken", "scenario"),
    BUGS,
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_rule_that_is_broken_is_found(
    name: str, of: type, part: str, broken: Any, scenario: Scenario
) -> None:
    with mock.patch.object(of, part, broken), pytest.raises(Violation):
        scenario.explore()
