"""Calendar dates: four digits, two and two, and nothing else that ISO 8601 allows."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transform.times import days, from_iso, from_javascript

DATES = st.dates().map(str)


@given(DATES | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True) | st.text(max_size=11))
def test_a_date_is_what_strptime_reads_of_ten_digits_and_hyphens(text: str) -> None:
    expected = None
    if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            read = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
            expected = (read - datetime(1970, 1, 1, tzinfo=UTC)).days
        except ValueError:
            pass
    assert days(text) == expected


@pytest.mark.parametrize(
    "text",
    ["20261122", "2026-W47-7", "2026W477", "2026-1122-", "٢٠٢٦-11-22", "2026-11-22T", "2026-326"],
)
def test_other_forms_are_no_dates(text: str) -> None:
    assert days(text) is None


@given(st.datetimes())
def test_a_time_of_javascript_is_the_time_that_datetime_reads(when: datetime) -> None:
    text = f"{when.isoformat(timespec='milliseconds')}Z"
    since = when.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    assert from_javascript(text) == since // timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        "2026/11-22T10:00:00.250Z",
        "2026-11/22T10:00:00.250Z",
        "2026-11-22t10:00:00.250Z",
        "2026-11-22T10;00:00.250Z",
        "2026-11-22T10:00:00,250Z",
        "2026-11-22T24:00:00.000Z",
        "2026-02-30T10:00:00.250Z",
        "2026-11-22T10:00:00.250z",
        "2026-11-22T10:00:00.25Z",
        "2026-11-22T10:00:00.2500",
    ],
)
def test_what_javascript_would_not_write_is_not_read_as_if_it_had(text: str) -> None:
    assert from_javascript(text) is None


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-11-22T23:59:59+23:59", "2026-11-22T00:00:59+00:00"),
        ("2026-11-22T00:00:00-05:59", "2026-11-22T05:59:00+00:00"),
        ("2026-11-22T10:00:00.00Z", "2026-11-22T10:00:00+00:00"),
        ("2026-11-22T10:00:00.0000", "2026-11-22T10:00:00+00:00"),
        ("2026-11-22T00:00:00+24:00", None),
        ("2026-11-22T00:00:00+00:60", None),
        ("2026-11-22T24:00:00Z", None),
        ("2026-11-22T00:60:00Z", None),
        ("2026-11-22T00:00:60Z", None),
    ],
)
def test_hours_minutes_seconds_and_offsets_end_where_a_clock_does(
    text: str, read: str | None
) -> None:
    expected = read and (int(datetime.fromisoformat(read).timestamp()) * 1000, True)
    assert from_iso(text) == expected
