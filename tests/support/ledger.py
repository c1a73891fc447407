"""Checks the writer's promise in a bucket: every landed row is in exactly one place.

See docs/design.md#the-plan.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache

import fastavro

from avro_writer.plan import Plan
from tests.support.memory_store import MemoryStore, etag_of

Identity = tuple[str, str, str, int]
"""The columns that identify a row: see `docs/decisions/repeats.md`."""

_LANDING, _PLANS, _AVRO, _QUARANTINE = (
    f"data-pipeline/{area}/demand/" for area in ("landing", "compaction", "avro", "quarantine")
)

REPORTED = "reported/"
"""Prefix of what runs say that they have written: each a number of rows."""


@cache
def rows_of(avro: bytes) -> tuple[tuple[Identity, ...], int]:
    """Return the rows of an Avro file, and its count of repeats that were left out."""
    reader = fastavro.reader(io.BytesIO(avro))
    rows = tuple(
        (row["change_id"], row["record_key"], row["change_type"], row["changed_at_micros"])
        for row in reader
        if isinstance(row, dict)
    )
    assert int(reader.metadata["dmd.rows"]) == len(rows), "a file's own count of its rows"
    return rows, int(reader.metadata["dmd.repeats"])


@dataclass(frozen=True)
class Entry:
    """An entry of the quarantine: of a line, of the lines from one on, or of a whole object."""

    key: str
    etag: str
    line: int | None
    lines: int
    data: bytes | None
    copy: str | None

    def numbers(self, body: bytes) -> Iterable[int]:
        """Return the numbers of the lines that it is of, in the object with this body."""
        if self.line is None:
            return range(1, len(_lines(body) or (b"corrupt",)) + 1)
        return range(self.line, self.line + self.lines)


@cache
def _entries(body: bytes) -> tuple[Entry, ...]:
    entries = [json.loads(line) for line in gzip.decompress(body).splitlines()]
    return tuple(
        Entry(
            each["key"],
            each["etag"],
            each.get("line"),
            each.get("lines", 1),
            base64.b64decode(each["data"]) if "data" in each else None,
            each.get("copy"),
        )
        for each in entries
    )


@cache
def _lines(landed: bytes) -> tuple[bytes, ...] | None:
    """Return a landed object's lines, or None if it is corrupt."""
    try:
        lines = tuple(gzip.decompress(landed).splitlines())
    except (OSError, EOFError):
        return None
    return lines or None


@cache
def _identity(line: bytes | None) -> Identity | None:
    try:
        row = json.loads(line or b"")
        return (row["change_id"], row["record_key"], row["change_type"], row["changed_at_micros"])
    except (ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True)
class _Landing:
    key: str
    body: bytes
    replaces: str | None
    happened: str | None = None


def landing_key(name: str, lanes: int = 1) -> str:
    """Return the key of a landed object of the demand type."""
    return f"{_LANDING}lanes={lanes}/2026/11/22/10/{name}.gz"


class Ledger:
    """Records all landed objects, and checks a bucket against them.

    Parameters
    ----------
    twice
        Whether a row may be in two files, because a landed object is rewritten.
    exact
        Whether every line must be in only one place. If the code changes between two attempts at
        a plan, one may put a line into quarantine and the other into the table.
    all_good
        Whether no line may go to quarantine.
    """

    def __init__(self, *, twice: bool = False, exact: bool = True, all_good: bool = False) -> None:
        self._twice = twice
        self._exact = exact
        self._all_good = all_good
        self._landings: list[_Landing] = []
        self._rewritten: set[Identity] = set()

    def land(self, store: MemoryStore, name: str, body: bytes, lanes: int = 1) -> None:
        """Land an object, and replace an existing one of its key."""
        key = landing_key(name, lanes)
        before = store.kept.get(key)
        self._landings.append(_Landing(key, body, before and etag_of(before[0])))
        store.put(key, body)

    def rewrite(self, store: MemoryStore, key: str, body: bytes) -> None:
        """Replace the body of a landed object. Rows of the old body may then be there twice."""
        before = store.kept[key][0]
        self._rewritten |= {each for each in map(_identity, _lines(before) or ()) if each}
        self._landings.append(_Landing(key, body, etag_of(before)))
        store.put(key, body)

    def event(self, name: str, body: bytes, lanes: int = 1) -> Callable[[MemoryStore], None]:
        """Return the landing of an object as an event of an exploration.

        The bucket itself records that it happened, so it is part of an exploration's state.
        """
        key = landing_key(name, lanes)
        happened = f"happened/{len(self._landings)}"
        self._landings.append(_Landing(key, body, None, happened))

        def land(store: MemoryStore) -> None:
            before = store.kept.get(key)
            store.put(happened, etag_of(before[0]).encode() if before else b"")
            store.put(key, body)

        return land

    def _so_far(self, store: MemoryStore) -> list[_Landing]:
        landings = []
        for each in self._landings:
            if each.happened is None:
                landings.append(each)
            elif each.happened in store.kept:
                landings.append(replace(each, replaces=store.kept[each.happened][0].decode()))
        return landings

    def check(self, store: MemoryStore) -> None:
        """Check what must hold at any moment, even if any program dies then."""
        files = [rows_of(store.kept[key][0])[0] for key in store.keys(_AVRO)]
        written: Counter[Identity | None] = Counter(row for rows in files for row in rows)
        if not self._twice:
            doubled = [row for row, n in written.items() if n > 1 and row not in self._rewritten]
            assert not doubled, f"rows are there twice: {doubled}"
        # A run that dies reports nothing.
        reported = sum(int(store.kept[key][0]) for key in store.keys(REPORTED))
        assert reported <= written.total(), f"{reported} rows are reported"
        kept = self._quarantined(store)
        assert not (self._all_good and kept), f"good lines are in quarantine: {kept}"
        landings = self._so_far(store)
        replaced = {(each.key, each.replaces) for each in landings}
        for key, body in {(each.key, each.body) for each in landings}:
            here = store.kept.get(key)
            if (here is not None and here[0] == body) or (key, etag_of(body)) in replaced:
                continue
            for number, line in enumerate(_lines(body) or (None,), 1):
                assert (key, etag_of(body), number) in kept or written[_identity(line)], (
                    f"line {number} of {key} is nowhere"
                )

    def check_rest(self, store: MemoryStore) -> None:
        """Check that nothing is left but what S3 refuses, and the plans that wait for it."""
        self.check(store)
        waiting = {*store.refused("read"), *store.refused("delete")}
        for key in store.keys(_PLANS):
            for plan in Plan.from_json(store.kept[key][0], key).aside:
                assert plan.waits_for in waiting, f"{plan.id} waits for nothing"
                waiting |= {each.key for each in plan.inputs}
        left = set(store.keys(_LANDING)) - waiting
        assert not left, f"{left} had to wait"

    def check_end(self, store: MemoryStore) -> None:
        """Check what must hold when all runs have ended."""
        self.check(store)
        assert store.keys(_LANDING) == [], "landed objects are left"
        assert store.keys(_PLANS) == [], "a plan is left"
        if not self._exact or self._twice:
            return
        totals = self.totals(store)
        assert totals["lines landed"] == sum(
            totals[where] for where in ("rows written", "repeats left out", "lines in quarantine")
        ), totals
        copies = {key for key in store.keys(_QUARANTINE) if "/objects/" in key}
        strangers = copies - {entry.copy for entry in self._entries(store)}
        assert not strangers, f"no entry names {strangers}"

    def totals(self, store: MemoryStore) -> dict[str, int]:
        """Return the counts of landed lines and of their places. A corrupt object is one line."""
        bodies = [each.body for each in self._so_far(store)]
        files = [rows_of(store.kept[key][0]) for key in store.keys(_AVRO)]
        return {
            "lines landed": sum(len(_lines(body) or (b"corrupt",)) for body in bodies),
            "rows written": sum(len(rows) for rows, _ in files),
            "repeats left out": sum(repeats for _, repeats in files),
            "lines in quarantine": self._quarantined(store).total(),
            "objects landed": len(bodies),
            "files written": len(files),
        }

    def _quarantined(self, store: MemoryStore) -> Counter[tuple[str, str, int]]:
        """Return how often each line is in quarantine, which has to have what it says."""
        bodies = {(each.key, etag_of(each.body)): each.body for each in self._so_far(store)}
        found: Counter[tuple[str, str, int]] = Counter()
        for entry in self._entries(store):
            body = bodies[entry.key, entry.etag]
            if entry.data is None:
                copy = store.kept.get(entry.copy or "", (None,))[0]
                assert copy == body, f"{entry.copy!r} is no copy of {entry.key}"
            else:
                (number,) = entry.numbers(body)
                assert (_lines(body) or ())[number - 1] == entry.data
            found.update((entry.key, entry.etag, number) for number in entry.numbers(body))
        return found

    def _entries(self, store: MemoryStore) -> list[Entry]:
        return [
            entry
            for key in store.keys(_QUARANTINE)
            if "/entries-" in key
            for entry in _entries(store.kept[key][0])
        ]
