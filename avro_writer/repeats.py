"""Repeats within a batch: which rows were seen already."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

_SIZE = 16  # bytes of a fingerprint: 128 bits, so that no two rows of any batch share one

IDENTITY = ("change_id", "record_key", "change_type", "changed_at_micros")
"""The columns that are the same in a row and its repeat (docs/design.md#repeats)."""


def fingerprints(identities: Iterable[bytes]) -> list[bytes]:
    """Return 128 bits for each change, which stand for it.

    BLAKE2b is collision resistant, so a hostile ``eventID`` cannot make another change vanish.

    Parameters
    ----------
    identities
        The Avro binary of each row's ``IDENTITY``. Avro writes a text's length before it: no choice
        of texts makes two changes look alike.
    """
    return [blake2b(each, digest_size=_SIZE).digest() for each in identities]
