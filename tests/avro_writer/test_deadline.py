"""How a run's time is shared: by lanes that wait, and by the plans of one of them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from avro_writer.deadline import MARGIN, Deadline
from avro_writer.errors import OutOfTime


@dataclass
class Left:
    """A clock of what a run has left."""

    seconds: float

    def __call__(self) -> float:
        return self.seconds


def test_a_lane_that_is_alone_has_the_whole_run() -> None:
    left = Left(MARGIN + 100)
    turn = Deadline(left).turn(0)
    left.seconds = MARGIN
    turn.check()
    left.seconds = MARGIN - 0.1
    with pytest.raises(OutOfTime):
        turn.check()


@pytest.mark.parametrize("others", [1, 5])
def test_where_others_wait_half_of_what_is_left_is_theirs(others: int) -> None:
    left = Left(MARGIN + 100)
    run = Deadline(left)
    turn = run.turn(others)
    left.seconds = MARGIN + 50
    turn.check()
    left.seconds = MARGIN + 49
    with pytest.raises(OutOfTime):
        turn.check()
    run.check()
    next_turn = run.turn(others)
    left.seconds = MARGIN + 25
    next_turn.check()
    left.seconds = MARGIN + 24
    with pytest.raises(OutOfTime):
        next_turn.check()


def test_a_turn_has_no_more_than_the_run() -> None:
    left = Left(MARGIN + 100)
    run = Deadline(left)
    left.seconds = MARGIN - 1
    with pytest.raises(OutOfTime):
        run.turn(1).check()


@pytest.mark.parametrize(("others", "seconds"), [(0, 30), (1, 15)])
def test_one_plan_may_be_read_for_a_third_of_the_turn(others: int, seconds: float) -> None:
    left = Left(MARGIN + 90)
    turn = Deadline(left).turn(others)
    # Also where a part of the run is over.
    left.seconds -= 2
    reading = turn.reading()
    left.seconds -= seconds
    assert not reading.over
    left.seconds -= 0.1
    assert reading.over


@pytest.mark.parametrize("others", [0, 1])
def test_time_is_used_when_a_third_of_a_whole_run_went_by_but_for_one_step(others: int) -> None:
    left = Left(MARGIN + 90)
    reading = Deadline(left).turn(others).reading()
    for _ in range(4):
        left.seconds -= 10
        reading.check()
    assert not reading.was_used, "30 s and the longest step are no more than a third"
    left.seconds -= 0.1
    reading.check()
    assert reading.was_used


def test_a_leap_is_no_use_of_time() -> None:
    left = Left(300)
    reading = Deadline(left).reading()
    left.seconds = MARGIN
    reading.check()
    left.seconds = 1
    with pytest.raises(OutOfTime):
        reading.check()
    assert not reading.was_used
