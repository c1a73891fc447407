"""Comparing every row of a peer with the reference implementation, before its time counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

import fastavro

from bench.payloads import read_payloads, sequence_number
from bench.workload import Workload, type_of
from testing.reference import outcome

Row = dict[str, Any]


class PeersDiffer(Exception):
    """A peer did not write the rows of the reference implementation."""


def all_of(row: Row) -> Row:
    """Return the whole row of the reference implementation, which the project keeps."""
    return row


def without_rescued(row: Row) -> Row:
    """Return what a peer keeps that rescues no attributes."""
    return {**row, "rescued_attributes": None}


def as_doubles(row: Row) -> Row:
    """Return what a peer keeps whose numbers are doubles and that rescues no attributes."""
    return {name: _near(value) for name, value in without_rescued(row).items()}


def _near(value: Any) -> Any:
    if isinstance(value, Decimal):
        # A double holds fifteen digits, and a column's decimal can have more. Both are rounded as
        # doubles: a decimal can be just below the middle of two results, and its double above.
        return f"{float(value):.12g}"
    if isinstance(value, dict):
        return {name: _near(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_near(each) for each in value]
    return value


KEPT: dict[str, Callable[[Row], Row]] = {
    "project": all_of,
    "usual": without_rescued,
    "node": as_doubles,
}


def expected_rows(workload: Workload) -> dict[str, dict[str, bytes]]:
    """Return for each peer the digests of the rows that it must write, by change ID."""
    expected: dict[str, dict[str, bytes]] = {peer: {} for peer in KEPT}
    for number, record in enumerate(read_payloads(workload.path("records"))):
        row = _reference(record, number)
        for peer, kept in KEPT.items():
            expected[peer][row["change_id"]] = _digest(kept(row))
    return expected


def compare(peer: str, folder: Path, workload: Workload, expected: dict[str, bytes]) -> int:
    """Compare all rows in a folder of Avro files; return how many there are.

    Raises
    ------
    PeersDiffer
        A row is missing, exists twice, or differs from that of the reference implementation.
    """
    kept = KEPT[peer]
    seen: set[str] = set()
    for row in _rows(folder):
        change_id = row["change_id"]
        if change_id in seen:
            raise PeersDiffer(f"{peer} has written the row of {change_id} twice")
        seen.add(change_id)
        if expected.get(change_id) != _digest(kept(row)):
            raise PeersDiffer(_difference(peer, kept(row), workload))
    if len(seen) != len(expected):
        raise PeersDiffer(f"{peer} has written {len(seen)} of {len(expected)} rows")
    return len(seen)


def _rows(folder: Path) -> Iterator[Row]:
    for path in sorted(folder.glob("*.avro")):
        with path.open("rb") as file:
            for row in fastavro.reader(file):
                assert isinstance(row, dict)  # noqa: S101 - a table's schema is a record
                rescued = row["rescued_attributes"]
                yield {**row, "rescued_attributes": rescued and json.loads(rescued)}


def _reference(record: bytes, number: int) -> Row:
    row = outcome(record, type_of(record))
    assert isinstance(row, dict)  # noqa: S101 - the benchmark's records are well-formed
    return {**row, "sequence_number": sequence_number(number)}


def _digest(row: Row) -> bytes:
    return blake2b(repr(_sorted(row)).encode(), digest_size=16).digest()


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted((name, _sorted(each)) for name, each in value.items())
    if isinstance(value, list):
        return [_sorted(each) for each in value]
    return value


def _difference(peer: str, row: Row, workload: Workload) -> str:
    for number, record in enumerate(read_payloads(workload.path("records"))):
        if row["change_id"].encode() in record:
            wanted = KEPT[peer](_reference(record, number))
            names = [n for n in wanted if repr(_sorted(wanted[n])) != repr(_sorted(row.get(n)))]
            shown = {name: (wanted[name], row.get(name)) for name in names}
            return (
                f"{peer} differs from the reference (wanted, written): {shown}\n{record.decode()}"
            )
    return f"{peer} has written a row without a change record: {row['change_id']}"
