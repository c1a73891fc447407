"""Repeats within a batch: which rows were seen already, in memory that stays small."""

from __future__ import annotations

from hashlib import blake2b

_SIZE = 16  # bytes of a fingerprint: 128 bits, so that no two rows of any batch share one
_EMPTY = bytes(_SIZE)
_PARTS = 64
_FIRST_SLOTS = 64


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
    """A set of fingerprints, 16 bytes a slot: at most 32 bytes each, however many there are.

    A Python set of as many ``bytes`` takes about a hundred bytes each. The set is cut into parts
    that grow by themselves, so that growing never needs a second copy of the whole.
    """

    def __init__(self) -> None:
        self._parts = [_Part() for _ in range(_PARTS)]

    def __len__(self) -> int:
        return sum(part.count for part in self._parts)

    def add(self, new: bytes) -> bool:
        """Add a fingerprint and say whether it is new."""
        return self._parts[new[-1] % _PARTS].add(new)


class _Part:
    """One part: a table with open addressing, of which at most three quarters are taken."""

    __slots__ = ("_slots", "_table", "count")

    def __init__(self) -> None:
        self.count = 0
        self._slots = _FIRST_SLOTS
        self._table = bytearray(_FIRST_SLOTS * _SIZE)

    def add(self, new: bytes) -> bool:
        if not self._insert(new):
            return False
        self.count += 1
        if self.count * 4 > self._slots * 3:
            self._grow()
        return True

    def _insert(self, new: bytes) -> bool:
        table, slots = self._table, self._slots
        slot = int.from_bytes(new[:8], "little") % slots
        while True:
            at = slot * _SIZE
            found = table[at : at + _SIZE]
            if found == _EMPTY:
                table[at : at + _SIZE] = new
                return True
            if found == new:
                return False
            slot = (slot + 1) % slots

    def _grow(self) -> None:
        old = self._table
        self._slots = self._slots * 3 // 2
        self._table = bytearray(self._slots * _SIZE)
        for at in range(0, len(old), _SIZE):
            each = bytes(old[at : at + _SIZE])
            if each != _EMPTY:
                self._insert(each)
