"""What the stack's bucket holds of a record type, or of a delivery stream.

Listings end after some thousand keys, and few objects are read, so the cost is bounded.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import fastavro
import msgspec

from avro_writer.lanes import Layout
from avro_writer.plan import Plan
from avro_writer.store import LandedObject
from infra.deliveries import ALL_TYPES
from infra.naming import DATA_PREFIX
from ops.choices.choice import Done, digest
from ops.choices.protocol import Begun, Sources
from ops.deployment import Deployment
from ops.failed.owners import Owners
from ops.failed.records import (
    Area,
    Place,
    UnreadableObject,
    error_output,
    quarantine_of,
)
from ops.status.facts import Partition, Pile, PlanInFlight, Replays

_MOST_KEYS = 5_000
_MOST_PLANS = 100
_MOST_FILES = 100
_MOST_MARKS = 200
_MOST_PLACES = 20
_MOST_BYTES = 4 * 1024 * 1024
# The header of an Avro file has its schema, and then its counts.
_HEADER_BYTES = 32 * 1024
# A name has the time of an object's first record, or of its plan. The object may be put later.
_LATE = timedelta(days=1)


class Bucket:
    """The objects of one record type, or the error output of a delivery stream.

    Parameters
    ----------
    deployment
        The stack.
    name
        The type, or `infra.deliveries.Delivery.name`.
    now, since
        The time, and the beginning of the window.
    reads
        Reads several objects at once.
    """

    def __init__(
        self,
        deployment: Deployment,
        name: str,
        now: datetime,
        since: datetime,
        reads: Executor,
    ) -> None:
        self._store = deployment.s3_store()
        self._s3 = deployment.client("s3")
        self._bucket = deployment.bucket
        self._name = name
        self._layout = Layout(DATA_PREFIX, name)
        self._owners = Owners(deployment.settings)
        self._now = now
        self._since = since
        self._reads = reads

    def landed(self) -> Pile:
        """Return the landed objects that the Avro writer has not taken yet."""
        found, complete = _first(self._store.objects(self._layout.landing))
        return _pile(found, complete)

    def failed(self) -> Pile:
        """Return the objects of Firehose's error output."""
        root = f"{DATA_PREFIX}/errors/{self._name}/"
        folders = [f"{root}{each}/" for each in self._store.folders(root)]
        return self._kept("errors", folders, f"{self._since - _LATE:%Y/%m/%d}")

    def quarantined(self) -> Pile:
        """Return the quarantines; copies of landed objects there count to the bytes alone."""
        root = f"{DATA_PREFIX}/quarantine/{self._name}/"
        return self._kept("quarantine", [root], f"{self._since - _LATE:%Y%m%dT%H%M%S}")

    def _kept(self, area: Area, folders: list[str], begin: str) -> Pile:
        """Return what is kept; of keys from ``begin`` on, all that the window may have."""
        found, complete = _first(
            itertools.chain.from_iterable(self._store.objects(each) for each in folders)
        )
        last = found
        if not complete:
            # The listing begins with the oldest: the newest are beyond its end.
            last, _ = _first(
                itertools.chain.from_iterable(
                    self._store.objects(each, f"{each}{begin}") for each in folders
                )
            )
        recent = [each for each in last if each.last_modified >= self._since]
        return _pile(found, complete, last, self._waiting(area, recent))

    def _waiting(self, area: Area, recent: list[LandedObject]) -> int | None:
        """Return how many records no replay has brought back; None if it takes too long."""
        places: dict[str, Place] = {}
        for each in recent:
            if area == "errors":
                places[each.key] = error_output(self._store, self._name, each, self._owners)
            else:
                folder = _plan_folder(each.key)
                places[folder] = quarantine_of(self._store, self._name, folder)
        if len(places) > _MOST_PLACES or sum(each.size for each in recent) > _MOST_BYTES:
            return None
        if not places:
            return 0
        parts = self._owners.parts(self._name) if area == "errors" else (self._name,)
        sources = {
            each: Sources(self._store, DATA_PREFIX, each) for each in parts if each != ALL_TYPES
        }
        begun = {each: of.begun(_MOST_KEYS) for each, of in sources.items()}
        if not all(each.complete for each in begun.values()):
            return None
        count = partial(_waiting_of, sources, begun)
        try:
            return sum(self._reads.map(count, places.values()))
        except UnreadableObject:
            return None

    def plans(self) -> tuple[PlanInFlight, ...]:
        """Return the plans of the lanes."""
        found = list(itertools.islice(self._store.objects(self._layout.plans), _MOST_PLANS))
        return tuple(each for each in self._reads.map(self._plan, found) if each)

    def _plan(self, found: LandedObject) -> PlanInFlight | None:
        body = self._store.find(found.key)
        if body is None:
            # A run has finished it in between.
            return None
        plan = Plan.from_json(body[0], found.key)
        return PlanInFlight(found.key, plan.state, found.last_modified, len(plan.aside))

    def last_partition(self) -> Partition | None:
        """Return the last partition that queries see: none of a date that is to come."""
        root = f"{DATA_PREFIX}/avro/{self._name}/"
        tomorrow = self._now.date() + timedelta(days=1)
        dates = (_date(each) for each in self._store.folders(root))
        seen = [each for each in dates if each and each <= tomorrow]
        if not seen:
            return None
        last = max(seen).isoformat()
        files, complete = _first(self._store.objects(f"{root}partition_date={last}/"))
        rows = None
        if complete and len(files) <= _MOST_FILES:
            counts = list(self._reads.map(self._rows, files))
            rows = None if None in counts else sum(each or 0 for each in counts)
        return Partition(last, len(files), sum(each.size for each in files), rows, complete)

    def _rows(self, file: LandedObject) -> int | None:
        """Return the number of an Avro file's rows, which its header has."""
        if not file.size:
            # S3 has no part of an empty object.
            return None
        part = f"bytes=0-{_HEADER_BYTES - 1}"
        body = self._s3.get_object(Bucket=self._bucket, Key=file.key, Range=part)["Body"]
        try:
            return int(fastavro.reader(io.BytesIO(body.read())).metadata["dmd.rows"])
        except (ValueError, EOFError, KeyError):
            # Not a file of the Avro writer.
            return None

    def replays(self) -> Replays:
        """Return what ``dmd replay`` has brought back."""
        begun = Sources(self._store, DATA_PREFIX, self._name).begun(_MOST_KEYS)
        read = begun.done[:_MOST_MARKS]
        rows = sum(self._reads.map(self._replayed_rows, read))
        complete = begun.complete and len(read) == len(begun.done)
        return Replays(len(begun.all), rows, len(begun.unfinished), complete)

    def _replayed_rows(self, key: str) -> int:
        body: Any = self._store.find(key)
        return msgspec.json.decode(body[0], type=Done).rows if body else 0


def _first(objects: Iterator[LandedObject]) -> tuple[list[LandedObject], bool]:
    """Return the first objects of a listing, and whether these are all."""
    found = list(itertools.islice(objects, _MOST_KEYS + 1))
    return found[:_MOST_KEYS], len(found) <= _MOST_KEYS


def _pile(
    found: list[LandedObject],
    complete: bool,
    last: Iterable[LandedObject] = (),
    waiting: int | None = None,
) -> Pile:
    counted = [each for each in found if not _is_copy(each.key)]
    times = [each.last_modified for each in counted]
    newest = [each.last_modified for each in last if not _is_copy(each.key)]
    return Pile(
        objects=len(counted),
        bytes=sum(each.size for each in found),
        oldest=min(times, default=None),
        newest=max((*times, *newest), default=None),
        waiting=waiting,
        complete=complete,
    )


def _is_copy(key: str) -> bool:
    """Say whether an object of the quarantine is a landed one; its entry is another object."""
    return key.startswith(f"{DATA_PREFIX}/quarantine/") and "/objects/" in key


def _plan_folder(key: str) -> str:
    """Return ``<prefix>/quarantine/<type>/<plan>/`` of a key below it."""
    depth = len(f"{DATA_PREFIX}/quarantine/type/plan".split("/"))
    return "/".join(key.split("/")[:depth]) + "/"


def _waiting_of(sources: Mapping[str, Sources], begun: Mapping[str, Begun], place: Place) -> int:
    waiting = 0
    for found in place.objects():
        name, source = found.record_type, digest(found.name)
        replayed = name in begun and source in begun[name].all
        marks = sources[name].marks(source) if replayed else frozenset()
        waiting += sum(not each.elsewhere and each.mark not in marks for each in found.read())
    return waiting


def _date(folder: str) -> date | None:
    name, _, text = folder.partition("=")
    try:
        return date.fromisoformat(text) if name == "partition_date" else None
    except ValueError:
        return None
