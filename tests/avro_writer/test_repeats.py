"""Fingerprints: no two changes look alike."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from avro_writer.encoder import compile_encoder, rows_of
from avro_writer.repeats import fingerprints
from avro_writer.rows import row_type
from schemas.columns import Column, Integer, Record, String

IDENTITY = Record(
    "Identity",
    (
        Column("change_id", "", String()),
        Column("record_key", "", String()),
        Column("change_type", "", String()),
        Column("changed_at_micros", "", Integer(64)),
    ),
)
ROW, ENCODE = row_type(IDENTITY), compile_encoder(IDENTITY)
PARTS = st.tuples(
    st.text(max_size=4), st.text(max_size=4), st.sampled_from(["INSERT", "MODIFY", "REMOVE"]),
    st.integers(0, 3),
)  # fmt: skip


def fingerprint_of(*identity: str | int) -> bytes:
    row = ROW(**{f"c{place}": value for place, value in enumerate(identity)})
    (fingerprint,) = fingerprints(rows_of(ENCODE([row])))
    return fingerprint


@given(PARTS, PARTS)
def test_changes_that_differ_have_fingerprints_that_differ(one: tuple, other: tuple) -> None:  # type: ignore[type-arg]
    assert (fingerprint_of(*one) == fingerprint_of(*other)) == (one == other)


def test_no_text_can_be_shifted_into_its_neighbour() -> None:
    assert fingerprint_of("ab", "c", "INSERT", 1) != fingerprint_of("a", "bc", "INSERT", 1)
    assert fingerprint_of("\x04a", "", "INSERT", 1) != fingerprint_of("", "\x04a", "INSERT", 1)
    assert fingerprint_of("a", "1", "INSERT", 11) != fingerprint_of("a", "11", "INSERT", 1)
