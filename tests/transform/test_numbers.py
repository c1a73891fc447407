"""A number's nearest double, whether it is the same number, and the number's other texts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from transform.numbers import double, fixed_point, plain


@pytest.mark.parametrize(
    "text",
    ["0.5", "12.25", "123456789012345", "1234567890123456", "0.12345678901234568", "-0.1", "1e3"],
)
def test_a_number_that_a_double_shows_is_exact(text: str) -> None:
    assert double(text) == (float(text), True)


@pytest.mark.parametrize(
    "text",
    [
        "0.12345678901234567",
        "9007199254740993",
        "-0.30000000000000001",
        # Of more than 18 digits: the double is above the number, then below it.
        "0.1234567890123456789",
        "0.1234567890123456812",
    ],
)
def test_a_number_with_more_digits_is_not(text: str) -> None:
    found = double(text)
    assert found == (float(text), False)
    assert Decimal(repr(float(text))) != Decimal(text)


@pytest.mark.parametrize(("text", "expected"), [("1.50", "1.5"), ("1.5", "1.5"), ("1.55", None)])
def test_zeros_after_the_last_decimal_do_not_count(text: str, expected: str | None) -> None:
    assert fixed_point(text, 2, 1) == expected


@pytest.mark.parametrize(("text", "expected"), [("007", "7"), ("070", "70"), ("-07", "-7")])
def test_zeros_before_a_number_do_not_count(text: str, expected: str) -> None:
    assert plain(text) == expected
