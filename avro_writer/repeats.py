"""Repeats within a batch: which rows were seen already, in memory that stays small."""

from __future__ import annotations

from hashlib import blake2b

_SIZE = 16  # bytes of a fingerprint: 128 bits, so that no two rows of any batch share one
_EMPTY = bytes(_SIZE)


def fingerprint(change_id: str, record_key: str, change_type: str, changed_at_micros: int) -> bytes:
    """Return 128 bits that stand for a change.

    Each text is hashed with its length before it: no choice of texts makes two changes look alike.
    BLAKE2b is collision resistant, so a hostile ``eventID`` cannot make another change vanish.
    """
    change, key = change_id.encode(), record_key.encode()
    digest = blake2b(
        b"%d:%b%d:%b%b:%d"
        % (len(change), change, len(key), key, change_type.encode(), changed_at_micros),
        digest_size=_SIZE,
    ).digest()
    # The all-zero fingerprint marks an empty slot.
    return digest if digest != _EMPTY else b"\x01" + digest[1:]


class Fingerprints:
    """A set of fingerprints, 16 bytes a slot in one flat table.

    A Python set of as many ``bytes`` takes about a hundred bytes each; this takes 16 to 43.
    """

    def __init__(self, slots: int = 1 << 12) -> None:
        self._mask = slots - 1
        self._table = bytearray(slots * _SIZE)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, new: bytes) -> bool:
        """Add a fingerprint and say whether it is new."""
        if not self._insert(new):
            return False
        self._count += 1
        # Above three quarters full, probing gets long.
        if self._count * 4 > (self._mask + 1) * 3:
            self._grow()
        return True

    def _insert(self, new: bytes) -> bool:
        table, mask = self._table, self._mask
        slot = int.from_bytes(new[:8], "little") & mask
        while True:
            at = slot * _SIZE
            found = table[at : at + _SIZE]
            if found == _EMPTY:
                table[at : at + _SIZE] = new
                return True
            if found == new:
                return False
            slot = (slot + 1) & mask

    def _grow(self) -> None:
        old = memoryview(self._table)
        self._mask = 2 * self._mask + 1
        self._table = bytearray((self._mask + 1) * _SIZE)
        for at in range(0, len(old), _SIZE):
            each = bytes(old[at : at + _SIZE])
            if each != _EMPTY:
                self._insert(each)
