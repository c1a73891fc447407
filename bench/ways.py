"""How many records leave the transform's fast way, which kinds of them do, and what each costs."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import schemas
from bench.changes import MISFITS, ODDITIES, Oddity, changes
from bench.payloads import read_payloads
from bench.workload import Workload
from transform.change_record import ChangeRecordReader
from transform.row import RowMaker
from transform.typed import Glanced, TypedRowMaker

_TYPE = "type"
_TOGETHER = 32


class _Records:
    """Change records by type, and the makers of their rows, which know the records' attributes."""

    def __init__(self, records: Sequence[bytes]) -> None:
        reader = ChangeRecordReader(_TYPE)
        self.by_type: dict[str, list[Glanced]] = defaultdict(list)
        for data in records:
            event, record_type = reader.glance(data)
            assert record_type is not None  # noqa: S101 - made by `bench.changes`
            self.by_type[record_type].append(Glanced(data, event, None))
        tables = {each: schemas.table(each) for each in self.by_type}
        self._makers = {each: TypedRowMaker(table, _TYPE) for each, table in tables.items()}
        self._general = {each: RowMaker(table, _TYPE) for each, table in tables.items()}
        self.left()

    def left(self) -> dict[str, int]:
        """Make all rows; return for each type how many records left the fast way."""
        left = {}
        for record_type, records in self.by_type.items():
            maker = self._makers[record_type]
            before = maker.in_general
            for begin in range(0, len(records), _TOGETHER):
                maker.rows(records[begin : begin + _TOGETHER])
            left[record_type] = maker.in_general - before
        return left

    def cpu(self) -> float:
        """Make all rows; return the CPU time of one, in microseconds."""
        started = time.process_time()
        self.left()
        return (time.process_time() - started) / self.count * 1e6

    def cpu_in_general(self) -> float:
        """As `cpu`, with all rows made on the general way."""
        started = time.process_time()
        for record_type, records in self.by_type.items():
            maker = self._general[record_type]
            for each in records:
                maker.row(ChangeRecordReader.read(each.data, each.event), each.sequence_number)
        return (time.process_time() - started) / self.count * 1e6

    @property
    def count(self) -> int:
        return sum(map(len, self.by_type.values()))


def measure(workload: Workload, rounds: int) -> dict[str, Any]:
    """Return the shares of records that leave the fast way, and the cost of each odd kind.

    Parameters
    ----------
    workload
        Has the records.
    rounds
        How often each kind is measured, in turns with records of which none is odd.

    Returns
    -------
    dict
        ``left``: the share of all records, and of each type's. ``general``: the CPU of making all
        rows on the general way, relative to both ways as they are. ``kinds``: for each odd kind the
        share of its records that leave, and the CPU of making a row, relative to that of a record
        that is not odd.
    """
    real = _Records(list(read_payloads(workload.path("records"))))
    left = real.left()
    shares = {each: left[each] / len(real.by_type[each]) for each in sorted(left)}
    count = max(100, workload.count // 20)
    even = _Records(list(changes(workload.seed, count, share_odd=0)))
    kinds = []
    for name, oddity in {**ODDITIES, **MISFITS}.items():
        odd = _only(oddity, workload.seed, count)
        ratios = [odd.cpu() / even.cpu() for _ in range(rounds)]
        kinds.append(
            {
                "kind": name,
                "left": round(sum(odd.left().values()) / odd.count, 3),
                "cost": round(statistics.median(ratios), 2),
                "in_records": name in ODDITIES,
            }
        )
    general = [real.cpu_in_general() / real.cpu() for _ in range(rounds)]
    return {
        "general": round(statistics.median(general), 2),
        "left": {
            "all": round(sum(left.values()) / real.count, 4),
            **{each: round(share, 4) for each, share in shares.items()},
        },
        "kinds": kinds,
    }


def _only(oddity: Oddity, seed: int, count: int) -> _Records:
    return _Records(list(changes(seed, count, share_odd=1, oddities=(oddity,))))
