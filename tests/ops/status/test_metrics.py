"""The periods in which metrics are asked for: CloudWatch answers nothing to wrong ones."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ops.status.metrics import period_seconds


@pytest.mark.parametrize(
    ("window", "step"),
    [
        (timedelta(minutes=15), 60),
        (timedelta(hours=24), 60),
        (timedelta(days=14), 60),
        (timedelta(days=15), 300),
        (timedelta(days=20), 300),
        (timedelta(days=62), 300),
        (timedelta(days=63), 3_600),
        (timedelta(days=400), 3_600),
    ],
)
def test_a_period_is_one_that_cloudwatch_keeps(window: timedelta, step: int) -> None:
    period = period_seconds(window)
    assert period % step == 0
    assert period >= 300
    assert window.total_seconds() / period <= 100
