"""Fingerprints: no two changes look alike, and the table of them is a set."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from avro_writer.repeats import Fingerprints, fingerprint

PARTS = st.tuples(
    st.text(max_size=4), st.text(max_size=4), st.sampled_from(["INSERT", "MODIFY", "REMOVE"]),
    st.integers(0, 3),
)  # fmt: skip


@given(PARTS, PARTS)
def test_changes_that_differ_have_fingerprints_that_differ(one: tuple, other: tuple) -> None:  # type: ignore[type-arg]
    assert (fingerprint(*one) == fingerprint(*other)) == (one == other)


def test_no_text_can_be_shifted_into_its_neighbour() -> None:
    assert fingerprint("ab", "c", "INSERT", 1) != fingerprint("a", "bc", "INSERT", 1)
    assert fingerprint("1:a", "", "INSERT", 1) != fingerprint("1", ":a", "INSERT", 1)
    assert fingerprint("a", "1", "INSERT", 11) != fingerprint("a", "11", "INSERT", 1)


@given(st.lists(st.binary(min_size=16, max_size=16).filter(any), max_size=200))
def test_the_table_is_a_set_however_it_grows(fingerprints: list[bytes]) -> None:
    table = Fingerprints()
    seen: set[bytes] = set()
    for each in fingerprints:
        assert table.add(each) == (each not in seen)
        seen.add(each)
    assert len(table) == len(seen)


def test_fingerprints_that_fall_into_one_slot_are_told_apart() -> None:
    table = Fingerprints()
    alike = [bytes(8) + number.to_bytes(7, "big") + b"\x01" for number in range(1, 300)]
    assert all(table.add(each) for each in alike)
    assert not any(table.add(each) for each in alike)


def test_it_takes_at_most_32_bytes_each_and_little_more_while_it_grows() -> None:
    many = 60_000
    tracemalloc.start()
    try:
        table = Fingerprints()
        for number in range(many):
            assert table.add(fingerprint(str(number), "", "INSERT", 0))
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 34 * many
    assert most < 1.1 * 34 * many
