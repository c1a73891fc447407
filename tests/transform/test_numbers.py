"""A number's nearest double, and whether it is the same number."""

from __future__ import annotations

from decimal import Decimal

import pytest

from transform.numbers import double


@pytest.mark.parametrize(
    "text",
    ["0.5", "12.25", "123456789012345", "1234567890123456", "0.12345678901234568", "-0.1", "1e3"],
)
def test_a_number_that_a_double_shows_is_exact(text: str) -> None:
    assert double(text) == (float(text), True)


@pytest.mark.parametrize(
    "text",
    ["0.12345678901234567", "9007199254740993", "-0.30000000000000001"],
)
def test_a_number_with_more_digits_is_not(text: str) -> None:
    found = double(text)
    assert found == (float(text), False)
    assert Decimal(repr(float(text))) != Decimal(text)
