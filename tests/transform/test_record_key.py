"""A record's key is canonical JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transform.record_key import record_key

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(st.dictionaries(TEXT, TEXT, min_size=1, max_size=2))
def test_a_key_of_texts_is_written_as_the_standard_library_writes_it(key: dict[str, str]) -> None:
    expected = json.dumps(key, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    attributes = {name: {"S": text} for name, text in key.items()}
    assert record_key(attributes) == expected


@given(TEXT, TEXT, st.integers(0, 10**17))
def test_a_number_in_a_key_is_plain(name: str, text: str, number: int) -> None:
    attributes = {name: {"N": f"{number}.0"}, name + "2": {"S": text}}
    assert json.loads(record_key(attributes) or "") == {name: number, name + "2": text}


@pytest.mark.parametrize(
    "value",
    [
        *({}, {"S": "a", "N": "5"}, "a", None, ["S"], {"S": 5}, {"N": "five"}),
        # Digits are a number under N alone, whatever sorts before it.
        *({"BOOL": "true"}, {"BOOL": "5"}, {"SS": "5"}),
    ],
)
def test_what_is_no_single_key_value_is_no_key(value: object) -> None:
    assert record_key({"pk": {"S": "a"}, "sk": value}) is None
    assert record_key({}) is None
