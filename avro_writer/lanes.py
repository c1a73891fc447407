"""Which landed objects a run may take: lanes, and how a change of their number is survived."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

# Far more lanes than a stack may have; a stray folder must not make a run look into millions.
_LANES_FOLDER = re.compile(r"lanes=([1-9][0-9]{0,2})")
_PLAN_NAME = re.compile(r"([1-9][0-9]{0,2})-(0|[1-9][0-9]{0,2})\.json")


@dataclass(frozen=True, order=True)
class Lane:
    """Lane ``number`` of ``of``, within one record type."""

    of: int
    number: int

    def holds(self, key: str) -> bool:
        """Say whether a landed object belongs to this lane; its key alone decides."""
        return zlib.crc32(key.encode()) % self.of == self.number


@dataclass(frozen=True)
class Layout:
    """Where the objects of one record type lie (docs/design.md#the-bucket).

    Parameters
    ----------
    prefix
        The pipeline's key prefix, without a slash at its end.
    record_type
        The type.
    """

    prefix: str
    record_type: str

    @property
    def landing(self) -> str:
        """Prefix of everything landed."""
        return f"{self.prefix}/landing/{self.record_type}/"

    def landed(self, lanes: int) -> str:
        """Prefix of what landed while there were so many lanes."""
        return f"{self.landing}lanes={lanes}/"

    @property
    def plans(self) -> str:
        """Prefix of the plans in flight."""
        return f"{self.prefix}/compaction/{self.record_type}/"

    def plan(self, lane: Lane) -> str:
        """Key of a lane's plan in flight."""
        return f"{self.plans}{lane.of}-{lane.number}.json"

    def avro(self, date: str, plan_id: str) -> str:
        """Key of the Avro file that a plan writes for a date, YYYY-MM-DD."""
        return f"{self.partition(date)}{plan_id}.avro"

    def partition(self, date: str) -> str:
        """Prefix of the Avro files of a date, YYYY-MM-DD."""
        return f"{self.prefix}/avro/{self.record_type}/partition_date={date}/"

    @property
    def current(self) -> str:
        """Prefix of what the refresh of the current state has to know."""
        return f"{self.prefix}/current/{self.record_type}/"

    @property
    def late(self) -> str:
        """Prefix of the late marks, each of an Avro file of an earlier date."""
        return f"{self.current}late/"

    def late_mark(self, date: str, file_id: str) -> str:
        """Key of the late mark of an Avro file, from its date, YYYY-MM-DD, and its name."""
        return f"{self.late}{date}/{file_id}"

    def quarantine(self, plan_id: str) -> str:
        """Prefix of what a plan puts into quarantine."""
        return f"{self.prefix}/quarantine/{self.record_type}/{plan_id}/"


def lanes_of_run(
    number: int, lanes: int, landing_folders: Iterable[str], plan_names: Iterable[str]
) -> list[Lane]:
    """Return the lanes that a run works on: those of other lane counts first, then its own.

    What landed under another number of lanes is drained in the lanes of that number, shared out
    among the runs of today. They come first: they get empty, and an own lane may never be. A lane
    whose landing area is empty counts while its plan is in flight.

    Parameters
    ----------
    number, lanes
        The run's lane, and how many lanes there are today.
    landing_folders
        Names below the type's landing prefix, ``lanes=2`` for instance.
    plan_names
        Names below the type's plan prefix, ``2-0.json`` for instance.
    """
    counts = {int(m[1]) for m in map(_LANES_FOLDER.fullmatch, landing_folders) if m}
    counts |= {int(m[1]) for m in map(_PLAN_NAME.fullmatch, plan_names) if m}
    older = [
        Lane(count, each)
        for count in sorted(counts - {lanes})
        for each in range(number, count, lanes)
    ]
    return [*older, Lane(lanes, number)]
