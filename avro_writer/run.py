"""One run of the writer: plan after plan until its lanes are empty or its time is up.

See docs/design.md#the-avro-writer.

What becomes of a plan is `attempt`'s; which lanes and objects come next is decided here.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, timedelta
from pathlib import Path

from avro_writer.attempt import Held, Worker, carry_out, take_up
from avro_writer.batch import BatchRules, choose_batch
from avro_writer.compaction import Capacity, Counts
from avro_writer.deadline import Clock, Deadline
from avro_writer.errors import (
    AwaitsNewerCode,
    ObjectsSetAside,
    OutOfTime,
    Overtaken,
    WriterError,
)
from avro_writer.lanes import Lane, Layout, lanes_of_run
from avro_writer.plan import Input, Plan, plan_id
from avro_writer.settings import Assignment, Settings
from avro_writer.store import AlreadyThere, Changed, LandedObject, Missing, Refused, Store
from schemas import avro_schema
from telemetry import Log

_LONGEST_RUN = 900.0  # seconds, Lambda's limit
# An area of thousands that are archived is told by some of them, and by their number.
_MOST_LOGGED = 20


@dataclass
class Report:
    """What a run did.

    Parameters
    ----------
    plans
        Plans whose last output it has seen to.
    counts
        What they came to.
    out_of_time
        Its time, or that of a lane's turn, was up before its lanes were empty.
    lanes_left
        Lanes that it left to another run which is at work there.
    objects_set_aside
        Landed objects that it had to leave alone, each for a reason that the log tells.
    objects_awaiting_newer_code
        Landed objects that it left to newer code: they have rows that do not fit its schema.
    oldest_landed_age
        Age in seconds of the oldest landed object that it saw, 0 if there was none.
    """

    plans: int = 0
    counts: Counts = field(default_factory=Counts)
    out_of_time: bool = False
    lanes_left: int = 0
    objects_set_aside: int = 0
    objects_awaiting_newer_code: int = 0
    oldest_landed_age: float = 0.0


class Run:
    """One run over the lanes of one assignment.

    Parameters
    ----------
    settings, assignment
        What to work on.
    store
        The bucket.
    clock
        Time.
    run_id
        Names the run in its plans: Lambda's request id.
    unique
        Returns letters and digits, other ones each time.
    log
        Where it says what it does.
    folder
        Where on local disk files are made; the system's place for them unless given.
    capacity
        What one plan may hold.
    """

    def __init__(
        self,
        settings: Settings,
        assignment: Assignment,
        store: Store,
        clock: Clock,
        run_id: str,
        unique: Callable[[], str],
        log: Log,
        folder: Path | None = None,
        capacity: Capacity | None = None,
    ) -> None:
        self._settings = settings
        self._assignment = assignment
        self._store = store
        self._clock = clock
        self._unique = unique
        self._log = log
        self._layout = Layout(settings.prefix, assignment.record_type)
        self._rules = BatchRules(
            max_objects=settings.max_plan_objects,
            max_bytes=settings.max_plan_bytes,
            min_bytes=settings.min_plan_bytes,
            max_wait=timedelta(seconds=settings.max_wait_seconds),
            settle=timedelta(seconds=settings.settle_seconds),
        )
        self._deadline = Deadline(clock.remaining)
        self._worker = Worker(
            store=store,
            layout=self._layout,
            deadline=self._deadline,
            now=clock.now,
            run_id=run_id,
            run_until=clock.now().timestamp() + clock.remaining(),
            token=unique(),
            set_aside=self._set_aside,
            new_id=self._new_id,
            schema=avro_schema(assignment.record_type),
            first_partition_date=settings.first_partition_date,
            capacity=capacity or Capacity(),
            folder=folder,
        )
        self._seen: set[Lane] = set()
        self._taken_until: dict[Lane, str] = {}
        self._left_alone: set[Input] = set()
        self._refused: dict[Input, Exception] = {}
        self._tried: set[str] = set()
        self._failure: Exception | None = None
        self.report = Report()

    def run(self) -> None:
        """Work until the lanes are empty or the time is nearly up; `report` says what was done.

        Raises
        ------
        ObjectsSetAside
            S3 refuses landed objects. All others were seen to.
        DiskFull
            Local disk is too small for a landed object, or for a plan. All others were seen to.
        Exception
            What the last lane that failed has failed with, when the other lanes are done.
        """
        try:
            waiting = deque(self._lanes())
            while waiting:
                # One plan of each in turn: a lane with a backlog holds up no other.
                lane = waiting.popleft()
                try:
                    more = self._turn(lane, others=len(waiting))
                except OutOfTime:
                    if not waiting or self._deadline.is_over:
                        raise
                    # Of its turn alone. What the others leave of the run is its again.
                    self.report.out_of_time = more = True
                except Exception as error:
                    self._log_failure(lane, error)
                    self._failure = error
                    continue
                if more:
                    waiting.append(lane)
        except OutOfTime:
            self.report.out_of_time = True
        if failure := self._failure or self._refusal():
            raise failure

    def _lanes(self) -> list[Lane]:
        """Return the run's lanes. The first has the longest turn, and is not always the same."""
        lanes = lanes_of_run(
            self._assignment.lane,
            self._settings.lanes,
            self._store.folders(self._layout.landing),
            [each.key.rsplit("/", 1)[-1] for each in self._store.objects(self._layout.plans)],
        )
        first = zlib.crc32(self._worker.run_id.encode()) % len(lanes)
        return [*lanes[first:], *lanes[:first]]

    def _turn(self, lane: Lane, others: int) -> bool:
        """Do one plan of a lane, while others wait; say whether there may be another."""
        worker = replace(self._worker, deadline=self._deadline.turn(others))
        worker.deadline.check()
        key = self._layout.plan(lane)
        found = self._store.find(key)
        if found is not None and lane not in self._seen:
            next(self._landed(lane, frozenset()), None)
        held = None if found is None else Held(Plan.from_json(found[0], key), key, found[1])
        try:
            if held is None or held.plan.state == "waiting":
                held = self._next(worker, lane, key, held)
                if held is None:
                    return False
            elif held.plan.run != worker.run_id and self._is_fresh(held.plan):
                self._log.info(
                    "lane left to the run at work there", plan=held.plan.id, run=held.plan.run
                )
                self.report.lanes_left += 1
                return False
            done = carry_out(worker, held, self._committed)
        except Overtaken as overtaken:
            self._log.info("overtaken by another run", plan=str(overtaken))
            return True
        self._tried.add(done.id)
        if len(done.inputs) < len(held.plan.inputs):
            # Some of the batch are still there.
            self._taken_until.pop(lane, None)
        return True

    def _next(self, worker: Worker, lane: Lane, key: str, waiting: Held | None) -> Held | None:
        """Return the lane's next plan, None if there is nothing to do.

        Parameters
        ----------
        worker
            Who is to do it.
        lane, key
            The lane, and the key of its plan.
        waiting
            The lane as it stands in S3, if plans are set aside there.

        Raises
        ------
        Overtaken
            Another run has the lane, or the answer to this very put was lost: the plan that stands
            there says which.
        """
        for plan in waiting.plan.aside if waiting else ():
            if waiting and plan.id not in self._tried:
                self._tried.add(plan.id)
                if held := take_up(worker, waiting, plan):
                    return held
        return self._make_plan(lane, key, waiting)

    def _is_fresh(self, plan: Plan) -> bool:
        left = plan.run_until - self._clock.now().timestamp()
        # No run lasts longer; a plan that says so was stamped by a clock that is wrong.
        return 0 < left <= _LONGEST_RUN

    def _make_plan(self, lane: Lane, key: str, waiting: Held | None) -> Held | None:
        """Make a plan of what has landed; the parameters are those of `_next`."""
        aside = waiting.plan.aside if waiting else ()
        held_aside = waiting.plan.held_aside if waiting else frozenset()
        batch = choose_batch(self._landed(lane, held_aside), self._rules, self._clock.now())
        if not batch:
            return None
        plan = Plan(
            id=self._new_id(),
            state="reading",
            record_type=self._assignment.record_type,
            inputs=tuple(map(_input, batch)),
            run=self._worker.run_id,
            run_until=self._worker.run_until,
            aside=aside,
        )
        try:
            if waiting is None:
                etag = self._store.create(key, plan.to_json())
            else:
                etag = self._store.replace(key, plan.to_json(), waiting.etag)
        except (AlreadyThere, Changed, Missing):
            raise Overtaken(key) from None
        self._taken_until[lane] = batch[-1].key
        return Held(plan, key, etag)

    def _new_id(self) -> str:
        return plan_id(self._clock.now(), self._unique())

    def _landed(self, lane: Lane, held_aside: Container[Input]) -> Iterator[LandedObject]:
        """Yield the lane's landed objects after those that this run has taken, by key.

        Not those that plans hold which are set aside, nor those that this run has left alone.
        """
        prefix = self._layout.landed(lane.of)
        for each in self._store.objects(prefix, self._taken_until.get(lane, "")):
            if lane.holds(each.key):
                if lane not in self._seen:
                    self._seen.add(lane)
                    self._see(each)
                if (found := _input(each)) not in held_aside and found not in self._left_alone:
                    yield each
        self._seen.add(lane)

    def _see(self, each: LandedObject) -> None:
        age = (self._clock.now() - each.last_modified.astimezone(UTC)).total_seconds()
        self.report.oldest_landed_age = max(self.report.oldest_landed_age, age)

    def _committed(self, plan: Plan, counts: Counts) -> None:
        self.report.plans += 1
        self.report.counts.add(counts)
        self._log.info("plan written", plan=plan.id, **vars(counts))

    def _set_aside(self, each: Input, error: Exception) -> None:
        if each in self._left_alone:
            return
        self._left_alone.add(each)
        if isinstance(error, AwaitsNewerCode):
            self.report.objects_awaiting_newer_code += 1
            if self.report.objects_awaiting_newer_code <= _MOST_LOGGED:
                self._log.warning("an object waits for newer code", key=each.key)
            return
        self._refused[each] = error
        self.report.objects_set_aside += 1
        if len(self._refused) <= _MOST_LOGGED:
            self._log.error("an object was set aside", key=each.key, reason=_reason(error))

    def _refusal(self) -> Exception | None:
        """Return an error for what was set aside, if anything was."""
        for each, error in self._refused.items():
            if isinstance(error, WriterError):
                return error
            return ObjectsSetAside(
                f"{len(self._refused)} landed objects of {self._assignment.record_type} were left "
                f"where they are, the first of them {each.key} ({_reason(error)}); the others are "
                "written. See docs/operations.md"
            )
        return None

    def _log_failure(self, lane: Lane, error: Exception) -> None:
        self._log.error(
            "a lane failed",
            failed_lane=f"{lane.number} of {lane.of}",
            error=type(error).__name__,
            reason=str(error) if isinstance(error, Refused) else _reason(error),
        )


def _reason(error: Exception) -> str:
    if isinstance(error, Refused):
        return error.reason
    if isinstance(error, WriterError):
        return str(error)
    # Others' texts may show what a record holds.
    return "; ".join(getattr(error, "__notes__", ()))


def _input(each: LandedObject) -> Input:
    return Input(each.key, each.etag, each.size)
