"""The verdict on an endpoint's answer: what of the wanted is missing or different, in words."""

from __future__ import annotations

from typing import Any

import pytest

from emulation.needs.fact import Fact, lack


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        (412, 412),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": {"b": [1, {"c": "x"}]}}, {"a": {"b": [1, {"c": "x", "d": 0}]}, "e": 0}),
        ({"eventID": str, "SizeBytes": int}, {"eventID": "e", "SizeBytes": 3}),
        ([], []),
        (b"body", b"body"),
    ],
)
def test_an_answer_may_have_more_than_is_wanted(wanted: Any, got: Any) -> None:
    assert lack(Fact("asked", wanted, got)) is None


@pytest.mark.parametrize(
    ("wanted", "got", "said"),
    [
        (412, 200, "asked: the answer is 200, not 412"),
        ({"a": {"b": 1}}, {"a": {}}, "asked: a.b is missing"),
        ({"a": 1}, {}, "asked: a is missing"),
        ({"a": {"b": 1}}, {"a": None}, "asked: a is None, not {'b': 1}"),
        ({"a": [1, 2]}, {"a": [1]}, "asked: a is [1], not [1, 2]"),
        ([{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 3}], "asked: [1].a is 3, not 2"),
        ({"a": str}, {"a": None}, "asked: a is None, not 'str'"),
        ("12", ["1", "2"], "asked: the answer is ['1', '2'], not '12'"),
        (["1", "2"], "12", "asked: the answer is '12', not ['1', '2']"),
        (b"", b"x" * 1000, "asked: the answer is b'xxx"),
    ],
)
def test_the_first_difference_is_told_with_its_place(wanted: Any, got: Any, said: str) -> None:
    told = lack(Fact("asked", wanted, got))
    assert told is not None
    assert told.startswith(said)
    assert len(told) < 100
