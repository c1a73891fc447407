"""A landed object's lines: whole, or not at all; as many at a time as may be."""

from __future__ import annotations

import gzip
import io
import itertools
import zlib
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from avro_writer import landed
from avro_writer.landed import CorruptObject, batches, count_lines, unzip

BODIES = st.lists(st.sampled_from([b"", b"a", b"bc", b"d" * 7, b"\r", b"e" * 40]), max_size=9)


def at_leisure() -> None:
    """There is time."""


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
        for each, cut_off in batches(io.BytesIO(text), at_leisure):
            assert each
            assert max(map(len, each)) <= most
            found += each
            assert cut_off == (len(expected[len(found) - 1]) > most)
    assert found == [line[:most] for line in expected]


@given(BODIES, st.booleans(), st.integers(1, 12), st.integers(0, 20))
def test_what_is_not_looked_at_is_counted(
    lines: list[bytes], ended: bool, batch: int, taken: int
) -> None:
    text = b"\n".join(lines) + b"\n" * (ended and bool(lines))
    expected = len(text.split(b"\n")) - (text.endswith(b"\n") or not text)
    body = io.BytesIO(text)
    with mock.patch.multiple(landed, _BATCH_BYTES=batch, MOST_LINE_BYTES=batch, _PIECE=3):
        begun = [len(each) for each, _ in itertools.islice(batches(body, at_leisure), taken)]
        assert sum(begun) + count_lines(body, at_leisure) == expected


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_large_object_that_is_cut_off_is_no_object_of_fewer_lines(
    in_memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not in_memory:
        monkeypatch.setattr(landed, "_MEMORY_BYTES", 0)
    body = gzip.compress(b"row\n" * 200_000)
    assert unzip(io.BytesIO(body), at_leisure).read() == b"row\n" * 200_000
    with pytest.raises(CorruptObject):
        unzip(io.BytesIO(body[:-1]), at_leisure)


@pytest.mark.parametrize("text", [b"x" * 5000, b"\n" * 5000, b"row\n" * 1000])
def test_the_time_is_looked_at_however_an_object_is_read(
    text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landed, "_PIECE", 100)
    monkeypatch.setattr(landed, "_BATCH_BYTES", 100)
    monkeypatch.setattr(landed, "MOST_LINE_BYTES", 100)
    check = mock.Mock()
    body = io.BytesIO(gzip.compress(text))
    for read in (
        lambda: unzip(body, check),
        lambda: list(batches(io.BytesIO(text), check)),
        lambda: count_lines(io.BytesIO(text), check),
    ):
        check.reset_mock()
        read()
        assert check.call_count >= 20


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
        assert unzip(io.BytesIO(body), at_leisure).read() == expected
    else:
        with pytest.raises(CorruptObject):
            unzip(io.BytesIO(body), at_leisure)
