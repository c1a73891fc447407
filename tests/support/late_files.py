"""Avro files of earlier dates, and refreshes of the current state that have to see each of them.

See docs/exactly-once.md#files-of-earlier-dates.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from avro_writer.container import DateFile
from avro_writer.lanes import Layout
from avro_writer.plan import Plan
from avro_writer.store import AlreadyThere
from avro_writer.table_files import TableFiles
from tests.support import writer
from tests.support.exploration import Exploration, Explored, Faults
from tests.support.ledger import Ledger
from tests.support.memory_store import MemoryStore
from tests.support.programs import Program
from tests.support.runs import FOLDER, NOW, closing, run_program
from tests.support.scenarios import ONE, TWO_DATES, Events, given_again, set_aside
from tests.support.writer import FIRST_DATE

LAYOUT = Layout("data-pipeline", "demand")
_AVRO = LAYOUT.partition("").removesuffix("partition_date=/")
_SEEN = "seen/"
_ANCHOR = "anchor"
_CLOCK = "clock"
_OVERLAP = timedelta(hours=1)


def refresh(store: Any, name: str = "last", since: str = "9999-12-31") -> None:
    """See the files of the earliest marked date and of all later dates, then delete the marks.

    Parameters
    ----------
    store
        The bucket.
    name
        Another one for each refresh.
    since
        It sees files of this date and later in any case, YYYY-MM-DD.
    """
    marks = [each.key for each in store.objects(LAYOUT.late)]
    earliest = min([since, *(key.removeprefix(LAYOUT.late).split("/")[0] for key in marks)])
    files = [each.key for each in store.objects(_AVRO, LAYOUT.partition(earliest))]
    # The MERGE: all that it has read gets into the table at once.
    store.overwrite(f"{_SEEN}{name}", "\n".join(files).encode())
    for key in marks:
        store.remove(key)


def refresh_since_the_last(store: Any, name: str, now: Callable[[], datetime]) -> None:
    """Refresh, and see the dates since an hour before the last refresh that ended."""
    start = now()
    anchor = store.find(_ANCHOR)
    since = "0001-01-01"
    if anchor is not None:
        since = (datetime.fromisoformat(anchor[0].decode()) - _OVERLAP).date().isoformat()
    refresh(store, name, since)
    store.overwrite(_ANCHOR, start.isoformat().encode())


def refresh_program(name: str) -> Program:
    """Return a refresh as a program."""
    return Program(lambda store, left: refresh(store, name))


def file_ids(store: MemoryStore) -> set[str]:
    """Return the names of the Avro files, without their suffix."""
    return {key.rsplit("/", 1)[-1].removesuffix(".avro") for key in store.keys(_AVRO)}


def unseen(store: MemoryStore) -> set[str]:
    """Return the keys of the Avro files that no refresh has seen."""
    seen = {key for each in store.keys(_SEEN) for key in store.kept[each][0].decode().split("\n")}
    return set(store.keys(_AVRO)) - seen


def check_marks(store: MemoryStore, in_work: Collection[str]) -> None:
    """Check that each file that no refresh has seen has a mark, or somebody will give it one.

    Parameters
    ----------
    store
        The bucket; all of its files are of earlier dates.
    in_work
        Names of files that nothing in the bucket says to be done.
    """
    for key in unseen(store):
        partition, _, name = key.removeprefix(_AVRO).partition("/")
        file_id = name.removesuffix(".avro")
        mark = LAYOUT.late_mark(partition.removeprefix("partition_date="), file_id)
        assert mark in store.kept or file_id in in_work, f"{key} has no mark, and is not seen"


def written_before_its_end(store: MemoryStore) -> set[str]:
    """Return the ids of the plans whose outputs may not all be there."""
    lanes = [Plan.from_json(store.kept[key][0], key) for key in store.keys(LAYOUT.plans)]
    plans = [plan for lane in lanes for plan in (lane, *lane.aside)]
    return {plan.id for plan in plans if plan.state != "written"}


def check_end(store: MemoryStore) -> None:
    """Check that a refresh sees what is left, and that no mark is left."""
    refresh(store)
    check_seen(store)
    assert not store.keys(LAYOUT.late)


def check_seen(store: MemoryStore) -> None:
    """Check that the refreshes have seen every file."""
    assert not unseen(store), "files that no refresh will ever see"


@dataclass(frozen=True)
class Scenario:
    """An exploration of runs over late files, with refreshes.

    Parameters
    ----------
    name
        Its subject.
    landed
        Bodies of landed objects, by name.
    programs
        Names of its programs in their order: A and B are runs, R and S are refreshes.
    faults
        Faults that can happen to the first program.
    events, before
        As in `tests.support.scenarios.Scenario`.
    """

    name: str
    landed: Mapping[str, bytes]
    programs: str
    faults: Faults = field(default_factory=Faults)
    events: Callable[[Ledger], Events] = field(default=lambda ledger: {})
    before: Callable[[MemoryStore], None] = lambda store: None

    def explore(self) -> Explored:
        """Explore all schedules."""
        ledger, store = Ledger(), MemoryStore(now=NOW, page_size=2)
        for name, body in self.landed.items():
            ledger.land(store, name, body)
        self.before(store)
        finish = closing(ledger, first_partition_date=FIRST_DATE)

        def check(store: MemoryStore) -> None:
            check_marks(store, written_before_its_end(store))
            finish(store)
            check_end(store)

        programs = {
            each: run_program(each, first_partition_date=FIRST_DATE)
            if each in "AB"
            else refresh_program(each)
            for each in self.programs
        }
        return explore(programs, store, check, self.faults, self.events(ledger))


def explore(
    programs: Mapping[str, Program],
    store: MemoryStore,
    check: Callable[[MemoryStore], None],
    faults: Faults | None = None,
    events: Events | None = None,
) -> Explored:
    """Explore programs."""
    try:
        return Exploration(programs, check, events=events, faults=faults).run(store)
    finally:
        for each in programs.values():
            each.end()


def explore_midnight() -> Explored:
    """Explore a run over a file of today and a refresh, while a day passes at any moment.

    The programs ask the bucket for the time, so its changes are among their answers.
    """
    store, ledger = MemoryStore(now=NOW, page_size=2), Ledger()
    ledger.land(store, "a", ONE["a"])

    def clock(store: Any) -> datetime:
        found = store.find(_CLOCK)
        return NOW if found is None else datetime.fromisoformat(found[0].decode())

    def run(store: Any, left: Callable[[], float]) -> None:
        writer.run(
            store, run_id="A", now=lambda: clock(store), clock_left=left, unique=lambda: "A",
            folder=FOLDER,
        )  # fmt: skip

    def refresh(store: Any, left: Callable[[], float]) -> None:
        refresh_since_the_last(store, "R", lambda: clock(store))

    def a_day_passes(store: MemoryStore) -> None:
        store.put(_CLOCK, (NOW + timedelta(days=1)).isoformat().encode())

    finish = closing(ledger, first_partition_date=FIRST_DATE)

    def check(store: MemoryStore) -> None:
        finish(store)
        refresh_since_the_last(store, "last", lambda: NOW + timedelta(days=30))
        check_seen(store)

    programs = {"A": Program(run), "R": Program(refresh)}
    return explore(programs, store, check, events={"a day passes": a_day_passes})


QUICK = (
    Scenario("two runs over a late file, a refresh", ONE, "ABR"),
    Scenario("a run over late files of two dates, two refreshes", TWO_DATES, "ARS"),
    Scenario(
        "a run over late files, two refreshes, an answer gets lost",
        ONE, "ARS", Faults(lost=1),
    ),
    Scenario(
        "a run over late files of two dates, a refresh, a request of the run arrives late",
        TWO_DATES, "AR", Faults(delayed=1),
    ),
    Scenario(
        "a run over late files of two dates, a refresh, leaps of the run's clock",
        TWO_DATES, "AR", Faults(clocks=2),
    ),
    Scenario(
        "a refresh, a run over late files of two dates, a delete of the refresh arrives late",
        TWO_DATES, "RA", Faults(delayed=1),
    ),
    Scenario(
        "a run beside a plan of late files that is set aside, S3 gives its object, a refresh",
        TWO_DATES, "AR", events=given_again, before=set_aside,
    ),
)  # fmt: skip


def put_file(self: TableFiles, file: DateFile, file_id: str) -> None:
    """Put a file without its mark, as `TableFiles.put` must not."""
    with file.open() as body, contextlib.suppress(AlreadyThere):
        self.store.create(self.layout.avro(file.date, file_id), body)


def put_mark(self: TableFiles, file_date: str, file_id: str) -> None:
    """Put a mark alone."""
    with contextlib.suppress(AlreadyThere):
        self.store.create(self.layout.late_mark(file_date, file_id), b"")


def mark_before_file() -> AbstractContextManager[object]:
    """Break a rule: the mark comes before the file."""

    def put(self: TableFiles, file: DateFile, file_id: str) -> None:
        put_mark(self, file.date, file_id)
        put_file(self, file, file_id)

    return mock.patch.object(TableFiles, "put", put)


def only_the_first_put_is_marked() -> AbstractContextManager[object]:
    """Break a rule: a file that is there already gets no mark."""

    def put(self: TableFiles, file: DateFile, file_id: str) -> None:
        with contextlib.suppress(AlreadyThere):
            with file.open() as body:
                self.store.create(self.layout.avro(file.date, file_id), body)
            put_mark(self, file.date, file_id)

    return mock.patch.object(TableFiles, "put", put)
