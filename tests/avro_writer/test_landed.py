"""A landed object's lines: whole, or not at all; as many at a time as may be."""

from __future__ import annotations

import gzip
import io
import zlib
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from avro_writer import landed
from avro_writer.landed import CorruptObject, batches, unzip

BODIES = st.lists(st.sampled_from([b"", b"a", b"bc", b"d" * 7, b"\r", b"e" * 40]), max_size=9)


@given(BODIES, st.booleans(), st.integers(1, 12), st.integers(0, 8))
@example([b"a", b""], False, 1, 19)
@example([b"d" * 7, b"d" * 7], True, 7, 0)
def test_batches_hold_each_line_once_and_whole(
    lines: list[bytes], ended: bool, batch: int, more: int
) -> None:
    text = b"\n".join(lines) + b"\n" * (ended and bool(lines))
    expected = text.split(b"\n")[: -1 if text.endswith(b"\n") or not text else None]
    # No line within a batch can be too long but the last.
    most = batch + more
    found = []
    with mock.patch.multiple(landed, _BATCH_BYTES=batch, MOST_LINE_BYTES=most, _PIECE=3):
        for each, rest in batches(io.BytesIO(text)):
            if rest is None:
                assert each
                assert max(map(len, each)) <= most
                found += each
            else:
                (begin,) = each
                assert len(begin) == most
                found.append(begin + b"".join(rest))
                assert len(found[-1]) > most
    assert found == expected


@given(BODIES, st.integers(5, 20))
def test_the_rest_of_a_long_line_need_not_be_taken(lines: list[bytes], most: int) -> None:
    text = b"\n".join(lines)
    with mock.patch.multiple(landed, _BATCH_BYTES=5, MOST_LINE_BYTES=most, _PIECE=3):
        found = [line for each, _ in batches(io.BytesIO(text)) for line in each]
    assert found == [line[:most] for line in text.split(b"\n")][: len(found)]
    assert len(found) == text.count(b"\n") + bool(text) - text.endswith(b"\n")


@given(
    st.lists(st.binary(max_size=300), min_size=1, max_size=3),
    st.sampled_from(["whole", "cut", "flipped", "padded", "followed"]),
    st.integers(0, 400),
)
def test_what_is_unzipped_is_what_the_standard_library_makes_of_it(
    members: list[bytes], change: str, at: int
) -> None:
    body = bytearray(b"".join(gzip.compress(each, mtime=0) for each in members))
    at %= len(body)
    match change:
        case "cut":
            del body[at:]
        case "flipped":
            body[at] ^= 1 << at % 8
        case "padded":
            body += bytes(at)
        case "followed":
            body += b"no gzip"
    try:
        expected: bytes | None = gzip.GzipFile(fileobj=io.BytesIO(body)).read()
    except (EOFError, OSError, zlib.error):
        expected = None
    if expected:
        assert unzip(io.BytesIO(body)).read() == expected
    else:
        with pytest.raises(CorruptObject):
            unzip(io.BytesIO(body))
