"""How long something is wrong until its alarm goes off, and what is too short to tell anybody."""

from __future__ import annotations

import pytest

from infra.alarms import Alarm, alarms_of
from infra.stack_config import settings_of, stack_config
from schemas import RECORD_TYPES

# What is wrong without a pause for so many minutes is told, whatever docs/runbook.md says to do.
LASTING = {
    "delivery-late": 15,
    "stream-behind": 15,
    "reads-throttled": 15,
    "transform-failing": 10,
    "landed-waiting": 15,
    "writer-silent": 15,
    "writer-failing": 15,
    "writer-throttled": 15,
    "dead-letters": 30,
    "refresh-late": 180,
}
# One record or object of these is told: nothing mends it by itself.
AT_ONCE = {
    "records-failed": 15,
    "records-unclaimed": 15,
    "rows-quarantined": 15,
    "rows-outside-projection": 15,
    # The daily maintenance has no other alarm.
    "refresh-failing": 15,
}


def alarms(stack: str = "prod1", **settings: str) -> dict[str, Alarm]:
    """Return the alarms by symptom; those of the first record type stand for all types."""
    found = {}
    for each in alarms_of(settings_of(stack, stack_config(stack, settings))):
        symptom = each.symptom.removesuffix(f"-{RECORD_TYPES[0]}")
        if not symptom.endswith(tuple(RECORD_TYPES)):
            found[symptom] = each
    return found


def states(alarm: Alarm, minutes: str) -> list[bool]:
    """Return whether an alarm is on, period by period, for minutes that are good (.) or bad (x).

    A period is bad if one of its minutes is; as many of the last periods as the alarm says have
    to be bad.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarm-evaluation
    """
    length = alarm.period_seconds // 60
    periods = ["x" in minutes[at : at + length] for at in range(0, len(minutes), length)]
    return [
        sum(periods[max(end - alarm.periods, 0) : end]) >= alarm.datapoints
        for end in range(1, len(periods) + 1)
    ]


def goes_off(alarm: Alarm, minutes: str) -> bool:
    """Tell whether an alarm is ever on."""
    return any(states(alarm, minutes))


def patience(alarm: Alarm) -> int:
    """Return after how many minutes that are all bad an alarm goes off."""
    length = alarm.period_seconds // 60
    good = "." * 2 * alarm.periods * length
    lasting = range(length, (alarm.periods + 1) * length, length)
    return next(minutes for minutes in lasting if goes_off(alarm, good + "x" * minutes))


def test_each_alarm_has_its_patience_here() -> None:
    assert alarms().keys() == {*LASTING, *AT_ONCE}


@pytest.mark.parametrize("symptom", [*LASTING, *AT_ONCE])
def test_what_lasts_is_told_after_so_many_minutes(symptom: str) -> None:
    assert patience(alarms()[symptom]) == {**LASTING, **AT_ONCE}[symptom]


@pytest.mark.parametrize("symptom", LASTING)
def test_what_is_over_by_itself_is_not_told(symptom: str) -> None:
    alarm = alarms()[symptom]
    assert not goes_off(alarm, "." * 60 + "x" + "." * 60)


@pytest.mark.parametrize("symptom", AT_ONCE)
def test_what_nothing_mends_is_told_the_first_time(symptom: str) -> None:
    alarm = alarms()[symptom]
    good = "." * (alarm.period_seconds // 60)
    assert states(alarm, good * 2 + "x" + good[1:] + good) == [False, False, True, False]


@pytest.mark.parametrize("symptom", LASTING)
def test_a_good_period_in_between_is_a_new_start(symptom: str) -> None:
    # A transform that fails off and on loses batches all the same.
    assert interrupted(alarms()[symptom], 1) == (symptom == "transform-failing")
    assert not interrupted(alarms()[symptom], 2)


def interrupted(alarm: Alarm, pause: int) -> bool:
    """Tell whether an alarm goes off that twice almost did, with good periods in between."""
    minutes = alarm.period_seconds // 60
    good, almost = "." * minutes, "x" * minutes * (alarm.datapoints - 1)
    return goes_off(alarm, good * 4 + almost + good * pause + almost + good * 4)


@pytest.mark.parametrize(
    ("schedule", "minutes"), [(1, 15), (5, 15), (30, 90), (59, 177), (60, 60), (1440, 1440)]
)
@pytest.mark.parametrize("symptom", ["writer-silent", "writer-failing", "writer-throttled"])
def test_the_writer_has_three_runs_to_mend_itself_or_one_where_they_are_rare(
    symptom: str, schedule: int, minutes: int
) -> None:
    alarm = alarms(writer_schedule_minutes=str(schedule))[symptom]
    assert patience(alarm) == minutes


@pytest.mark.parametrize(("interval", "minutes"), [(5, 15), (60, 180), (1440, 4320)])
def test_a_current_state_is_late_after_three_intervals(interval: int, minutes: int) -> None:
    found = alarms(current_state_refresh_minutes=str(interval))
    assert patience(found["refresh-late"]) == minutes


def test_what_buffers_longer_may_be_later() -> None:
    buffers = {"transform_buffer_interval_seconds": "900", "delivery_buffer_interval_seconds": "0"}
    ten_minutes = 600
    assert alarms(**buffers)["delivery-late"].threshold == 900 + ten_minutes
    assert alarms()["stream-behind"].threshold == ten_minutes * 1000
